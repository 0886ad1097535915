// Rounds of self-distillation of a curve: each is the smoothest within the tolerance of the one before.
import { choice, panels, sentence, slider, stage } from "./page.js";
import { chart } from "./chart.js";
import { row, unpacked } from "./sums.js";

const MOST = 12; // rounds
const IN_USE = 0.01; // of the largest factor
const FINE = Array.from({ length: 201 }, (_, i) => i / 200);
const wave = (x) => Math.sin(2 * Math.PI * x);

// The kernel of a rod that lies free on its ends.
export function bending(a, b) {
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  return (low * (1 - high) * (2 * high - low * low - high * high)) / 6;
}

// Even points inside (0, 1), the kernel's matrix over N, and its eigenvectors: sines, for points like these.
export function basis(count) {
  const x = Array.from({ length: count }, (_, n) => (n + 1) / (count + 1));
  const size = Math.sqrt(2 / (count + 1));
  const vectors = x.map((_, k) => x.map((at) => size * Math.sin((k + 1) * Math.PI * at)));
  const eigenvalues = vectors.map((v) => {
    const n = (count - 1) >> 1; // d = (G v)_n / v_n, where v_n is not 0
    const m = Math.abs(v[n]) > 1e-6 ? n : 0;
    return x.reduce((sum, at, i) => sum + bending(x[m], at) * v[i], 0) / count / v[m];
  });
  return { x, vectors, eigenvalues };
}

// The strength c at which the mean squared distance from the targets is the tolerance: it grows with c.
function strength(d, powers, tolerance) {
  const distance = (c) => powers.reduce((sum, p, k) => sum + (c / (c + d[k])) ** 2 * p, 0) / d.length;
  let [low, high] = [Math.log(d[d.length - 1]), Math.log(d[0])];
  while (distance(Math.exp(low)) > tolerance) low -= 5;
  while (distance(Math.exp(high)) < tolerance) high += 5;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (distance(Math.exp(middle)) < tolerance) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}

// Each round: its strength, what is left of each coefficient, and the coefficients it was fitted to.
export function rounds({ vectors, eigenvalues: d }, y, tolerance) {
  let given = vectors.map((v) => v.reduce((sum, part, n) => sum + part * y[n], 0));
  let left = d.map(() => 1);
  const all = [];
  while (all.length < MOST && given.reduce((sum, z) => sum + z * z, 0) > d.length * tolerance) {
    const c = strength(d, given.map((z) => z * z), tolerance);
    left = left.map((part, k) => (part * d[k]) / (c + d[k]));
    all.push({ c, left, given });
    given = given.map((z, k) => (z * d[k]) / (c + d[k]));
  }
  return all;
}

// A round's curve at x.
export function curve({ x, vectors, eigenvalues: d }, { c, given }, at) {
  const weights = x.map((_, n) => vectors.reduce((sum, v, k) => sum + (v[n] * given[k]) / (c + d[k]), 0));
  return at.map((one) => x.reduce((sum, other, n) => sum + bending(one, other) * weights[n], 0) / x.length);
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const noise = unpacked(page.data.noise);
    slider(page, "round", { label: "rounds", min: 1, max: MOST });
    slider(page, "tolerance", { label: "tolerance ε", values: page.data.tolerances, format: (e) => `${e}` });
    slider(page, "noise", { label: "noise σ", max: 1, step: 0.05, format: (s) => s.toFixed(2) });
    slider(page, "points", { label: "points", min: 5, max: noise.shape[1] });
    choice(page, "draw", { label: "noise drawn", options: Array.from({ length: noise.shape[0] }, (_, i) => [`${i + 1}`, i]) });
    const said = sentence(page);
    const box = panels(page, 2);
    const fits = chart(page, box, { height: 320, x: { domain: [0, 1], label: "x" }, y: { domain: [-2.2, 2.2], label: "y" } });
    const lefts = chart(page, box, { height: 320, x: { domain: [0, noise.shape[1] + 1], label: "eigenvector: the smoothest is 1" }, y: { domain: [0, 100], label: "% left of its coefficient" } });
    const bases = new Map();
    const basisOf = (count) => {
      if (!bases.has(count)) bases.set(count, basis(count));
      return bases.get(count);
    };
    let shown = 0;

    page.on(({ round, tolerance, noise: sigma, points, draw }) => {
      const of = basisOf(points);
      const y = of.x.map((x, n) => wave(x) + sigma * row(noise, draw)[n]);
      const all = rounds(of, y, tolerance);
      const now = all[round - 1];
      const quiet = { stroke: "var(--quiet)", "stroke-width": 1.2, opacity: 0.5 };
      const bold = { stroke: "var(--student)", "stroke-width": 3 };
      fits.say(now ? `Round ${round}` : `Collapsed after ${all.length} rounds`);
      fits.line("truth", FINE.map((x) => [x, wave(x)]), { stroke: "var(--teacher)", "stroke-width": 1.6, "stroke-dasharray": "6 4" });
      fits.line("first", all.length ? FINE.map((x, i) => [x, curve(of, all[0], [x])[0]]) : [], quiet);
      const flat = FINE.map(() => 0);
      const fitted = now ? curve(of, now, FINE) : flat;
      fits.line("now", FINE.map((x, i) => [x, Math.max(-2.2, Math.min(2.2, fitted[i]))]), bold);
      fits.dots("given", of.x.map((x, n) => [x, Math.max(-2.2, Math.min(2.2, y[n]))]), () => ({ r: 4, fill: "var(--ink)" }));
      if (shown !== points) lefts.axes({ x: { domain: [0.5, points + 0.5] } });
      shown = points;
      const used = now ? now.left.filter((part) => part >= IN_USE * now.left[0]).length : 0;
      lefts.say(now ? `In use: ${used} of ${points}` : "Nothing is left");
      const path = (left) => left.map((part, k) => [k + 1, 100 * part]);
      lefts.line("first", all.length ? path(all[0].left) : [], quiet);
      lefts.line("now", now ? path(now.left) : [], bold);
      lefts.dots("now dots", now ? path(now.left) : [], () => ({ r: 4, fill: "var(--student)" }));
      const far = (one) => mean(curve(of, one, of.x).map((value, n) => (value - wave(of.x[n])) ** 2));
      const best = all.length ? all.map(far).reduce((at, value, i, values) => (value < values[at] ? i : at), 0) + 1 : 0;
      said.textContent = now
        ? `Round ${round}: mean squared distance to the truth ${far(now).toFixed(3)}, after round 1 ${far(all[0]).toFixed(3)}. ` +
          `Of the ${all.length} rounds${all.length === MOST ? " tried" : " before the collapse"}, round ${best} is nearest.`
        : `After ${all.length} rounds what is left is within ε of 0: the smoothest answer is now 0 everywhere.`;
    });
    return page.start();
  },
};
