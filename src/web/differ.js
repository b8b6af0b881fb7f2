// Two answers beside one another: pure functions over texts.

const words = (text) => text.match(/\S+/gu) ?? [];

/// The number of the first word in which they differ, counted from 0; -1: none so far.  `ended`: both are whole, so that
/// one that goes on differs from one that does not.
export function firstDifference(a, b, ended) {
  const [left, right] = [words(a), words(b)];
  const both = Math.min(left.length, right.length);
  for (let i = 0; i < both; ++i) {
    const lastOfOne = !ended && (i === left.length - 1 || i === right.length - 1);  // it may still grow
    if (left[i] !== right[i]) return lastOfOne && (left[i].startsWith(right[i]) || right[i].startsWith(left[i])) ? -1 : i;
  }
  return ended && left.length !== right.length ? both : -1;
}

export const wordAt = (text, i) => words(text)[i] ?? '';
export const wordCount = (text) => words(text).length;

/// The share of its runs of four words that were there before.
export function repetition(text) {
  const all = words(text.toLowerCase());
  const seen = new Set();
  let again = 0;
  for (let i = 0; i + 4 <= all.length; ++i) {
    const run = all.slice(i, i + 4).join(' ');
    if (seen.has(run)) ++again;
    seen.add(run);
  }
  return all.length < 4 ? 0 : again / (all.length - 3);
}

/// Where word `i` of what `node` shows stands; null if it has fewer.
export function rangeOfWord(node, i) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  let seen = -1;
  let inWord = false;
  for (let text; (text = walker.nextNode());) {
    for (let at = 0; at < text.data.length; ++at) {
      const blank = /\s/u.test(text.data[at]);
      if (!blank && !inWord && ++seen === i) {
        const range = document.createRange();
        range.setStart(text, at);
        range.setEnd(text, at + text.data.slice(at).match(/^\S+/u)[0].length);
        return range;
      }
      inWord = !blank;
    }
    inWord = inWord && !isBlockEnd(text);
  }
  return null;
}

// Words of two blocks are two words, though nothing stands between them.
const isBlockEnd = (text) => text.parentNode.lastChild === text && !/^(A|B|CODE|DEL|EM|SPAN|STRONG)$/.test(text.parentNode.tagName);

/// What `node` shows, with the words of its blocks apart, as rangeOfWord() counts them.
export function shownText(node) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  let out = '';
  for (let text; (text = walker.nextNode());) out += text.data + (isBlockEnd(text) ? '\n' : '');
  return out;
}
