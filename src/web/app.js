// The page: a list at one side, settings at the other, and between them what is talked about.
import {AdminView} from './admin.js';
import {models} from './api.js';
import {ChatView} from './chat.js';
import {CompareView} from './compare.js';
import {el, iconButton, put, replace, saveFile} from './dom.js';
import {compact, count, t} from './i18n.js';
import {drawPanel} from './panel.js';
import {Sidebar, readExport} from './sidebar.js';
import {choices, conversations} from './store.js';
import {newConversation} from './tree.js';

const kViews = {chat: ChatView, compare: CompareView};
const narrow = matchMedia('(max-width: 800px)');

class App {
  constructor() {
    this.models = [];
    this.sidebar = new Sidebar({start: (kind) => this.start(kind), removed: (id) => id === this.conversation?.id && this.start('chat'),
                                settings: () => this.togglePanel(), admin: () => (location.hash = '#admin'), keys: () => this.keys.showModal(), toggle: () => this.toggleList()});
    this.picker = el('select.model', {'aria-label': t('model'), onchange: () => this.pick(this.picker.value)});
    this.facts = el('span.facts');
    this.problem = el('div.banner', {role: 'alert', hidden: true});
    this.place = el('main');
    this.panel = el('aside.panel', {'aria-label': t('settings'), hidden: true});
    this.live = el('div.unseen', {role: 'status', 'aria-live': 'polite'});
    this.keys = keysDialog();
    this.shade = el('div.shade', {onclick: () => this.closeSides()});
    put(document.body,
        el('a.skip', {href: '#question', onclick: (event) => {
          event.preventDefault();
          this.view?.composer?.focus();
        }}, t('skip')),
        this.sidebar.node,
        el('div.middle', {},
           el('header.top', {},
              iconButton('menu', t('showList'), () => this.toggleList(), {'aria-keyshortcuts': 'Control+B'}),
              this.picker, this.facts, el('span.gap'),
              iconButton('plus', t('newChat'), () => this.start('chat'), {'aria-keyshortcuts': 'Control+Shift+O'}),
              iconButton('sliders', t('settings'), () => this.togglePanel(), {'aria-keyshortcuts': 'Control+,'})),
           this.problem, this.place),
        this.panel, this.shade, this.keys, this.live);
    document.body.classList.toggle('list-hidden', narrow.matches);
    addEventListener('hashchange', () => this.route());
    addEventListener('keydown', (event) => this.key(event));
  }

  async begin() {
    await this.sidebar.load().catch(() => this.fail(t('keepsNothing')));
    await this.reload();
    await this.route();
  }

  /// What is served, asked for again.
  async reload() {
    try {
      this.models = await models();
      this.problem.hidden = true;
    } catch (error) {
      this.models = [];
      this.fail(error.message);
      if (error.status === 401) this.askKey();
    }
    replace(this.picker, this.models.map((model) => el('option', {value: model.id}, model.id)));
    this.picker.value = this.model()?.id ?? '';
    this.picker.disabled = this.models.length < 2;
    this.drawFacts();
  }

  fail(text) {
    this.problem.hidden = false;
    this.problem.textContent = text;
  }

  askKey() {
    this.togglePanel(true);
    this.panel.querySelector('input[type=password]').focus();
  }

  model() {
    return this.modelOf(choices.get().model) ?? this.models[0];
  }
  modelOf(id) {
    return this.models.find((model) => model.id === id);
  }

  pick(id) {
    choices.set({model: id});
    this.drawFacts();
    if (!this.panel.hidden) this.drawPanel();
    this.view?.modelChanged?.();
  }

  drawFacts() {
    const model = this.model();
    this.facts.textContent = model ? `${compact(model.context_window)} · ${model.dsa?.top_k ? t('sparseTop', {n: count(model.dsa.top_k)}) : t('dense')}` : '';
  }

  async route() {
    const id = location.hash.slice(1);
    if (id === 'admin') return this.showAdmin();
    if (id && id === this.conversation?.id) return;
    this.show((id && (await conversations.get(id).catch(() => undefined))) || newConversation('chat'));
  }

  start(kind) {
    const more = kind === 'compare' ? {rounds: [], sides: undefined} : {};
    history.replaceState(null, '', ' ');
    this.show(newConversation(kind, more));
  }

