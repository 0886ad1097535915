// What ties two classes: matrices of r, painted in the style's colours, and the logits of both, a point an example.
import { add, join } from "./page.js";
import { chart } from "./chart.js";
import { row } from "./sums.js";

// Of packed lower triangles, one a net: `matrix(net)` is the whole, row after row, made once.
export function wholes(packed, size, fine) {
  const made = new Map();
  return (net) => {
    if (made.has(net)) return made.get(net);
    const [lower, whole] = [row(packed, net), new Float32Array(size * size)];
    for (let a = 0, at = 0; a < size; a++) {
      whole[a * size + a] = 1;
      for (let b = 0; b < a; b++, at++) whole[a * size + b] = whole[b * size + a] = lower[at] / fine;
    }
    made.set(net, whole);
    return whole;
  };
}

// Mean |difference| of two matrices off their diagonals.
export function apartBy(one, other, size) {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += Math.abs(one[i] - other[i]);
  return sum / (size * (size - 1));
}

// A cell a pixel, in the three colours of the style: below zero, at zero, above.
export function paint(canvas, root, order, value) {
  const style = getComputedStyle(root);
  const levels = (name) => style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi).map((level) => parseInt(level, 16));
  const [below, zero, above] = ["--below", "--zero", "--above"].map(levels);
  const picture = new ImageData(order.length, order.length);
  let at = 0;
  for (const a of order) {
    for (const b of order) {
      const v = Math.max(-1, Math.min(1, value(a, b)));
      const end = v < 0 ? below : above;
      for (let k = 0; k < 3; k++) picture.data[at++] = zero[k] + Math.abs(v) * (end[k] - zero[k]);
      picture.data[at++] = 255;
    }
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

// Teacher and student beside each other, on the same axes: the logits of two classes. `show` is given what each net is
// called and which it is, the two classes, and whether an example's mean logit is taken out.
export function pairScatter(page, parent, { classes, sample: { values, scales, labels } }) {
  const size = classes.length;
  const logits = scales.map((scale, net) => Float32Array.from(row(values, net), (level) => level * scale));
  const shifts = logits.map((all) => Float32Array.from(labels, (_, i) => all.subarray(i * size, (i + 1) * size).reduce((sum, z) => sum + z, 0) / size));
  const key = add(parent, "div", { class: "kdviz-key" });
  const box = add(parent, "div", { class: "kdviz-pair" });
  const charts = [0, 1].map(() => chart(page, add(box, "div"), { height: 215, room: { left: 46, right: 6 }, x: { domain: [-1, 1] }, y: { domain: [-1, 1] } }));
  let last = "";
  return (nets, [first, second], centred) => {
    const asked = JSON.stringify([nets, first, second, centred]);
    if (!charts[0].x || asked === last) return;
    last = asked;
    const logit = (net, i, c) => logits[net][i * size + c] - (centred ? shifts[net][i] : 0);
    const all = nets.flatMap(([, net]) => labels.flatMap((_, i) => [logit(net, i, first), logit(net, i, second)]));
    const [low, high] = [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
    const domain = [low - 0.04 * (high - low), high + 0.04 * (high - low)];
    const kinds = [["other classes", "var(--quiet)", 0.3], [classes[first], "var(--above)", 0.8], [classes[second], "var(--below)", 0.8]];
    const kind = (label) => (label === first ? 1 : label === second ? 2 : 0);
    join(key, "span", kinds, ([text, colour]) => ({ text: `● ${text}`, style: `color: ${colour}` }));
    nets.forEach(([name, net], at) => {
      const of = charts[at];
      of.say(name, `${name}: logits of ${classes[first]} against ${classes[second]}, ${labels.length} examples`);
      of.axes({ x: { domain, label: `logit of ${classes[second]}` }, y: { domain, label: `logit of ${classes[first]}` } });
      const paths = ["", "", ""];
      labels.forEach((label, i) => {
        paths[kind(label)] += `M${of.x(logit(net, i, second)).toFixed(1)} ${of.y(logit(net, i, first)).toFixed(1)}h0`;
      });
      join(of.group("points", { fill: "none", "stroke-linecap": "round", "stroke-width": 5 }), "path", paths, (d, k) => ({ d, stroke: kinds[k][1], "stroke-opacity": kinds[k][2] }));
    });
  };
}
