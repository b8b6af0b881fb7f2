// The server's API, as this page uses it.
import {key} from './store.js';
import {t} from './i18n.js';

export class ApiError extends Error {
  constructor(status, fields) {
    super(fields.message ?? t('failed'));
    this.status = status;
    this.code = fields.code ?? '';
  }
}

/// The answer, if it is none of an error.  Relative to the page, so that it may lie behind another server's path.
export async function ask(path, body, signal, as = key.get()) {
  const headers = {};
  if (body) headers['Content-Type'] = 'application/json';
  if (as) headers.Authorization = `Bearer ${as}`;
  let answer;
  try {
    answer = await fetch(path, {method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), signal});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, {message: t('unreachable'), code: 'unreachable'});
  }
  if (answer.ok) return answer;
  const fields = await answer.json().then((json) => json.error, () => ({}));
  throw new ApiError(answer.status, fields ?? {});
}

export async function models() {
  return (await (await ask('v1/models')).json()).data;
}

/// {tokens, count} of messages, as the model is given them, or of a text.
export async function tokenize(body, signal) {
  return (await ask('v1/tokenize', body, signal)).json();
}

/// The objects of a stream, one after another.  Throws ApiError, also for an error within it.
export async function* stream(path, body, signal) {
  const answer = await ask(path, body, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ApiError(0, {message: t('broken'), code: 'broken'});
    }
    if (piece.done) break;
    text += piece.value;
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const line = text.slice(0, end).split('\n').find((one) => one.startsWith('data: '));
      if (!line) continue;
      if (line === 'data: [DONE]') return;
      const event = JSON.parse(line.slice(6));
      if (event.error) throw new ApiError(500, event.error);
      yield event;
    }
  }
  throw new ApiError(0, {message: t('broken'), code: 'broken'});
}
