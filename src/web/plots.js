// Plots as SVG, drawn element by element; colours and strokes are the style sheet's.
import {t} from './i18n.js';

const kSpace = 'http://www.w3.org/2000/svg';
const kWide = 600, kHigh = 180, kLeft = 52, kBottom = 22, kTop = 8;

function svg(tag, properties, ...children) {
  const node = document.createElementNS(kSpace, tag);
  for (const [key, value] of Object.entries(properties ?? {})) node.setAttribute(key, value);
  node.append(...children.filter(Boolean));
  return node;
}

const across = (share) => kLeft + share * (kWide - kLeft);
const down = (share) => kHigh - kBottom - share * (kHigh - kBottom - kTop);

// The next 1, 2 or 5 with zeros.
export function roundUp(most) {
  if (!(most > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].find((step) => step * unit >= most * 0.999) * unit;
}

// `what` is said to those who do not see it; `labels`: [share of the width, text].
function frame(what, most, write, labels, ...drawn) {
  const lines = [0, 0.5, 1].map((share) => svg('line', {class: 'grid', x1: kLeft, x2: kWide, y1: down(share), y2: down(share)}));
  const heights = [0, 0.5, 1].map((share) => {
    const text = svg('text', {x: kLeft - 6, y: down(share) + 4, 'text-anchor': 'end'});
    text.textContent = write(share * most);
    return text;
  });
  const below = labels.map(([share, words]) => {
    const text = svg('text', {x: across(share), y: kHigh - 6, 'text-anchor': share > 0.97 ? 'end' : share < 0.03 ? 'start' : 'middle'});
    text.textContent = words;
    return text;
  });
  return svg('svg', {viewBox: `0 0 ${kWide} ${kHigh}`, role: 'img', 'aria-label': what, class: 'plot'}, ...lines, ...heights, ...below, ...drawn);
}

/// Lines over time.  `series`: [{points: [[x, y]]}]; all share their axes.
export function lines(what, series, write, labels = []) {
  const all = series.flatMap((one) => one.points);
  if (all.length < 2) return empty(t('plotSoon'));
  const [from, to] = [Math.min(...all.map(([x]) => x)), Math.max(...all.map(([x]) => x))];
  const most = roundUp(Math.max(...all.map(([, y]) => y)));
  const drawn = series.map(({points}, i) =>
    svg('polyline', {class: `line series-${i}`, points: points.map(([x, y]) => `${across((x - from) / (to - from || 1)).toFixed(1)},${down(y / most).toFixed(1)}`).join(' ')}));
  return frame(what, most, write, labels, ...drawn);
}

/// Bars of stacked parts.  `bars`: [{label, title, parts: [number]}].
export function bars(what, all, write) {
  if (!all.length) return empty(t('plotNothing'));
  const most = roundUp(Math.max(...all.map(({parts}) => parts.reduce((a, b) => a + b, 0))));
  const drawn = all.flatMap(({parts, title}, i) => {
    let below = 0;
    return parts.map((part, series) => {
      const [top, bottom] = [down((below + part) / most), down(below / most)];
      below += part;
      const words = svg('title');
      words.textContent = title;
      return svg('rect', {class: `bar series-${series}`, x: across((i + 0.1) / all.length).toFixed(1), width: ((0.8 / all.length) * (kWide - kLeft)).toFixed(1),
                          y: top.toFixed(1), height: Math.max(0, bottom - top).toFixed(1)}, words);
    });
  });
  const every = Math.ceil(all.length / 8);
  const labels = all.map(({label}, i) => [(i + 0.5) / all.length, i % every ? '' : label]);
  return frame(what, most, write, labels, ...drawn);
}

export function legend(names) {
  const list = document.createElement('ul');
  list.className = 'legend';
  names.forEach((name, i) => {
    const item = document.createElement('li');
    item.className = `series-${i}`;
    item.textContent = name;
    list.append(item);
  });
  return list;
}

function empty(words) {
  const node = document.createElement('p');
  node.className = 'none';
  node.textContent = words;
  return node;
}
