// The arithmetic of the views: pure functions of arrays, in double precision.

const KINDS = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array, uint16: Uint16Array, int16: Int16Array };

// An array as Python packed it: { values, shape }, row after row.
export function unpacked({ kind, shape, bytes }) {
  const raw = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  return { shape, values: new KINDS[kind](raw.buffer) };
}

// Row i of a packed array of two dimensions; of three, its block i, row after row.
export function row({ shape, values }, i) {
  const length = values.length / shape[0];
  return values.subarray(i * length, (i + 1) * length);
}

export function softmax(logits, temperature) {
  const most = Math.max(...logits);
  const parts = Array.from(logits, (z) => Math.exp((z - most) / temperature));
  const all = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / all);
}

// In nats.
export function entropy(shares) {
  return shares.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

// q - p of each class. Where both are nearly sure of one class, its difference is what the others lack.
function gaps(student, teacher, temperature) {
  const [q, p] = [softmax(student, temperature), softmax(teacher, temperature)];
  const differences = q.map((value, i) => value - p[i]);
  const top = argmax(p);
  if (argmax(q) === top) differences[top] = -differences.reduce((sum, d, i) => (i === top ? sum : sum + d), 0);
  return differences;
}

// Of each class in the gradient of the soft-target loss: |q - p| over its sum.
export function gradientShares(student, teacher, temperature) {
  const sizes = gaps(student, teacher, temperature).map(Math.abs);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  return sizes.map((size) => (all ? size / all : 0));
}

// Length of that gradient: T (q - p) with the factor T², (q - p) / T without.
export function gradientLength(student, teacher, temperature, factor) {
  return Math.hypot(...gaps(student, teacher, temperature)) * (factor ? temperature : 1 / temperature);
}

export function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

// The least and the most two classifiers of accuracies a and b can agree.
export function bounds(a, b, classes) {
  const both = a + b - 1;
  return [classes === 2 ? Math.abs(both) : Math.max(0, both), 1 - Math.abs(a - b)];
}

// A fully connected net with ReLU: layers of { weight: { values, shape: [out, in] }, scale?, bias }, input in, logits out.
export function forward(layers, input) {
  let x = input;
  layers.forEach(({ weight, scale, bias }, depth) => {
    const [rows, columns] = weight.shape;
    const y = new Float64Array(rows);
    for (let i = 0, at = 0; i < rows; i++, at += columns) {
      let sum = 0;
      for (let j = 0; j < columns; j++) if (x[j] !== 0) sum += weight.values[at + j] * x[j];
      y[i] = sum * (scale ? scale.values[i] : 1) + bias.values[i];
      if (depth < layers.length - 1 && y[i] < 0) y[i] = 0;
    }
    x = y;
  });
  return x;
}

// Equal-width bins (lo, hi] of confidence: mean confidence, accuracy and count of each, and the ECE.
export function reliabilityBins(confidence, right, bins) {
  const found = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, accuracy: 0 }));
  for (let i = 0; i < confidence.length; i++) {
    const bin = found[Math.min(bins - 1, Math.max(0, Math.ceil(confidence[i] * bins) - 1))];
    bin.count += 1;
    bin.confidence += confidence[i];
    bin.accuracy += right[i];
  }
  let gaps = 0;
  for (const bin of found) {
    gaps += Math.abs(bin.accuracy - bin.confidence);
    bin.confidence /= bin.count;
    bin.accuracy /= bin.count;
  }
  return { bins: found, error: gaps / confidence.length };
}

// The best answer of a generalist and the specialists that are asked, [{ group, shares }, …], the last share the
// rest's: kdviz.measures.with_specialists for one example.
export function combined(own, asked) {
  if (!asked.length) return Array.from(own);
  let q = Array.from(own);
  for (let step = 0; step < 2000; step++) {
    const sums = Array.from(own);
    for (const { group, shares } of asked) {
      const outside = q.reduce((sum, p, c) => (group.includes(c) ? sum : sum + p), 0);
      q.forEach((p, c) => {
        const at = group.indexOf(c);
        sums[c] += at >= 0 ? shares[at] : (shares.at(-1) * p) / (outside || 1);
      });
    }
    const next = sums.map((sum) => sum / (1 + asked.length));
    const moved = Math.max(...next.map((p, c) => Math.abs(p - q[c])));
    q = next;
    if (moved < 1e-10) break;
  }
  return q;
}
