// The text that /metrics answers with, taken apart: pure functions.

/// [{name, labels, value}] of every sample.
export function readMetrics(text) {
  const out = [];
  for (const line of text.split('\n')) {
    const found = line.match(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/);
    if (!found) continue;
    const labels = {};
    for (const [, name, value] of (found[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
      labels[name] = value.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
    out.push({name: found[1], labels, value: Number(found[3])});
  }
  return out;
}

const fits = (sample, name, labels) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value);

/// The sum over all samples of that name that have these labels.
export const total = (samples, name, labels = {}) =>
  samples.reduce((sum, sample) => sum + (fits(sample, name, labels) ? sample.value : 0), 0);

/// Over all its models: {bounds, counts, sum}; counts has one more than bounds, what is past the last.
export function histogram(samples, name) {
  const below = new Map();
  for (const sample of samples)
    if (sample.name === `${name}_bucket`) {
      const bound = sample.labels.le === '+Inf' ? Infinity : Number(sample.labels.le);
      below.set(bound, (below.get(bound) ?? 0) + sample.value);
    }
  const bounds = [...below.keys()].sort((a, b) => a - b);
  const counts = bounds.map((bound, i) => below.get(bound) - (i ? below.get(bounds[i - 1]) : 0));
  return {bounds: bounds.filter(Number.isFinite), counts, sum: counts.reduce((a, b) => a + b, 0)};
}

/// The bound that `share` of all lie below, as far as the buckets tell; null if there are none.
export function quantile({bounds, counts, sum}, share) {
  if (!sum) return null;
  let seen = 0;
  for (let i = 0; i < counts.length; ++i) {
    seen += counts[i];
    if (seen >= share * sum) return bounds[i] ?? Infinity;
  }
  return Infinity;
}
