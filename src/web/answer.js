// One answer while it is written: asked for, read, thought about, streamed, stopped; and what it took.
import {ApiError, stream, tokenize} from './api.js';
import {Trace} from './trace.js';

const kTraced = 128;  // tokens of an answer whose selections are kept, if they are watched

/// What a request for an answer says beside its messages.
export function fieldsOf(choices, model) {
  const dsa = {progress: true};
  if (choices.stop_repetition) dsa.stop_repetition = true;
  if (choices.attention !== 'auto') dsa.attention = choices.attention;
  if (choices.top_k && model?.dsa?.top_k) dsa.top_k = Math.min(choices.top_k, model.dsa.top_k);
  if (choices.trace && model?.dsa?.top_k) dsa.trace = {tokens: kTraced};
  const fields = {model: model?.id, stream: true, stream_options: {include_usage: true}, dsa};
  for (const name of ['temperature', 'top_p', 'max_tokens', 'repetition_penalty', 'seed'])
    if (choices[name] !== null && choices[name] !== undefined) fields[name] = choices[name];
  if (choices.thinking !== 'auto') fields.thinking = {type: choices.thinking === 'on' ? 'enabled' : 'disabled'};
  return fields;
}

const kSeen = 100;  // milliseconds of writing before a speed is seen from here

export class Answer {
  /// `changed` is called whenever something came.  `text`: what it goes on from.
  constructor(changed, text = '') {
    this.changed = changed;
    this.phase = 'waiting';  // then reading, thinking, writing; done, stopped or failed
    this.text = text;
    this.reasoning = '';
    this.progress = null;
    this.error = null;
    this.finish = null;
    this.usage = null;
    this.pieces = 0;
    this.begun = performance.now();
    this.abort = new AbortController();
  }

  get running() {
    return !['done', 'stopped', 'failed'].includes(this.phase);
  }

  stop() {
    this.abort.abort();
  }

  /// Never throws: what went wrong is `error`.
  async run(path, body) {
    await this.guard(async () => {
      for await (const event of stream(path, body, this.abort.signal)) this.take(event);
    });
    return this;
  }

  /// Goes on with `text` where it was cut: the tokens of the conversation and of the text, continued.
  async goOn(fields, messages) {
    await this.guard(async () => {
      const {model, thinking} = fields;
      const before = await tokenize({model, messages, thinking}, this.abort.signal);
      const written = await tokenize({model, prompt: this.text, add_special_tokens: false}, this.abort.signal);
      const prompt = [...before.tokens, ...written.tokens];
      const left = before.max_model_len - prompt.length;  // this API would write 16 tokens by itself
      const body = {...fields, thinking: undefined, prompt, max_tokens: fields.max_tokens ?? left};
      for await (const event of stream('v1/completions', body, this.abort.signal)) this.take(event);
    });
    return this;
  }

  async guard(act) {
    try {
      await act();
      this.phase = 'done';
    } catch (error) {
      this.phase = error.name === 'AbortError' ? 'stopped' : 'failed';
      if (this.phase === 'failed') this.error = error instanceof ApiError ? error : new ApiError(0, {message: String(error)});
      if (this.phase === 'stopped') this.finish = 'stopped';
    }
    this.ended = performance.now();
    this.changed();
  }

  take(event) {
    const now = performance.now();
    if (event.usage) this.usage = event.usage;
    if (event.dsa?.progress) {
      this.progress = event.dsa.progress;
      if (this.phase === 'waiting') this.phase = 'reading';
    }
    if (event.dsa?.trace) (this.trace ??= new Trace()).push(event.dsa.trace, this.reasoning.length + this.text.length);
    const [choice] = event.choices ?? [];
    if (choice) {
      const thought = choice.delta?.reasoning_content ?? '';
      const text = choice.delta?.content ?? choice.text ?? '';
      if (thought || text) {
        this.first ??= now;
        ++this.pieces;
      }
      if (thought) {
        this.thinkFrom ??= now;
        this.thinkTo = now;
        this.thoughts = (this.thoughts ?? 0) + 1;
        this.reasoning += thought;
        this.phase = 'thinking';
      }
      if (text) {
        this.text += text;
        this.phase = 'writing';
      }
      if (choice.finish_reason) this.finish = choice.finish_reason;
    }
    this.changed();
  }

  /// What stands under an answer; of what the server did not tell, what was seen from here.
  stats() {
    const now = this.ended ?? performance.now();
    const usage = this.usage ?? {};
    const dsa = usage.dsa ?? {};
    const writing = this.first ? now - this.first : 0;
    return {
      tokens: usage.completion_tokens ?? this.pieces,
      thoughts: usage.completion_tokens_details?.reasoning_tokens ?? this.thoughts ?? 0,
      thinkMs: this.thinkFrom ? this.thinkTo - this.thinkFrom : 0,
      prompt: usage.prompt_tokens,
      hit: usage.prompt_cache_hit_tokens ?? this.progress?.cached,
      miss: usage.prompt_cache_miss_tokens,
      firstMs: this.first ? this.first - this.begun : null,
      tokS: dsa.decode_tok_s || (this.pieces > 1 && writing > kSeen ? ((this.pieces - 1) * 1000) / writing : null),
      allMs: now - this.begun,
      finish: this.finish,
      attention: dsa.attention,
      topK: dsa.top_k,
      sparseRows: dsa.sparse_rows,
      denseRows: dsa.dense_rows,
      kernels: dsa.kernels,
      cost: dsa.cost,
      currency: dsa.currency,
    };
  }
}
