// The line under an answer.
import {el} from './dom.js';
import {compact, count, decimal, seconds, speed, t} from './i18n.js';

function item(className, text, title) {
  return el(`span.stat.${className}`, {title}, text);
}

/// "0.0123 USD"; null if the server counts no costs.
export function costText({cost, currency}) {
  if (typeof cost !== 'number') return null;
  return t('cost', {amount: decimal(cost, cost < 0.01 ? 6 : 4), currency});
}

// How the prompt came to be known: a bar of what was found already and what had to be read.
function promptItem(stats) {
  if (stats.prompt === undefined) return null;
  const hit = stats.hit ?? 0;
  const bar = el('span.hit-bar', {'aria-hidden': 'true'}, el('span.hit'));
  bar.firstChild.style.inlineSize = `${stats.prompt ? (100 * hit) / stats.prompt : 0}%`;
  const text = hit ? t('promptSplit', {hit: compact(hit), miss: compact(stats.prompt - hit)})
                   : t('promptRead', {n: compact(stats.prompt)});
  const node = item('prompt', text, t('promptTitle', {hit: count(hit), miss: count(stats.prompt - hit)}));
  node.prepend(bar);
  return node;
}

function attentionItem(stats) {
  if (!stats.attention) return null;
  const sparse = stats.attention === 'sparse';
  const text = sparse && stats.topK ? t('sparseTop', {n: count(stats.topK)}) : t(stats.attention);
  return item(`attention.${stats.attention}`, text,
              t('rowsTitle', {sparse: count(stats.sparseRows ?? 0), dense: count(stats.denseRows ?? 0),
                              kernels: stats.kernels ?? ''}));
}

const kFinishes = ['stop', 'length', 'repetition', 'stopped', 'cancelled', 'error'];

export function statsLine(stats) {
  if (!stats) return null;
  const cost = costText(stats);
  return el('div.stats', {},
            stats.tokS > 0 && item('speed', speed(stats.tokS), t('tokSTitle')),
            stats.tokens > 0 && item('length', t('tokens', {n: count(stats.tokens)})),
            stats.firstMs > 0 && item('first', t('first', {time: seconds(stats.firstMs)}), t('firstTitle')),
            promptItem(stats),
            attentionItem(stats),
            cost && item('cost', cost),
            stats.finish && item(`finish.${stats.finish}`,
                                 kFinishes.includes(stats.finish) ? t(`finish_${stats.finish}`) : stats.finish));
}
