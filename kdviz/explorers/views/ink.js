// From strokes of a pen to the images that networks were trained on: kdviz/explorers/drawing.py, to the same bits.

const [PEN, SMALL, FINE, BOX, MIDDLE, BITMAP, BROAD, BLOCK, STRETCH] = [0.13, 0.03, 320, 20, 14, 32, 20, 4, 2];

// Rows of ink, 0 or 255, { height, width, levels }.
export function bitmap(strokes) {
  const points = strokes.flat();
  const [low, high] = [Math.min, Math.max].map((bound) => [0, 1].map((axis) => bound(...points.map((point) => point[axis]))));
  const pen = PEN * FINE;
  const scale = (FINE - pen) / Math.max(high[0] - low[0], high[1] - low[1], SMALL);
  const [width, height] = [0, 1].map((axis) => Math.ceil((high[axis] - low[axis]) * scale + pen) + 2);
  const ink = { height, width, levels: new Uint8Array(height * width) };
  for (const stroke of strokes) {
    const places = stroke.map((point) => [0, 1].map((axis) => (point[axis] - low[axis]) * scale + (pen / 2 + 1)));
    places.forEach((start, i) => draw(ink, start, places[Math.min(i + 1, places.length - 1)], pen / 2));
  }
  return ink;
}

function draw({ height, width, levels }, start, end, radius) {
  const [across, down] = [end[0] - start[0], end[1] - start[1]];
  const length = across * across + down * down;
  const first = [0, 1].map((axis) => Math.max(0, Math.floor(Math.min(start[axis], end[axis]) - radius)));
  const last = [0, 1].map((axis) => Math.min([width, height][axis], Math.ceil(Math.max(start[axis], end[axis]) + radius)));
  for (let row = first[1]; row < last[1]; row++) {
    const y = row - first[1] + (first[1] + 0.5) - start[1];
    for (let column = first[0]; column < last[0]; column++) {
      const x = column - first[0] + (first[0] + 0.5) - start[0];
      const along = length ? Math.min(1, Math.max(0, (x * across + y * down) / length)) : 0;
      const [dx, dy] = [x - along * across, y - along * down];
      if (dx * dx + dy * dy <= radius * radius) levels[row * width + column] = 255;
    }
  }
}

// An image of size × size, in [0, 1], of a drawing: as MNIST's (28) or as the 8×8 digits.
export function normalised(ink, size) {
  const image = size === 28 ? asMnist(cropped(ink)) : asDigits(cropped(upright(ink)));
  return Float32Array.from(image);
}

function asMnist(ink) {
  const longest = Math.max(ink.height, ink.width);
  const digit = resized(ink, ...[ink.height, ink.width].map((side) => Math.max(1, nearest(BOX * side, longest))));
  let [mass, down, across] = [0, 0, 0];
  digit.levels.forEach((level, i) => {
    mass += level;
    down += level * Math.floor(i / digit.width);
    across += level * (i % digit.width);
  });
  const corner = [down, across].map((moment) => nearest(MIDDLE * mass - moment, mass));
  return placed(digit, corner, 28).map((level) => level / 255);
}

function asDigits(ink) {
  let [down, across] = [BITMAP / ink.height, BROAD / ink.width];
  [down, across] = [Math.min(down, STRETCH * across), Math.min(across, STRETCH * down)];
  const digit = resized(ink, Math.max(1, Math.floor(ink.height * down + 0.5)), Math.max(1, Math.floor(ink.width * across + 0.5)));
  const page = placed(digit, [digit.height, digit.width].map((side) => Math.floor((BITMAP - side) / 2)), BITMAP);
  const image = new Array(64).fill(0);
  page.forEach((level, i) => {
    const [row, column] = [Math.floor(i / BITMAP), i % BITMAP].map((place) => Math.floor(place / BLOCK));
    image[8 * row + column] += level >= 128 ? 1 : 0;
  });
  return image.map((count) => count / (BLOCK * BLOCK));
}

function cropped({ height, width, levels }) {
  const [rows, columns] = [new Set(), new Set()];
  for (let i = 0; i < levels.length; i++) if (levels[i]) rows.add(Math.floor(i / width)), columns.add(i % width);
  const [top, left] = [Math.min(...rows), Math.min(...columns)];
  const made = { height: Math.max(...rows) - top + 1, width: Math.max(...columns) - left + 1 };
  made.levels = new Uint8Array(made.height * made.width);
  for (let row = 0; row < made.height; row++) {
    const at = (row + top) * width + left;
    made.levels.set(levels.subarray(at, at + made.width), row * made.width);
  }
  return made;
}

// Each row moved sideways by whole pixels until height and place are uncorrelated.
function upright({ height, width, levels }) {
  let [count, down, across, both, squares] = [0, 0, 0, 0, 0];
  for (let i = 0; i < levels.length; i++) {
    if (levels[i] < 128) continue;
    const [y, x] = [Math.floor(i / width), i % width];
    count += 1;
    down += y;
    across += x;
    both += y * x;
    squares += y * y;
  }
  const [together, spread] = [count * both - down * across, count * squares - down * down];
  const slant = spread ? Math.min(1, Math.max(-1, together / spread)) : 0;
  const page = { height, width: width + 2 * height, levels: new Uint8Array(height * (width + 2 * height)) };
  for (let row = 0; row < height; row++) {
    const left = height - Math.floor(slant * (row - down / count) + 0.5);
    page.levels.set(levels.subarray(row * width, (row + 1) * width), row * page.width + left);
  }
  return page;
}

// Each new pixel the mean of what it covers, in whole levels.
function resized({ height, width, levels }, tall, broad) {
  const [down, across] = [overlap(height, tall), overlap(width, broad)];
  const half = new Float64Array(tall * width);
  for (const [row, from, part] of down) for (let x = 0; x < width; x++) half[row * width + x] += part * levels[from * width + x];
  const made = { height: tall, width: broad, levels: new Uint8Array(tall * broad) };
  const all = height * width;
  for (let row = 0; row < tall; row++) {
    const sums = new Float64Array(broad);
    for (const [column, from, part] of across) sums[column] += part * half[row * width + from];
    sums.forEach((sum, column) => (made.levels[row * broad + column] = nearest(sum, all)));
  }
  return made;
}

// [new pixel, old pixel, how far they cover each other], in parts of which an old one has `many`.
function overlap(old, many) {
  const found = [];
  for (let i = 0, j = 0; i < many && j < old; ) {
    const [end, other] = [(i + 1) * old, (j + 1) * many];
    found.push([i, j, Math.min(end, other) - Math.max(i * old, j * many)]);
    if (end <= other) i += 1;
    if (other <= end) j += 1;
  }
  return found;
}

function nearest(above, below) {
  return Math.floor((2 * above + below) / (2 * below));
}

// On an empty page, as near to `corner` as it fits.
function placed({ height, width, levels }, corner, side) {
  const page = new Array(side * side).fill(0);
  const [top, left] = [height, width].map((own, axis) => Math.min(Math.max(corner[axis], 0), side - own));
  levels.forEach((level, i) => (page[(top + Math.floor(i / width)) * side + left + (i % width)] = level));
  return page;
}
