// A conversation with one model: asked, answered, edited, answered again, each way a branch of its tree.
import {tokenize} from './api.js';
import {Answer, fieldsOf} from './answer.js';
import {Composer} from './composer.js';
import {copyText, el, everyFrame, iconButton, replace} from './dom.js';
import {t} from './i18n.js';
import {AnswerView, branchArrows, questionView} from './message.js';
import {SelectionView} from './selection.js';
import {choices} from './store.js';
import {addNode, branches, messagesOf, pathTo, showBranch, shownPath, titleOf} from './tree.js';
import {welcome} from './welcome.js';

const kGuessed = 400000;  // characters past which the context is guessed, not counted

export class ChatView {
  /// `app`: {model(), modelOf(id), save(conversation), say(text)}.
  constructor(app, conversation) {
    this.app = app;
    this.conversation = conversation;
    this.list = el('div.messages', {role: 'log', 'aria-label': t('messages')});
    this.toEnd = iconButton('down', t('toEnd'), () => this.scrollToEnd(true));
    this.toEnd.classList.add('to-end');
    this.scroller = el('div.scroller', {onscroll: () => this.scrolled()}, this.list);
    this.composer = new Composer({send: (question) => this.send(question), stop: () => this.stop(), changed: () => this.countSoon()});
    this.watch = iconButton('eye', t('watch'), () => this.setWatch(!choices.get().trace));
    this.watch.classList.add('watch');
    this.composer.tools.append(this.watch);
    this.traces = new Map();  // by answer, as long as the page lives
    this.setWatch(choices.get().trace);
    this.modelChanged();
    this.node = el('section.view.chat', {}, this.scroller, el('div.dock', {}, this.toEnd, this.composer.node));
    this.composer.dropOn(this.node);
    this.sticks = true;
    this.draw();
  }

  setWatch(trace) {
    choices.set({trace});
    this.watch.setAttribute('aria-pressed', String(trace));
  }
  modelChanged() {
    this.watch.hidden = !this.app.model()?.dsa?.top_k;
  }

  close() {
    this.stop();
    clearTimeout(this.countTimer);
  }

  stop() {
    this.running?.answer.stop();
  }

  draw() {
    const path = shownPath(this.conversation);
    this.node.classList.toggle('empty', !path.length);
    replace(this.list, path.length ? path.map((node) => this.viewOf(node)) : welcome(this.app.model(), (text) => this.composer.setText(text)));
    this.composer.setBusy(Boolean(this.running));
    this.scrollToEnd();
  }

  viewOf(node) {
    if (node.role === 'user') {
      const edited = (text) => this.send({text, files: node.files ?? []}, node.parent);
      return questionView(node, {branch: this.branchOf(node), edited: this.running ? null : edited});
    }
    if (this.running?.node === node) return this.running.view.node;
    const view = new AnswerView(node.model);
    view.update({...node, phase: 'done'}, false);
    this.endAnswer(view, node);
    return view.node;
  }

  branchOf(node) {
    return {...branches(this.conversation, node), show: (step) => {
      if (this.running) return;
      showBranch(this.conversation, node, step);
      this.app.save(this.conversation);
      this.draw();
    }};
  }

  endAnswer(view, node) {
    const copy = iconButton('copy', t('copy'), () => copyText(copy, node.text));
    const curl = iconButton('command', t('copyCurl'), () => copyText(curl, this.curlOf(node)));
    const cut = ['length', 'stopped'].includes(node.stats?.finish) && node.text && !node.reasoning;
    const trace = this.traces.get(node.id);
    const look = trace && iconButton('eye', t('selection'), () => this.showSelection(node, trace), {'data-act': 'selection'});
    view.end(node.stats, branchArrows(this.branchOf(node)), copy,
             iconButton('again', t('again'), () => this.answer(this.conversation.nodes[node.parent]), {'data-act': 'again'}),
             cut && iconButton('onward', t('goOn'), () => this.goOn(node), {'data-act': 'onward'}), curl, look);
  }

  showSelection(node, trace) {
    const messages = messagesOf(pathTo(this.conversation, this.conversation.nodes[node.parent]), node.system);
    return new SelectionView({trace, text: node.reasoning + node.text, messages, asked: node.asked});
  }

