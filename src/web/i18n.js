// What the page says, in the language that was chosen.
import {en} from './words_en.js';
import {fa} from './words_fa.js';

export const languages = {en: 'English', fa: 'فارسی'};
export const language = document.documentElement.lang in languages ? document.documentElement.lang : 'en';
const words = {en, fa}[language];

/// t('used', {n: 3}): the words with {n} filled in.
export function t(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

const whole = new Intl.NumberFormat(language, {maximumFractionDigits: 0});
const short = new Intl.NumberFormat(language, {notation: 'compact', maximumFractionDigits: 1});

export const count = (n) => whole.format(n);
export const compact = (n) => short.format(n);
export const decimal = (n, digits = 1) =>
  new Intl.NumberFormat(language, {minimumFractionDigits: digits, maximumFractionDigits: digits}).format(n);
/// "0.12 s", "3.2 s", "41 s"
export const seconds = (ms) => t('seconds', {n: decimal(ms / 1000, ms < 1000 ? 2 : ms < 10000 ? 1 : 0)});
/// "42.5 tok/s"
export const speed = (n) => t('tokS', {n: decimal(n, n < 100 ? 1 : 0)});
export const percent = (share) =>
  new Intl.NumberFormat(language, {style: 'percent', maximumFractionDigits: share < 0.1 ? 1 : 0}).format(share);
export const day = (ms) => new Intl.DateTimeFormat(language, {dateStyle: 'medium'}).format(ms);
