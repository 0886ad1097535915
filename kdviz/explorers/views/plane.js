// Three classes in the plane: arms of a spiral, blurred. kdviz/explorers/plane.py draws the same points.

export const [CLASSES, TWIST, MOST] = [3, 2.4, 400];
const [BLUR, INNER] = [0.5, 0.02];
const TURN = (2 * Math.PI) / CLASSES;

// Numbers in [0, 1), one after another: Mulberry32.
export function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// One draw of the standard normal distribution.
export function normal(die) {
  const long = Math.sqrt(-2 * Math.log(1 - die()));
  return long * Math.cos(2 * Math.PI * die());
}

// As many points as there may be, with their own classes, and what decides whether a label is another: `chance` below
// the noise. Fewer points are the first of them; more noise spoils more labels, and the same.
export function drawn(seed) {
  const die = dice(seed);
  const all = { places: new Float64Array(2 * MOST), classes: new Uint8Array(MOST), chance: new Float64Array(MOST), others: new Uint8Array(MOST) };
  for (let i = 0; i < MOST; i++) {
    const radius = Math.sqrt(INNER + (1 - INNER) * die());
    const angle = TURN * (i % CLASSES) + TWIST * radius + BLUR * normal(die);
    all.places[2 * i] = radius * Math.cos(angle);
    all.places[2 * i + 1] = radius * Math.sin(angle);
    all.classes[i] = i % CLASSES;
    all.chance[i] = die();
    all.others[i] = (i + 1 + Math.floor(2 * die())) % CLASSES;
  }
  return all;
}

// The likeliest class of a place: of the nearest arm.
export function likeliest(x, y) {
  const turns = Math.round((Math.atan2(y, x) - TWIST * Math.hypot(x, y)) / TURN);
  return ((turns % CLASSES) + CLASSES) % CLASSES;
}

// The cells of a square of `side` × `side` whose middles lie in the unit disc, the first `area`, then those that its
// edge touches; y points upwards.
export function disc(side) {
  const found = [];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const [x, y] = [(2 * column + 1) / side - 1, 1 - (2 * row + 1) / side];
      const far = Math.hypot(x, y);
      if (far <= 1 + 3 / side) found.push([row * side + column, x, y, far > 1]);
    }
  }
  found.sort((a, b) => a[3] - b[3]);
  return {
    side, count: found.length, area: found.filter((each) => !each[3]).length,
    cells: Int32Array.from(found, ([cell]) => cell),
    places: Float64Array.from(found.flatMap(([, x, y]) => [x, y])),
    truth: Uint8Array.from(found, ([, x, y]) => likeliest(x, y)),
  };
}
