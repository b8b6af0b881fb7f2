// How a question and an answer look; what can be done with them is the view's to say.
import {copyText, el, icon, iconButton, put, replace} from './dom.js';
import {compact, count, seconds, t} from './i18n.js';
import {drawMarkdown} from './markdown.js';
import {statsLine} from './stats.js';

/// "‹ 2 / 3 ›", if there is more than one.  `branch`: {index, count, show(step)}.
export function branchArrows(branch) {
  if (!branch || branch.count < 2) return null;
  return el('span.branches', {role: 'group', 'aria-label': t('branches')},
            iconButton('before', t('branchBefore'), () => branch.show(-1), {disabled: branch.index === 0}),
            el('span', {}, `${count(branch.index + 1)} / ${count(branch.count)}`),
            iconButton('after', t('branchAfter'), () => branch.show(1), {disabled: branch.index === branch.count - 1}));
}

function fileChip(file) {
  return el('details.file', {},
            el('summary', {}, icon('text'), el('bdi', {}, file.name), el('small', {}, t('characters', {n: compact(file.text.length)}))),
            el('pre', {dir: 'auto', tabIndex: 0}, file.text.length > 20000 ? `${file.text.slice(0, 20000)}\n…` : file.text));
}

/// `acts`: {branch, edited(text)}, both may be absent.
export function questionView(node, acts = {}) {
  const view = el('article.question', {'aria-label': t('you')});
  const show = () => {
    const copy = iconButton('copy', t('copy'), () => copyText(copy, node.text));
    replace(view,
            node.files?.length ? el('div.files', {}, node.files.map(fileChip)) : null,
            node.text && el('div.bubble', {dir: 'auto'}, node.text),
            el('div.actions', {}, branchArrows(acts.branch), copy,
               acts.edited && iconButton('pen', t('edit'), edit, {'data-act': 'edit'})));
  };
  const edit = () => {
    const box = el('textarea', {value: node.text, dir: 'auto', rows: 1, 'aria-label': t('edit')});
    const form = el('form.edit', {onsubmit: (event) => {
      event.preventDefault();
      if (box.value.trim()) acts.edited(box.value.trim());
    }}, box, el('div', {}, el('button.quiet', {type: 'button', onclick: show}, t('cancel')),
                el('button.main', {type: 'submit'}, t('ask'))));
    box.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') show();
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    replace(view, form);
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  };
  show();
  return view;
}

/// An answer that is redrawn as it comes.  `update(answer)`: {text, reasoning, phase, progress, error, stats}.
export class AnswerView {
  constructor(name) {
    this.status = el('div.status', {hidden: true});
    this.thinking = el('details.thinking', {hidden: true}, el('summary', {}, icon('chevron'), el('span')), el('div.prose'));
    this.body = el('div.prose.answer-text');
    this.problem = el('div.problem', {role: 'alert', hidden: true});
    this.foot = el('div.foot');
    this.name = el('bdi', {}, name);
    this.node = el('article.answer', {'aria-label': name}, el('div.who', {}, el('span.dot', {'aria-hidden': 'true'}), this.name),
                   this.status, this.thinking, this.body, this.problem, this.foot);
  }

  rename(name) {
    this.name.textContent = name;
    this.node.setAttribute('aria-label', name);
  }

  update(answer, running) {
    this.node.setAttribute('aria-busy', String(running));
    this.node.classList.toggle('running', running);
    this.node.classList.toggle('writing', running && answer.phase === 'writing');
    this.drawStatus(answer, running);
    this.drawThinking(answer, running);
    drawMarkdown(this.body, answer.text);
    this.problem.hidden = !answer.error;
    if (answer.error) this.problem.textContent = answer.error;
  }

  // Until the first token: how far the prompt is read, and how much of it need not be.
  drawStatus(answer, running) {
    this.status.hidden = !running || Boolean(answer.text || answer.reasoning);
    if (this.status.hidden) return;
    const {progress} = answer;
    const total = (progress?.total ?? 0) + (progress?.cached ?? 0);
    const known = progress && total > 0;
    replace(this.status,
            el('span.pulse', {'aria-hidden': 'true'}),
            el('span', {}, known ? t('reading', {done: count(progress.done + progress.cached), total: count(total)}) : t('waiting')),
            known && progress.cached > 0 && el('span.chip', {}, icon('check'), t('alreadyRead', {n: count(progress.cached)})),
            known && el('progress', {max: total, value: progress.done + progress.cached, 'aria-label': t('readingLabel')}));
  }

  drawThinking(answer, running) {
    this.thinking.hidden = !answer.reasoning;
    if (!answer.reasoning) return;
    const busy = running && answer.phase === 'thinking';
    this.thinking.classList.toggle('busy', busy);
    const {thinkMs, thoughts} = answer.stats;
    this.thinking.querySelector('summary span').textContent =
      t(busy ? 'thinks' : 'thought', {time: seconds(thinkMs), n: count(thoughts)});
    if (this.thinking.open) drawMarkdown(this.thinking.lastChild, answer.reasoning);
    else this.thinking.ontoggle = () => drawMarkdown(this.thinking.lastChild, answer.reasoning);
  }

  /// What stands under it once it has ended: figures, and buttons.
  end(stats, ...buttons) {
    replace(this.foot, el('div.actions', {}, buttons), statsLine(stats));
  }

  /// Figures alone, while it is written.
  live(stats) {
    const line = statsLine(stats);
    replace(this.foot);
    if (stats.tokens > 0) put(this.foot, line);
  }
}
