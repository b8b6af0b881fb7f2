// What a model writes, shown: marked reads Markdown, KaTeX lays out formulas, and each element is made by hand.
// HTML in an answer stays text, links lead to the web alone, pictures are not fetched.
import {coloured} from './code.js';
import {copyText, el, iconButton} from './dom.js';
import {t} from './i18n.js';

const {marked, katex} = globalThis;

const kInline = [/^\$\$([^$]+?)\$\$/, /^\\\[([\s\S]+?)\\\]/, /^\\\(([\s\S]+?)\\\)/,
                 /^\$(?![\s$])((?:\\.|[^\\$\n])+?)(?<![\s\\])\$(?!\d)/];
const kBlock = [/^ {0,3}\$\$([\s\S]+?)\$\$[ \t]*(?:\n+|$)/, /^ {0,3}\\\[([\s\S]+?)\\\][ \t]*(?:\n+|$)/];

function formula(name, level, patterns, start) {
  return {
    name, level, start,
    tokenizer(source) {
      for (let i = 0; i < patterns.length; ++i) {
        const match = patterns[i].exec(source);
        if (match) return {type: name, raw: match[0], text: match[1].trim(), display: level === 'block' || i < 2};
      }
      return undefined;
    },
  };
}
marked.use({
  extensions: [
    formula('formula', 'inline', kInline, (source) => source.match(/\$|\\[([]/)?.index),
    formula('formulaBlock', 'block', kBlock, (source) => source.match(/(?:^|\n) {0,3}(?:\$\$|\\\[)/)?.index),
  ],
});

const kEntities = {amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', hellip: '…', mdash: '—', ndash: '–',
                   copy: '©', times: '×', rarr: '→', larr: '←', middot: '·', deg: '°'};
function plain(text) {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w{2,8}));/g, (all, dec, hex, name) => {
    const code = dec ? Number(dec) : hex ? parseInt(hex, 16) : 0;
    if (code > 0 && code < 0x110000 && (code < 0xd800 || code > 0xdfff)) return String.fromCodePoint(code);
    return kEntities[name] ?? all;
  });
}

function drawFormula(token) {
  const node = el(token.display ? 'div.formula' : 'span.formula', {dir: 'ltr'});
  try {
    katex.render(token.text, node,
                 {displayMode: token.display, throwOnError: true, strict: 'ignore', trust: false, maxSize: 20, maxExpand: 200});
  } catch {
    node.replaceChildren(el('code', {}, token.raw.trim()));  // half written, or none
  }
  return node;
}

function drawLink(token, inside) {
  if (!/^(?:https?:|mailto:)/i.test(token.href)) return el('span', {title: token.href}, inside);
  return el('a', {href: token.href, target: '_blank', rel: 'noopener noreferrer nofollow', title: token.title}, inside);
}

function drawInline(tokens) {
  return (tokens ?? []).map((token) => {
    switch (token.type) {
      case 'strong': return el('strong', {}, drawInline(token.tokens));
      case 'em': return el('em', {}, drawInline(token.tokens));
      case 'del': return el('del', {}, drawInline(token.tokens));
      case 'codespan': return el('code', {dir: 'auto'}, plain(token.text));
      case 'br': return el('br');
      case 'formula': return drawFormula(token);
      case 'link': return drawLink(token, drawInline(token.tokens));
      case 'image': return drawLink(token, t('picture', {name: plain(token.text) || token.href}));
      case 'html': return /^<br\s*\/?>$/i.test(token.raw.trim()) ? el('br') : token.raw;
      case 'escape': return plain(token.text);
      default: return token.tokens ? drawInline(token.tokens) : plain(token.text ?? token.raw);
    }
  }).flat();
}

function drawCode(token) {
  const language = (token.lang ?? '').match(/^\S*/)[0];
  const copy = iconButton('copy', t('copy'), () => copyText(copy, token.text));
  return el('div.code-block', {dir: 'ltr'},
            el('div.code-head', {}, el('span', {}, language), copy),
            el('pre', {tabIndex: 0}, el('code', {}, coloured(token.text, language))));
}

function drawItem(item) {
  const box = item.task && el('input', {type: 'checkbox', checked: item.checked, disabled: true});
  const inside = item.tokens.map((token) => (token.type === 'text' && !item.loose ? drawInline([token]) : drawBlock(token)));
  return el(item.task ? 'li.task' : 'li', {dir: 'auto'}, box, inside.flat());
}

function drawTable(token) {
  const cell = (tag, one, i) => el(`${tag}${token.align[i] ? `.${token.align[i]}` : ''}`, {dir: 'auto'}, drawInline(one.tokens));
  return el('div.table', {tabIndex: 0},
            el('table', {},
               el('thead', {}, el('tr', {}, token.header.map((one, i) => cell('th', one, i)))),
               el('tbody', {}, token.rows.map((row) => el('tr', {}, row.map((one, i) => cell('td', one, i)))))));
}

function drawBlock(token) {
  switch (token.type) {
    case 'space':
    case 'def': return null;
    case 'heading': return el(`h${Math.min(6, token.depth + 2)}.h${token.depth}`, {dir: 'auto'}, drawInline(token.tokens));
    case 'code': return drawCode(token);
    case 'blockquote': return el('blockquote', {dir: 'auto'}, token.tokens.map(drawBlock));
    case 'list':
      return el(token.ordered ? 'ol' : 'ul', {dir: 'auto', start: token.ordered ? Number(token.start) : undefined},
                token.items.map(drawItem));
    case 'table': return drawTable(token);
    case 'hr': return el('hr');
    case 'formulaBlock': return drawFormula(token);
    case 'html': return el('p', {dir: 'auto'}, token.raw.trim());
    default: return el('p', {dir: 'auto'}, token.tokens ? drawInline(token.tokens) : plain(token.text ?? token.raw));
  }
}

/// Shows `text` in `target`; called again with more of it, only what changed is made anew.
export function drawMarkdown(target, text) {
  const old = target.blocks ?? [];
  let tokens;
  try {
    tokens = marked.lexer(text).filter((token) => token.type !== 'space' && token.type !== 'def');
  } catch {
    tokens = [{type: 'paragraph', raw: text, text}];
  }
  const next = tokens.map((token, i) => (old[i]?.raw === token.raw ? old[i] : {raw: token.raw, node: drawBlock(token)}));
  for (let i = 0; i < Math.max(old.length, next.length); ++i) {
    if (old[i] === next[i]) continue;
    if (!next[i]) old[i].node.remove();
    else if (!old[i]) target.append(next[i].node);
    else old[i].node.replaceWith(next[i].node);
  }
  target.blocks = next;
}
