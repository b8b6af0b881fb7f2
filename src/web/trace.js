// What the model looked at while it wrote: the server's account of it, unfolded.  Pure functions over it.

/// Collects `dsa.trace` of a stream: for each token of the answer, which positions each layer selected.
export class Trace {
  constructor() {
    this.tokens = [];  // {visible, layers: Map(layer -> Uint32Array of positions, ascending), from: where its text begins}
    this.now = new Map();
  }

  /// `from`: characters of the answer before this token.
  push(event, from) {
    const layers = new Map();
    for (const {layer, add, drop} of event.layers) {
      const chosen = new Set(this.now.get(layer));
      let at = 0;
      for (const gap of drop) chosen.delete(at += gap);
      at = 0;
      for (const gap of add) chosen.add(at += gap);
      layers.set(layer, Uint32Array.from(chosen).sort());
      this.now.set(layer, layers.get(layer));
    }
    this.tokens.push({visible: event.visible, layers, from});
  }

  get layers() {
    return [...new Set(this.tokens.flatMap((token) => [...token.layers.keys()]))].sort((a, b) => a - b);
  }
}

/// For each position that the token saw, the share of its layers that selected it; of one layer: 0 or 1.
export function shares(token, layer) {
  const out = new Float32Array(token.visible);
  const chosen = layer === null ? [...token.layers.values()] : [token.layers.get(layer)].filter(Boolean);
  if (!chosen.length) return out.fill(1);  // all of it was looked at
  for (const positions of chosen) for (const at of positions) out[at] += 1 / chosen.length;
  return out;
}

/// Of the pairs of tokens that dense attention computes, the share that was computed.
export function pairShare(trace) {
  let done = 0;
  let all = 0;
  for (const token of trace.tokens) {
    if (!token.layers.size) {
      done += token.visible;
      all += token.visible;
    }
    for (const positions of token.layers.values()) {
      done += positions.length;
      all += token.visible;
    }
  }
  return all ? done / all : 1;
}

function common(a, b) {
  let both = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) ++both, ++i, ++j;
    else if (a[i] < b[j]) ++i;
    else ++j;
  }
  return both / Math.max(1, Math.min(a.length, b.length));
}

const mean = (list) => (list.length ? list.reduce((sum, one) => sum + one, 0) / list.length : null);

/// The share of a selection that was in that of the token before, and in that of the layer before; null: unknown.
export function overlaps(trace) {
  const steps = [];
  const layers = [];
  trace.tokens.forEach((token, i) => {
    let above = null;
    for (const [layer, positions] of token.layers) {
      const before = trace.tokens[i - 1]?.layers.get(layer);
      if (before) steps.push(common(before, positions));
      if (above) layers.push(common(above, positions));
      above = positions;
    }
  });
  return {steps: mean(steps), layers: mean(layers)};
}
