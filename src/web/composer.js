// Where a question is written: text, files, send and stop, and how full the context is.
import {el, icon, iconButton, put, replace} from './dom.js';
import {compact, count, percent, t} from './i18n.js';

const kMostBytes = 8 << 20;

// A text file's text; null if it is none.
async function readText(file) {
  if (file.size > kMostBytes) return null;
  try {
    const text = new TextDecoder('utf-8', {fatal: true}).decode(await file.arrayBuffer());
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

export class Composer {
  /// `acts`: {send({text, files}), stop(), changed()}.
  constructor(acts) {
    this.acts = acts;
    this.files = [];
    this.box = el('textarea', {rows: 1, dir: 'auto', placeholder: t('askAnything'), 'aria-label': t('askAnything'),
                               oninput: () => this.changed(), onkeydown: (event) => this.key(event),
                               onpaste: (event) => this.paste(event)});
    this.chips = el('div.files', {hidden: true});
    this.problem = el('div.problem', {role: 'alert', hidden: true});
    this.picker = el('input', {type: 'file', multiple: true, hidden: true, onchange: () => this.take(this.picker.files)});
    this.meter = el('span.meter', {hidden: true});
    this.button = el('button.send', {type: 'submit', title: t('send'), 'aria-label': t('send')}, icon('send'));
    this.tools = el('span.tools', {}, iconButton('clip', t('attach'), () => this.picker.click()));
    this.form = el('form.composer', {onsubmit: (event) => this.submit(event)},
                   this.problem, this.chips, this.box, el('div.row', {}, this.tools, this.meter, this.button), this.picker);
    this.node = el('div.composer-place', {}, this.form);
  }

  focus() {
    this.box.focus();
  }

  key(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!this.busy) this.form.requestSubmit();
  }

  paste(event) {
    if (event.clipboardData.files.length) this.take(event.clipboardData.files);
  }

  submit(event) {
    event.preventDefault();
    if (this.busy) return this.acts.stop();
    const text = this.box.value.trim();
    if (!text && !this.files.length) return undefined;
    const {files} = this;
    this.files = [];
    this.box.value = '';
    this.drawFiles();
    this.changed();
    return this.acts.send({text, files});
  }

  setText(text) {
    this.box.value = text;
    this.changed();
    this.focus();
  }

  changed() {
    this.button.disabled = !this.busy && !this.box.value.trim() && !this.files.length;
    this.acts.changed?.();
  }

  setBusy(busy) {
    this.busy = busy;
    const label = t(busy ? 'stop' : 'send');
    this.button.title = label;
    this.button.setAttribute('aria-label', label);
    replace(this.button, icon(busy ? 'stop' : 'send'));
    this.form.classList.toggle('busy', busy);
    this.changed();
  }

  async take(list) {
    this.problem.hidden = true;
    for (const file of list) {
      const text = await readText(file);
      if (text === null) {
        this.problem.hidden = false;
        this.problem.textContent = t('noTextFile', {name: file.name});
      } else {
        this.files.push({name: file.name, text});
      }
    }
    this.picker.value = '';
    this.drawFiles();
    this.changed();
    this.focus();
  }

  drawFiles() {
    this.chips.hidden = !this.files.length;
    replace(this.chips, this.files.map((file) =>
      el('span.chip.file-chip', {}, icon('text'), el('bdi', {}, file.name), el('small', {}, t('characters', {n: compact(file.text.length)})),
         iconButton('close', t('removeFile', {name: file.name}), () => {
           this.files = this.files.filter((other) => other !== file);
           this.drawFiles();
           this.changed();
         }))));
  }

  /// `used` of `all` tokens; `about`: it is a guess.
  setMeter(used, all, about = false) {
    this.meter.hidden = !used || !all;
    if (this.meter.hidden) return;
    const share = Math.min(1, used / all);
    const bar = el('span.meter-bar', {'aria-hidden': 'true'}, el('span'));
    bar.firstChild.style.inlineSize = `${100 * share}%`;
    this.meter.classList.toggle('full', share > 0.85);
    this.meter.title = t('meterTitle', {used: count(used), all: count(all), share: percent(used / all)});
    replace(this.meter, bar, el('span', {}, `${about ? '≈ ' : ''}${compact(used)} / ${compact(all)}`));
  }

  /// Files that are dropped anywhere on `area` are asked about.
  dropOn(area) {
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
    let depth = 0;
    const over = (on) => area.classList.toggle('drop', on);
    area.addEventListener('dragenter', (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      ++depth;
      over(true);
    });
    area.addEventListener('dragover', (event) => {
      if (carries(event)) event.preventDefault();
    });
    area.addEventListener('dragleave', () => {
      depth = Math.max(0, depth - 1);
      if (!depth) over(false);
    });
    area.addEventListener('drop', (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth = 0;
      over(false);
      this.take(event.dataTransfer.files);
    });
    put(area, el('div.drop-sign', {'aria-hidden': 'true'}, icon('text'), el('span', {}, t('dropHere'))));
  }
}
