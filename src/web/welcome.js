// What is shown before the first question.
import {el, icon} from './dom.js';
import {compact, count, t} from './i18n.js';

const kIdeas = [['text', 'ideaExplain'], ['command', 'ideaCode'], ['pen', 'ideaWrite'], ['columns', 'ideaTable']];

/// `pick(text)`: a suggestion was chosen.
export function welcome(model, pick) {
  const facts = model && [
    t('factContext', {n: compact(model.context_window)}),
    model.dsa?.top_k ? t('factSparse', {n: count(model.dsa.top_k)}) : t('factDense'),
    model.dsa?.kernels,
  ].filter(Boolean);
  return el('div.welcome', {},
            el('img', {src: 'page/icon.svg', alt: '', width: 56, height: 56}),
            el('h1', {}, t('hello')),
            model && el('p', {}, el('bdi', {}, model.id), ' · ', facts.join(' · ')),
            el('div.ideas', {}, kIdeas.map(([sign, key]) =>
              el('button', {type: 'button', dir: 'auto', onclick: () => pick(t(`${key}Text`))}, icon(sign),
                 el('span', {}, el('strong', {}, t(key)), el('small', {}, t(`${key}Text`)))))));
}
