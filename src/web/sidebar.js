// The list of conversations: found by their words, opened, exported, removed.
import {el, icon, iconButton, put, replace, saveFile} from './dom.js';
import {t} from './i18n.js';
import {conversations} from './store.js';
import {allText} from './tree.js';

const kDay = 24 * 3600 * 1000;

function ageOf(time) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (time >= midnight) return 'today';
  if (time >= midnight - kDay) return 'yesterday';
  return time >= midnight - 7 * kDay ? 'week' : 'earlier';
}

export class Sidebar {
  /// `acts`: {open(conversation), start(kind), removed(id), settings(), admin(), keys()}.
  constructor(acts) {
    this.acts = acts;
    this.all = [];
    this.current = '';
    this.search = el('input', {type: 'search', dir: 'auto', placeholder: t('search'), 'aria-label': t('search'), oninput: () => this.draw()});
    this.list = el('div.list', {role: 'list'});
    this.node = el('nav.sidebar', {'aria-label': t('conversations')},
      el('div.brand', {}, el('img', {src: 'page/icon.svg', alt: ''}), el('strong', {}, 'dsa'),
         iconButton('menu', t('hideList'), () => acts.toggle(), {'aria-keyshortcuts': 'Control+B'})),
      el('button.new', {type: 'button', onclick: () => acts.start('chat'), title: 'Ctrl+Shift+O'}, icon('plus'), t('newChat')),
      el('button.new', {type: 'button', onclick: () => acts.start('compare')}, icon('columns'), t('newCompare')),
      el('label.search', {}, icon('search'), this.search),
      this.list,
      el('div.bottom', {},
         iconButton('gear', t('settings'), acts.settings), iconButton('keys', t('shortcuts'), acts.keys),
         iconButton('chart', t('admin'), acts.admin)));
  }

  async load() {
    this.all = (await conversations.all()).sort((a, b) => b.updated - a.updated);
    this.draw();
  }

  /// It has changed, or is new.
  async save(conversation) {
    await conversations.put(conversation);
    this.all = [conversation, ...this.all.filter((one) => one.id !== conversation.id)].sort((a, b) => b.updated - a.updated);
    this.draw();
  }

  async remove(conversation) {
    if (!confirm(t('removeSure', {title: conversation.title}))) return;
    await conversations.remove(conversation.id);
    this.all = this.all.filter((one) => one.id !== conversation.id);
    this.draw();
    this.acts.removed(conversation.id);
  }

  mark(id) {
    this.current = id;
    this.draw();
  }

  draw() {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.all.filter((one) => !wanted || allText(one).includes(wanted));
    replace(this.list);
    let age = '';
    for (const one of found) {
      if (ageOf(one.updated) !== age) {
        age = ageOf(one.updated);
        put(this.list, el('h3', {}, t(age)));
      }
      put(this.list, this.row(one));
    }
    if (!found.length) put(this.list, el('p.none', {}, t(wanted ? 'nothingFound' : 'noneYet')));
  }

  row(one) {
    const name = `dsa-${one.title.replace(/[^\p{L}\d]+/gu, '-').slice(0, 40) || one.id}.json`;
    return el('div.entry', {role: 'listitem', ...(one.id === this.current ? {'aria-current': 'page'} : {})},
              el('a', {href: `#${one.id}`, dir: 'auto'}, one.kind === 'compare' && icon('columns'), el('span', {}, one.title || t('untitled'))),
              iconButton('save', t('exportOne'), () => saveFile(name, JSON.stringify([one], null, 1))),
              iconButton('trash', t('remove'), () => this.remove(one)));
  }
}

/// Conversations out of an exported file.  Throws Error for what is none.
export async function readExport(file) {
  const list = JSON.parse(await file.text());
  const fits = (one) => typeof one?.id === 'string' && ['chat', 'compare'].includes(one.kind) && typeof one.title === 'string' &&
                        typeof one.updated === 'number' && (one.kind === 'chat' ? one.nodes?.root : Array.isArray(one.rounds));
  if (!Array.isArray(list) || !list.every(fits)) throw new Error(t('noExport'));
  for (const one of list) await conversations.put(one);
  return list;
}
