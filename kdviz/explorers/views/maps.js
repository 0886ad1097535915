// Discs of colour: what a net says everywhere, the points it learns from, the true border, and where it disagrees.

// Everything that one disc is drawn with, made once; `side` cells across.
export function disk(canvas, grid) {
  const sheet = (side) => Object.assign(document.createElement("canvas"), { width: side, height: side });
  const [field, mask, stripes, over] = [sheet(grid.side), sheet(grid.side), sheet(1), sheet(1)];
  const pixels = (of) => new ImageData(of.width, of.height);
  return { canvas, grid, field, mask, stripes, over, colours: pixels(field), apart: pixels(mask), size: 0 };
}

// As large as it stands on the page; what does not move is forgotten.
export function fitted(map) {
  const size = Math.max(1, Math.round(map.canvas.clientWidth * Math.min(2, window.devicePixelRatio || 1)));
  if (size === map.size) return false;
  for (const each of [map.canvas, map.stripes, map.over]) [each.width, each.height] = [size, size];
  map.size = size;
  return true;
}

// [red, green, blue] of any colour that CSS can name.
export function rgb(colour) {
  const pen = rgb.pen ??= Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  pen.clearRect(0, 0, 1, 1);
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return Array.from(pen.getImageData(0, 0, 1, 1).data.subarray(0, 3));
}

// Colours of probabilities: the classes' mixed by their shares, paler the less sure. `at` is the first of three shares.
export function mixed(shares, at, { classes, paper, depth }, into, to) {
  const sure = depth * ((1.5 * Math.max(shares[at], shares[at + 1], shares[at + 2]) - 0.5) * 0.875 + 0.125);
  for (let part = 0; part < 3; part++) {
    const own = shares[at] * classes[0][part] + shares[at + 1] * classes[1][part] + shares[at + 2] * classes[2][part];
    into[to + part] = paper[part] + sure * (own - paper[part]);
  }
  into[to + 3] = 255;
}

// Softmax of rows of three logits at a temperature, and each row's largest.
export function softened(logits, temperature, shares, called) {
  for (let i = 0, at = 0; at < logits.length; i++, at += 3) {
    const best = logits[at] >= logits[at + 1] ? (logits[at] >= logits[at + 2] ? 0 : 2) : logits[at + 1] >= logits[at + 2] ? 1 : 2;
    const most = logits[at + best];
    let all = 0;
    for (let c = at; c < at + 3; c++) all += shares[c] = Math.exp((logits[c] - most) / temperature);
    for (let c = at; c < at + 3; c++) shares[c] /= all;
    if (called) called[i] = best;
  }
}

// What the cells of a disc show: colours of shares, and hatching where `called` is not `told` (null: nowhere).
export function coloured({ grid, colours, apart, field, mask }, shares, palette, called, told) {
  const [into, hatch] = [colours.data, apart.data];
  for (let i = 0; i < grid.count; i++) {
    const to = 4 * grid.cells[i];
    mixed(shares, 3 * i, palette, into, to);
    hatch[to + 3] = told && called[i] !== told[i] ? 255 : 0;
  }
  field.getContext("2d").putImageData(colours, 0, 0);
  mask.getContext("2d").putImageData(apart, 0, 0);
}

// Put together: field, hatching, what lies over it.
export function shown(map, hatched) {
  const page = map.canvas.getContext("2d");
  const { size } = map;
  page.globalCompositeOperation = "source-over";
  if (hatched) {
    page.clearRect(0, 0, size, size);
    page.drawImage(map.mask, 0, 0, size, size);
    page.globalCompositeOperation = "source-in";
    page.drawImage(map.stripes, 0, 0);
    page.globalCompositeOperation = "destination-over"; // the field comes below
  } else page.clearRect(0, 0, size, size);
  page.drawImage(map.field, 0, 0, size, size);
  page.globalCompositeOperation = "source-over";
  page.drawImage(map.over, 0, 0);
}

// The stripes that hatching shows.
export function striped({ stripes, size }, ink) {
  const pen = stripes.getContext("2d");
  const gap = Math.max(5, size / 44);
  pen.clearRect(0, 0, size, size);
  pen.strokeStyle = ink;
  pen.lineWidth = Math.max(1, gap / 4.5);
  pen.beginPath();
  for (let at = -size; at < size; at += gap) {
    pen.moveTo(at, size);
    pen.lineTo(at + size, 0);
  }
  pen.stroke();
}

// The true border, dashed, and points: [x, y, shape, colour, whether its label is not its class].
export function overlaid({ over, size }, border, points, palette) {
  const pen = over.getContext("2d");
  const place = (x, y) => [((x + 1) / 2) * size, ((1 - y) / 2) * size];
  pen.clearRect(0, 0, size, size);
  pen.lineCap = "round";
  pen.strokeStyle = palette.ink;
  pen.globalAlpha = 0.75;
  pen.lineWidth = Math.max(1, size / 260);
  pen.setLineDash([size / 80, size / 60]);
  for (const arm of border) {
    pen.beginPath();
    for (const [x, y] of arm) pen.lineTo(...place(x, y));
    pen.stroke();
  }
  pen.setLineDash([]);
  pen.globalAlpha = 1;
  const radius = Math.max(2, size / (66 + 0.17 * points.length));
  for (const [x, y, shape, colour, spoilt] of points) {
    const [across, down] = place(x, y);
    outline(pen, across, down, radius * 1.12, shape);
    pen.fillStyle = colour;
    pen.lineWidth = radius * 0.9;
    pen.strokeStyle = palette.edge;
    pen.stroke();
    pen.fill();
    if (!spoilt) continue;
    pen.beginPath();
    pen.arc(across, down, radius * 2.3, 0, 2 * Math.PI);
    pen.strokeStyle = palette.ink;
    pen.lineWidth = Math.max(1, radius * 0.42);
    pen.stroke();
  }
}

function outline(pen, x, y, radius, shape) {
  pen.beginPath();
  if (shape === 1) pen.rect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
  else if (shape === 2) {
    pen.moveTo(x, y - radius * 1.3);
    pen.lineTo(x + radius * 1.15, y + radius * 0.8);
    pen.lineTo(x - radius * 1.15, y + radius * 0.8);
    pen.closePath();
  } else pen.arc(x, y, radius, 0, 2 * Math.PI);
}
