// The panel at the side: how answers are asked for, and how the page looks.
import {el, iconButton, put} from './dom.js';
import {count, language, languages, t} from './i18n.js';
import {choices, key, look} from './store.js';

function field(label, control, hint) {
  return el('label.field', {}, el('span', {}, label), control, hint && el('small', {}, hint));
}

/// One of a few: {value: label}.
export function segments(label, options, value, onpick) {
  const name = `segments-${label}-${Math.random()}`;
  return el('fieldset.segments', {}, el('legend', {}, label),
            el('div', {}, Object.entries(options).map(([one, text]) =>
              el('label', {}, el('input', {type: 'radio', name, value: one, checked: one === value, onchange: () => onpick(one)}),
                 el('span', {}, text)))));
}

function number(name, label, range, placeholder) {
  const value = choices.get()[name];
  const box = el('input', {type: 'number', inputMode: 'decimal', dir: 'ltr', ...range, value: value ?? '',
                           placeholder: placeholder ?? t('modelsOwn')});
  box.addEventListener('change', () => {
    if (box.checkValidity()) choices.set({[name]: box.value === '' ? null : Number(box.value)});
    else box.reportValidity();
  });
  return field(label, box);
}

function setTheme(theme) {
  look.set({theme: theme === 'system' ? undefined : theme});
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function setLanguage(to) {
  look.set({language: to});
  location.reload();
}

/// `app`: what it needs of the page: model(), exportAll(), importFile(), close().
export function drawPanel(panel, app) {
  const model = app.model();
  const now = choices.get();
  const system = el('textarea', {rows: 4, dir: 'auto', value: now.system, placeholder: t('systemHint')});
  system.addEventListener('change', () => choices.set({system: system.value.trim()}));
  const keyBox = el('input', {type: 'password', autocomplete: 'off', dir: 'ltr', value: key.get(), placeholder: t('keyHint')});
  keyBox.addEventListener('change', () => {
    key.set(keyBox.value.trim());
    app.reload();
  });
  const repetition = el('input', {type: 'checkbox', checked: now.stop_repetition});
  repetition.addEventListener('change', () => choices.set({stop_repetition: repetition.checked}));
  const file = el('input', {type: 'file', accept: 'application/json,.json', hidden: true});
  file.addEventListener('change', () => file.files[0] && app.importFile(file.files[0]));

  panel.replaceChildren();
  put(panel,
      el('header', {}, el('h2', {}, t('settings')), iconButton('close', t('close'), app.close)),
      el('section', {},
         field(t('system'), system),
         model?.dsa?.top_k && segments(t('attention'), {auto: t('auto'), sparse: t('sparse'), dense: t('dense')}, now.attention,
                                       (attention) => choices.set({attention})),
         segments(t('thinking'), {auto: t('auto'), on: t('on'), off: t('off')}, now.thinking,
                  (thinking) => choices.set({thinking})),
         el('div.pair', {},
            number('temperature', t('temperature'), {min: 0, max: 2, step: 0.05}),
            number('top_p', t('topP'), {min: 0, max: 1, step: 0.01}),
            number('max_tokens', t('maxTokens'), {min: 1, step: 1}, t('untilFull')),
            number('repetition_penalty', t('repetitionPenalty'), {min: 0.5, max: 2, step: 0.05}),
            number('seed', t('seed'), {min: 0, step: 1}),
            model?.dsa?.top_k && number('top_k', t('topK'), {min: 1, max: model.dsa.top_k, step: 1}, count(model.dsa.top_k))),
         el('label.check', {}, repetition, el('span', {}, t('stopRepetition')))),
      el('section', {},
         el('h3', {}, t('thisBrowser')),
         segments(t('theme'), {system: t('themeSystem'), light: t('themeLight'), dark: t('themeDark')},
                  look.get().theme ?? 'system', setTheme),
         segments(t('language'), languages, language, setLanguage),
         field(t('key'), keyBox),
         el('div.buttons', {},
            el('button.quiet', {type: 'button', onclick: app.exportAll}, t('exportAll')),
            el('button.quiet', {type: 'button', onclick: () => file.click()}, t('importFile')), file),
         el('small.note', {}, t('keptHere'))));
}
