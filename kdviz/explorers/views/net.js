// A net of two hidden layers with ReLU that trains in the page: forward, gradient and Adam, on arrays made beforehand.
import { dice, normal } from "./plane.js";

const [FIRST, SECOND, TINY] = [0.9, 0.999, 1e-8]; // Adam's, as torch has them

// First weights normal, as deep as He et al. say; biases 0.
export function network(sides, seed) {
  const all = sides.slice(1).reduce((sum, out, k) => sum + out * (sides[k] + 1), 0);
  const net = { steps: 0, layers: [] };
  for (const name of ["weights", "slopes", "mean", "square"]) net[name] = new Float64Array(all);
  let at = 0;
  for (let k = 1; k < sides.length; k++) {
    const [inputs, outputs] = [sides[k - 1], sides[k]];
    const part = (name, from, to) => net[name].subarray(at + from, at + to);
    const [many, end] = [inputs * outputs, (inputs + 1) * outputs];
    net.layers.push({
      inputs, outputs, weight: part("weights", 0, many), bias: part("weights", many, end),
      weightSlope: part("slopes", 0, many), biasSlope: part("slopes", many, end),
    });
    at += end;
  }
  const die = dice(seed);
  for (const { weight, inputs } of net.layers) for (let i = 0; i < weight.length; i++) weight[i] = normal(die) * Math.sqrt(2 / inputs);
  return net;
}

// Room for what a net's layers say of so many places, and for how much each should change.
export function room(net, count) {
  return net.layers.map(({ outputs }) => ({ said: new Float64Array(count * outputs), wanted: new Float64Array(count * outputs) }));
}

// The logits of `count` places, row after row; they stand in `rooms`.
export function answers(net, places, count, rooms) {
  let input = places;
  net.layers.forEach((layer, k) => {
    forth(layer, input, rooms[k].said, count, k < net.layers.length - 1);
    input = rooms[k].said;
  });
  return input;
}

// What a layer says of `count` rows, four at once: their sums do not wait for each other. The last row may come twice.
function forth({ weight, bias, inputs, outputs }, input, said, count, bent) {
  for (let row = 0; row < count; row += 4) {
    const second = Math.min(row + 1, count - 1);
    const third = Math.min(row + 2, count - 1);
    const fourth = Math.min(row + 3, count - 1);
    const a = row * inputs;
    const b = second * inputs;
    const c = third * inputs;
    const d = fourth * inputs;
    for (let out = 0, at = 0; out < outputs; out++) {
      let w = bias[out];
      let x = w;
      let y = w;
      let z = w;
      for (let j = 0; j < inputs; j++, at++) {
        const times = weight[at];
        w += times * input[a + j];
        x += times * input[b + j];
        y += times * input[c + j];
        z += times * input[d + j];
      }
      said[row * outputs + out] = bent && !(w > 0) ? 0 : w;
      said[second * outputs + out] = bent && !(x > 0) ? 0 : x;
      said[third * outputs + out] = bent && !(y > 0) ? 0 : y;
      said[fourth * outputs + out] = bent && !(z > 0) ? 0 : z;
    }
  }
}

// hard · CE(labels) + (1 − hard) · T² KL(teacher ‖ student), averaged over points; its gradient is left in net.slopes.
// `soft` holds the teacher's probabilities at T.
export function gradient(net, { places, labels, soft, count }, temperature, hard, rooms) {
  const logits = answers(net, places, count, rooms);
  const { wanted } = rooms[rooms.length - 1];
  let loss = 0;
  for (let row = 0, at = 0; row < count; row++, at += 3) {
    const most = Math.max(logits[at], logits[at + 1], logits[at + 2]);
    let one = 0;
    let hot = 0;
    for (let c = at; c < at + 3; c++) {
      one += Math.exp(logits[c] - most);
      hot += Math.exp((logits[c] - most) / temperature);
    }
    const logOne = Math.log(one);
    const logHot = Math.log(hot);
    for (let c = at; c < at + 3; c++) {
      const own = logits[c] - most - logOne;
      const logQ = (logits[c] - most) / temperature - logHot;
      const p = soft[c];
      const label = c - at === labels[row] ? 1 : 0;
      wanted[c] = (hard * (Math.exp(own) - label) + (1 - hard) * temperature * (Math.exp(logQ) - p)) / count;
      loss -= hard * label * own;
      if (p > 0) loss += (1 - hard) * temperature * temperature * p * (Math.log(p) - logQ);
    }
  }
  net.slopes.fill(0);
  for (let k = net.layers.length - 1; k >= 0; k--) back(net.layers[k], k ? rooms[k - 1] : null, k ? rooms[k - 1].said : places, rooms[k].wanted, count);
  return loss / count;
}

// From how much a layer's outputs should change to its slopes, and to how much what it read should.
function back({ weight, weightSlope, biasSlope, inputs, outputs }, before, input, wanted, count) {
  before?.wanted.fill(0);
  for (let row = 0, to = 0, from = 0; row < count; row++, from += inputs) {
    for (let out = 0, at = 0; out < outputs; out++, to++, at += inputs) {
      const pull = wanted[to];
      if (pull === 0) continue;
      biasSlope[out] += pull;
      for (let j = 0; j < inputs; j++) weightSlope[at + j] += pull * input[from + j];
      if (before) for (let j = 0; j < inputs; j++) if (input[from + j] > 0) before.wanted[from + j] += pull * weight[at + j];
    }
  }
}

// One step of Adam along net.slopes.
export function step(net, rate) {
  const { weights, slopes, mean, square } = net;
  net.steps += 1;
  const pace = rate / (1 - FIRST ** net.steps);
  const spread = 1 / (1 - SECOND ** net.steps);
  for (let i = 0; i < weights.length; i++) {
    mean[i] = FIRST * mean[i] + (1 - FIRST) * slopes[i];
    square[i] = SECOND * square[i] + (1 - SECOND) * slopes[i] * slopes[i];
    weights[i] -= (pace * mean[i]) / (Math.sqrt(square[i] * spread) + TINY);
  }
}
