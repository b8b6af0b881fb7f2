// The selection viewer: the prompt, coloured by what was looked at for a token of the answer.
import {tokenize} from './api.js';
import {el, iconButton, replace} from './dom.js';
import {count, percent, t} from './i18n.js';
import {overlaps, pairShare, shares} from './trace.js';

const kMostShown = 20000;  // tokens of a prompt that are laid out one by one

function figure(name, value) {
  return el('div.figure', {}, el('strong', {}, value), el('span', {}, name));
}

/// A dialog over `trace`, for an answer to `messages`.  `text`: the answer, thoughts and all, as its tokens came;
/// `asked`: the fields of its request.
export class SelectionView {
  constructor({trace, text, messages, asked}) {
    this.trace = trace;
    this.layer = null;
    this.chosen = 0;
    const pieces = trace.tokens.map((token, i) => text.slice(token.from, trace.tokens[i + 1]?.from ?? text.length));
    this.answer = el('div.answer-tokens', {dir: 'auto', role: 'listbox', 'aria-label': t('selectionAnswer'), tabIndex: 0,
                                           onkeydown: (event) => this.key(event)},
                     pieces.map((piece, i) => el('span.token', {role: 'option', onclick: () => this.choose(i)}, piece || '·')));
    this.prompt = el('div.prompt-tokens', {dir: 'auto', tabIndex: 0}, t('waiting'));
    this.strip = el('canvas.strip', {'aria-label': t('selectionStrip'), role: 'img', onclick: (event) => this.pick(event)});
    this.about = el('p.about-token');
    this.node = el('dialog.selection', {'aria-label': t('selection'), onclose: () => this.node.remove(),
                                        onclick: (event) => event.target === this.node && this.node.close()},
      el('header', {}, el('h2', {}, t('selection')), this.layerBox(), iconButton('close', t('close'), () => this.node.close())),
      this.figures(), el('h3', {}, t('selectionAnswer')), this.answer, el('h3', {}, t('selectionStrip')), this.strip,
      el('h3', {}, t('selectionPrompt')), this.about, this.prompt);
    document.body.append(this.node);
    this.node.showModal();
    this.load(messages, asked, pieces);
  }

  figures() {
    const {steps, layers} = overlaps(this.trace);
    return el('div.figure-row', {},
              figure(t('selectionPairs'), percent(pairShare(this.trace))),
              steps !== null && figure(t('selectionSteps'), percent(steps)),
              layers !== null && figure(t('selectionLayers'), percent(layers)));
  }

  layerBox() {
    const box = el('select', {'aria-label': t('selectionLayer'), onchange: () => {
      this.layer = box.value === '' ? null : Number(box.value);
      this.draw();
    }}, el('option', {value: ''}, t('allLayers')),
       this.trace.layers.map((layer) => el('option', {value: layer}, t('oneLayer', {n: count(layer)}))));
    return box;
  }

  // The prompt's tokens are the server's to know; those of the answer follow them.
  async load(messages, {model, thinking}, pieces) {
    let strings = [];
    try {
      strings = (await tokenize({model, messages, thinking, return_token_strs: true})).token_strs;
    } catch (error) {
      replace(this.prompt, error.message);
      return;
    }
    const skip = Math.max(0, strings.length - kMostShown);
    this.first = skip;
    this.spans = [...strings.slice(skip), ...pieces].map((text) => el('span.token', {}, text));
    replace(this.prompt, skip > 0 && el('small', {}, t('selectionSkipped', {n: count(skip)})), this.spans);
    this.draw();
  }

  choose(i) {
    this.chosen = Math.min(this.trace.tokens.length - 1, Math.max(0, i));
    this.draw();
    this.answer.children[this.chosen].scrollIntoView({block: 'nearest'});
  }

  key(event) {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    this.choose(this.chosen + step);
  }

  pick(event) {
    const box = this.strip.getBoundingClientRect();
    this.choose(Math.floor(((event.clientY - box.top) / box.height) * this.trace.tokens.length));
  }

  draw() {
    [...this.answer.children].forEach((node, i) => {
      node.setAttribute('aria-selected', String(i === this.chosen));
    });
    const token = this.trace.tokens[this.chosen];
    const share = shares(token, this.layer);
    const looked = share.reduce((sum, one) => sum + (one > 0 ? 1 : 0), 0);
    this.about.textContent = t('selectionOf', {n: count(looked), all: count(token.visible), share: percent(looked / token.visible)});
    (this.spans ?? []).forEach((span, i) => {
      const at = i + this.first;
      span.style.setProperty('--share', share[at] ?? 0);
      span.classList.toggle('unseen-yet', at >= token.visible);
      span.title = at < token.visible ? t('selectionShare', {n: count(at), share: percent(share[at])}) : '';
    });
    this.drawStrip();
  }

  // A row for each token of the answer, a column for each position (or as many of them as a pixel holds).
  drawStrip() {
    const {tokens} = this.trace;
    const wide = Math.max(...tokens.map((token) => token.visible));
    const width = Math.min(wide, 1200);
    this.strip.width = width;
    this.strip.height = tokens.length;
    const pen = this.strip.getContext('2d');
    const image = pen.createImageData(width, tokens.length);
    const [red, green, blue] = getComputedStyle(this.strip).color.match(/[\d.]+/g).map(Number);
    tokens.forEach((token, y) => {
      const share = shares(token, this.layer);
      for (let x = 0; x < width; ++x) {
        const from = Math.floor((x * wide) / width);
        const to = Math.max(from + 1, Math.floor(((x + 1) * wide) / width));
        let most = 0;
        for (let at = from; at < Math.min(to, share.length); ++at) most = Math.max(most, share[at]);
        image.data.set([red, green, blue, 255 * most], 4 * (y * width + x));
      }
    });
    pen.putImageData(image, 0, 0);
    this.strip.style.blockSize = `${Math.min(160, Math.max(48, tokens.length * 3))}px`;
  }
}
