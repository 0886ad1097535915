// A sentence as word pieces, and what an encoder of tokens makes of them, as kdviz/data/wordpieces.py and
// kdviz/networks/transformer.py do.
import { unpacked } from "./sums.js";

const END = "·"; // closes the last piece of a word

// Places of the pieces in the vocabulary, at most `length`; 1 is unknown.
export function pieces(sentence, vocabulary, length) {
  const rank = new Map(vocabulary.map((piece, place) => [piece, place]));
  const words = sentence.toLowerCase().match(/[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]/gu) ?? [];
  const known = words.flatMap((word) => {
    const found = joined(word, rank).map((piece) => rank.get(piece) ?? 1);
    return found.includes(1) && rank.has(word + END) ? [rank.get(word + END)] : found; // a vocabulary of whole words
  });
  return known.slice(0, length);
}

function joined(word, rank) {
  let found = Array.from(word);
  found[found.length - 1] += END;
  while (found.length > 1) {
    const ranks = found.slice(1).map((next, i) => rank.get(found[i] + next) ?? Infinity);
    const least = Math.min(...ranks);
    if (least === Infinity) break;
    const at = ranks.indexOf(least);
    const [left, right] = [found[at], found[at + 1]];
    const next = [];
    for (let i = 0; i < found.length; i++) {
      if (found[i] === left && found[i + 1] === right) next.push(left + found[++i]);
      else next.push(found[i]);
    }
    found = next;
  }
  return found;
}

// Weights of a network as they came, by name.
export function opened(told) {
  return Object.fromEntries(Object.entries(told).map(([name, { weight, scale }]) => [name, { ...unpacked(weight), scale: scale && unpacked(scale).values }]));
}

// Logits, and each layer's attention: heads of rows of weights, over the learned vector's place and the tokens'.
export function answer({ heads, layers, cls }, weights, tokens) {
  const width = weights["positions"].shape[1];
  const first = tokens.map((token, place) => sum(rowOf(weights["tokens.weight"], token), rowOf(weights["positions"], place)));
  let x = cls ? [Float64Array.from(weights.cls.values), ...first] : first;
  const attention = [];
  for (let i = 0; i < layers; i++) {
    const name = `layers.${i}`;
    const projected = linear(weights, `${name}.projections`, normed(weights, `${name}.before_attention`, x));
    const { maps, mixed } = attended(projected, heads);
    attention.push(maps);
    const added = linear(weights, `${name}.mixed`, mixed);
    x = x.map((each, at) => sum(each, added[at]));
    const inner = linear(weights, `${name}.inner.0`, normed(weights, `${name}.before_inner`, x)).map((each) => each.map(gelu));
    const out = linear(weights, `${name}.inner.2`, inner);
    x = x.map((each, at) => sum(each, out[at]));
  }
  const last = normed(weights, "norm", x);
  const pooled = cls ? last[0] : new Float64Array(width).map((_, j) => last.reduce((all, each) => all + each[j], 0) / last.length);
  return { logits: Array.from(linear(weights, "head", [pooled])[0]), attention };
}

function attended(projected, heads) {
  const size = projected[0].length / 3 / heads;
  const maps = [];
  const mixed = projected.map(() => new Float64Array(size * heads));
  for (let h = 0; h < heads; h++) {
    const of = (each, part) => each.subarray((part * heads + h) * size, (part * heads + h + 1) * size);
    const map = projected.map((query) => soft(projected.map((key) => dot(of(query, 0), of(key, 1)) / Math.sqrt(size))));
    map.forEach((shares, i) => shares.forEach((share, j) => of(projected[j], 2).forEach((value, k) => (mixed[i][h * size + k] += share * value))));
    maps.push(map);
  }
  return { maps, mixed };
}

function soft(scores) {
  const most = Math.max(...scores);
  const parts = scores.map((score) => Math.exp(score - most));
  const all = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / all);
}

function linear(weights, name, rows) {
  const { values, shape, scale } = weights[`${name}.weight`];
  const bias = weights[`${name}.bias`].values;
  return rows.map((x) => Float64Array.from({ length: shape[0] }, (_, i) => {
    let total = 0;
    for (let j = 0, at = i * shape[1]; j < shape[1]; j++, at++) total += values[at] * x[j];
    return total * scale[i] + bias[i];
  }));
}

function normed(weights, name, rows) {
  const [weight, bias] = [weights[`${name}.weight`].values, weights[`${name}.bias`].values];
  return rows.map((x) => {
    const mean = x.reduce((total, value) => total + value, 0) / x.length;
    const spread = Math.sqrt(x.reduce((total, value) => total + (value - mean) ** 2, 0) / x.length + 1e-5);
    return x.map((value, j) => ((value - mean) / spread) * weight[j] + bias[j]);
  });
}

function rowOf({ values, shape, scale }, i) {
  return Float64Array.from(values.subarray(i * shape[1], (i + 1) * shape[1]), (value) => value * scale[i]);
}

function sum(a, b) {
  return a.map((value, j) => value + b[j]);
}

function dot(a, b) {
  return a.reduce((total, value, j) => total + value * b[j], 0);
}

// x times the normal distribution's share below x, by a series without cancellation.
export function gelu(x) {
  if (Math.abs(x) > 8) return x > 0 ? x : 0;
  const at = x / Math.SQRT2;
  let [term, total] = [at, at];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) total += term *= (2 * at * at) / (2 * n + 1);
  return (x / 2) * (1 + (2 / Math.sqrt(Math.PI)) * Math.exp(-at * at) * total);
}