  show(conversation) {
    this.view?.close();
    this.conversation = conversation;
    this.view = new kViews[conversation.kind](this, conversation);
    replace(this.place, this.view.node);
    this.sidebar.mark(conversation.id);
    document.title = conversation.title ? `${conversation.title} · dsa` : 'dsa';
    if (narrow.matches) document.body.classList.add('list-hidden');
    else this.view.composer.focus();
    this.view.scrollToEnd?.(true);
  }

  showAdmin() {
    this.view?.close();
    this.conversation = undefined;
    this.view = new AdminView(this);
    replace(this.place, this.view.node);
    this.sidebar.mark('');
    document.title = `${t('admin')} · dsa`;
    if (narrow.matches) document.body.classList.add('list-hidden');
  }

  async save(conversation) {
    if (location.hash.slice(1) !== conversation.id && conversation === this.conversation)
      history.replaceState(null, '', `#${conversation.id}`);
    document.title = `${conversation.title} · dsa`;
    this.sidebar.current = conversation.id;
    await this.sidebar.save(conversation).catch(() => this.fail(t('keepsNothing')));
  }

  say(text) {
    this.live.textContent = text;
  }

  toggleList() {
    document.body.classList.toggle('list-hidden');
  }
  closeSides() {
    if (narrow.matches) document.body.classList.add('list-hidden');
    this.togglePanel(false);
  }

  togglePanel(open = this.panel.hidden) {
    if (open) this.drawPanel();
    this.panel.hidden = !open;
    document.body.classList.toggle('panel-open', open);
  }
  drawPanel() {
    drawPanel(this.panel, {model: () => this.model(), close: () => this.togglePanel(false), reload: () => this.reload(),
                           exportAll: () => saveFile('dsa-conversations.json', JSON.stringify(this.sidebar.all, null, 1)),
                           importFile: (file) => this.importFile(file)});
  }

  async importFile(file) {
    try {
      const list = await readExport(file);
      await this.sidebar.load();
      this.say(t('imported', {n: list.length}));
    } catch (error) {
      this.fail(error instanceof SyntaxError ? t('noExport') : error.message);
    }
  }

  key(event) {
    const control = event.ctrlKey || event.metaKey;
    const inText = event.target.matches?.('input, textarea, select');
    const act = [
      [control && event.shiftKey && event.code === 'KeyO', () => this.start('chat')],
      [control && !event.shiftKey && event.code === 'KeyK', () => this.find()],
      [control && !event.shiftKey && event.code === 'KeyB', () => this.toggleList()],
      [control && event.key === ',', () => this.togglePanel()],
      [control && event.key === '/', () => this.keys.showModal()],
      [event.altKey && event.key === 'ArrowUp', () => this.view?.editLast?.()],
      [event.key === 'Escape' && !document.querySelector('dialog[open]'), () => (this.panel.hidden ? this.view?.stop?.() : this.togglePanel(false))],
      [event.key === '/' && !control && !inText, () => this.view?.composer?.focus()],
    ].find(([asked]) => asked)?.[1];
    if (!act) return;
    event.preventDefault();
    act();
  }

  find() {
    document.body.classList.remove('list-hidden');
    this.sidebar.search.focus();
    this.sidebar.search.select();
  }
}

function keysDialog() {
  const rows = [['Enter', 'keySend'], ['Shift Enter', 'keyLine'], ['Esc', 'keyStop'], ['Alt ↑', 'keyEdit'], ['Ctrl Shift O', 'keyNew'],
                ['Ctrl K', 'keySearch'], ['Ctrl B', 'keyList'], ['Ctrl ,', 'keySettings'], ['/', 'keyFocus'], ['Ctrl /', 'keyKeys']];
  const dialog = el('dialog.keys', {'aria-label': t('shortcuts'), onclick: (event) => event.target === dialog && dialog.close()},
    el('header', {}, el('h2', {}, t('shortcuts')), iconButton('close', t('close'), () => dialog.close())),
    el('dl', {}, rows.map(([keys, what]) =>
      [el('dt', {dir: 'ltr'}, keys.split(' ').map((one) => el('kbd', {}, one))), el('dd', {}, t(what))]).flat()));
  return dialog;
}

new App().begin();