  // The request that this answer was the answer to, for a shell.
  curlOf(node) {
    const body = {...node.asked, messages: messagesOf(pathTo(this.conversation, this.conversation.nodes[node.parent]), node.system)};
    const quoted = JSON.stringify(body, null, 1).replaceAll("'", "'\\''");
    return `curl ${new URL('v1/chat/completions', document.baseURI)} -H 'Content-Type: application/json' -d '${quoted}'`;
  }

  async send(question, parent) {
    if (this.running) return;
    const path = shownPath(this.conversation);
    const node = addNode(this.conversation, parent ?? path.at(-1)?.id ?? 'root', {role: 'user', ...question});
    if (!this.conversation.title) this.conversation.title = titleOf(question.text || question.files[0].name);
    await this.answer(node);
  }

  /// Once more, or for the first time.
  async answer(question) {
    if (this.running) return;
    const {system} = choices.get();
    const asked = fieldsOf(choices.get(), this.app.model());
    const node = addNode(this.conversation, question.id, {role: 'assistant', text: '', reasoning: '', model: this.app.model()?.id, asked, system});
    const messages = messagesOf(pathTo(this.conversation, question), system);
    await this.follow(node, new Answer(() => this.running?.draw()), (answer) => answer.run('v1/chat/completions', {...asked, messages}));
  }

  /// Goes on with an answer that was cut.
  async goOn(node) {
    if (this.running) return;
    const messages = messagesOf(pathTo(this.conversation, this.conversation.nodes[node.parent]), node.system);
    await this.follow(node, new Answer(() => this.running?.draw(), node.text), (answer) => answer.goOn(node.asked, messages));
  }

  // Shows an answer while it is written, and keeps it.
  async follow(node, answer, run) {
    const view = new AnswerView(node.model);
    const draw = everyFrame(() => {
      const stats = answer.stats();
      Object.assign(node, {text: answer.text, reasoning: answer.reasoning, stats, error: answer.error?.message});
      view.update({...answer, stats, error: node.error}, answer.running);
      if (answer.running) view.live(stats);
      this.scrollToEnd();
      this.keepSometimes();
    });
    this.running = {node, answer, view, draw};
    this.sticks = true;
    this.draw();
    draw();
    this.app.save(this.conversation);
    await run(answer);
    this.running = null;
    const stats = answer.stats();
    Object.assign(node, {text: answer.text, reasoning: answer.reasoning, stats, error: answer.error?.message});
    if (answer.trace) this.traces.set(node.id, answer.trace);
    this.conversation.updated = Date.now();
    await this.app.save(this.conversation);
    this.draw();
    this.app.say(answer.error ? answer.error.message : t('answered', {n: stats.tokens}));
    if (answer.error?.status === 401) this.app.askKey();
  }

  // A page that is closed in the midst of an answer loses little of it.
  keepSometimes() {
    if (performance.now() - (this.kept ?? 0) < 3000) return;
    this.kept = performance.now();
    this.app.save(this.conversation);
  }

  // The context: what the last answer says, until something more is written.
  countSoon() {
    clearTimeout(this.countTimer);
    if (this.running) return;
    this.countTimer = setTimeout(() => this.count(), 350);
  }

  async count() {
    const model = this.app.model();
    const path = shownPath(this.conversation);
    const draft = {role: 'user', text: this.composer.box.value, files: this.composer.files};
    const messages = messagesOf(draft.text || draft.files.length ? [...path, draft] : path, choices.get().system);
    if (!model || !path.length && messages.length < 2 && !draft.text && !draft.files.length) return this.composer.setMeter(0, 0);
    const characters = messages.reduce((sum, message) => sum + message.content.length, 0);
    if (characters > kGuessed) return this.composer.setMeter(characters / 4, model.context_window, true);
    try {
      this.composer.setMeter((await tokenize({model: model.id, messages})).count, model.context_window);
    } catch {
      this.composer.setMeter(characters / 4, model.context_window, true);  // it does not fit, or nobody answers
    }
    return undefined;
  }

  // New text is followed only by those who look at the end.
  scrolled() {
    const {scrollTop, scrollHeight, clientHeight} = this.scroller;
    this.sticks = scrollHeight - scrollTop - clientHeight < 60;
    this.toEnd.classList.toggle('shown', !this.sticks);
  }

  scrollToEnd(always = false) {
    if (always) this.sticks = true;
    if (this.sticks) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /// The last question, to be edited.
  editLast() {
    [...this.list.querySelectorAll('[data-act=edit]')].at(-1)?.click();
  }
}
