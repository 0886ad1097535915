// Axes and marks in SVG. A chart is laid out when its place or its axes change; a move only moves its marks.
import { add, join, set } from "./page.js";

const ROOM = { top: 8, right: 10, bottom: 34, left: 46 };

const BENDS = {
  log: [Math.log, Math.exp],
  root: [Math.sqrt, (value) => value * value],
  straight: [(value) => value, (value) => value],
};

// `x` and `y` are { domain, label, ticks, bend, format } or { names, label }; `height` in pixels, or `square` at most
// so high and as wide; `even`: one unit of x is as long as one of y; `bare`: no grid.
export function chart(page, parent, { title = "", height = 220, square = false, even = false, bare = false, room = {}, x, y }) {
  const box = add(parent, "figure", { class: "kdviz-chart" });
  const heading = add(box, "figcaption", {}, title);
  const svg = add(box, "svg", { role: "img" });
  const grid = add(svg, "g", { class: "kdviz-axes" });
  const marks = add(svg, "g");
  const edge = { ...ROOM, ...room };
  const groups = new Map();
  const self = { box, svg, marks, x: null, y: null, width: 0, height };

  self.fit = () => {
    self.width = Math.max(120, box.clientWidth);
    self.height = square ? Math.min(self.width, square) : height;
    if (square) self.width = self.height;
    lay();
  };
  function lay() {
    const right = self.width - edge.right;
    const bottom = self.height - edge.bottom;
    if (even) {
      const half = ((y.domain[1] - y.domain[0]) * (right - edge.left)) / (bottom - edge.top) / 2;
      const middle = (x.domain[0] + x.domain[1]) / 2;
      x = { ...x, domain: [middle - half, middle + half] };
    }
    self.x = scale(x, edge.left, right);
    self.y = scale(y, bottom, edge.top);
    set(svg, { width: self.width, height: self.height, viewBox: `0 0 ${self.width} ${self.height}` });
    grid.replaceChildren();
    for (const [place, text] of self.y.ticks) {
      if (!y.names && !bare) add(grid, "line", { x1: edge.left, x2: right, y1: place, y2: place });
      add(grid, "text", { x: edge.left - 6, y: place + 4, "text-anchor": "end" }, text);
    }
    const slanted = x.names && longest(x.names) * 6.6 > (right - edge.left) / x.names.length;
    for (const [place, text] of self.x.ticks) {
      if (y.names && !bare) add(grid, "line", { x1: place, x2: place, y1: edge.top, y2: bottom });
      const transform = slanted ? `translate(${place + 4} ${bottom + 13}) rotate(-40)` : `translate(${place} ${bottom + 16})`;
      add(grid, "text", { transform, "text-anchor": slanted ? "end" : "middle" }, text);
    }
    if (self.x.ticks.length && !bare) add(grid, "line", { class: "kdviz-base", x1: edge.left, x2: right, y1: bottom, y2: bottom });
    if (x.label) add(grid, "text", { x: (edge.left + right) / 2, y: self.height - 3, "text-anchor": "middle" }, x.label);
    if (y.label) {
      const turned = `translate(12 ${(bottom + edge.top) / 2}) rotate(-90)`;
      add(grid, "text", { transform: turned, "text-anchor": "middle" }, y.label);
    }
  }
  self.axes = (changed) => {
    [x, y] = [{ ...x, ...changed.x }, { ...y, ...changed.y }];
    if (self.width) lay();
  };
  self.say = (text, label = text) => {
    if (heading.textContent !== text) heading.textContent = text;
    set(svg, { "aria-label": label });
  };
  self.group = (name, attributes = {}) => {
    if (!groups.has(name)) groups.set(name, add(marks, "g"));
    set(groups.get(name), attributes);
    return groups.get(name);
  };
  // Bars from zero, one a name of x; `offset` and `share` of the band place several beside each other.
  self.bars = (name, values, { colour, title, offset = 0.1, share = 0.8 }) => {
    const zero = self.y(0);
    join(self.group(name), "rect", Array.from(values), (value, i) => ({
      x: self.x(i) + (offset - 0.5) * self.x.band, width: share * self.x.band, rx: 1.5,
      y: self.y(value), height: Math.max(0, zero - self.y(value)),
      fill: typeof colour === "function" ? colour(i) : colour, title: title?.(i),
    }));
  };
  self.rects = (name, items, of) => join(self.group(name), "rect", items, of);
  self.line = (name, points, attributes) => {
    const path = points.map(([a, b], i) => `${i ? "L" : "M"}${self.x(a).toFixed(1)} ${self.y(b).toFixed(1)}`).join("");
    join(self.group(name, { class: "kdviz-line" }), "path", [path], (d) => ({ d, ...attributes }));
  };
  self.dots = (name, points, of) => {
    join(self.group(name), "circle", points, (point, i) => ({ cx: self.x(point[0]), cy: self.y(point[1]), r: 4, ...of(point, i) }));
  };
  self.texts = (name, points, of) => {
    join(self.group(name, { class: "kdviz-text" }), "text", points, (point, i) => ({ x: self.x(point[0]), y: self.y(point[1]), ...of(point, i) }));
  };
  page.sized.push(self.fit);
  self.say(title);
  return self;
}

function scale({ domain, names, bend = "straight", ticks, format = String }, start, end) {
  if (names) {
    const band = (end - start) / names.length;
    const of = (i) => start + (i + 0.5) * band;
    of.ticks = names.map((name, i) => [of(i), name]);
    of.back = (place) => Math.min(names.length - 1, Math.max(0, Math.floor((place - start) / band)));
    return Object.assign(of, { band, end });
  }
  const [forth, back] = BENDS[bend];
  const [low, high] = domain.map(forth);
  const of = (value) => start + ((forth(value) - low) / (high - low)) * (end - start);
  [of.start, of.end] = [Math.min(start, end), Math.max(start, end)]; // the upper and the lower edge, of y
  of.back = (place) => back(low + Math.min(1, Math.max(0, (place - start) / (end - start))) * (high - low));
  const within = (value) => value >= domain[0] && value <= domain[1];
  const found = ticks ?? (bend === "log" ? decades(domain) : rounds(domain, Math.abs(end - start) / 60));
  of.ticks = found.filter(within).map((value) => [of(value), format(value).replace("-", "−")]);
  return of;
}

// About `many` round numbers inside a domain, and at least two: one alone tells no scale.
function rounds([low, high], many) {
  const rough = (high - low) / Math.max(2, many);
  const ten = 10 ** Math.floor(Math.log10(rough));
  const sizes = [0.5, 1, 2, 5, 10];
  const fits = sizes.findIndex((times) => times * ten >= rough);
  const [coarse, fine] = [fits, fits - 1].map((i) => multiples(low, high, sizes[i] * ten));
  return coarse.length > 1 ? coarse : fine;
}

function multiples(low, high, step) {
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

// 1, 2 and 5 times the powers of ten, or these alone where they are many.
function decades([low, high]) {
  const tens = Array.from({ length: 20 }, (_, i) => Number(`1e${i - 10}`));
  return high / low > 1000 ? tens : tens.flatMap((ten) => [ten, 2 * ten, 5 * ten]);
}

function longest(names) {
  return Math.max(...names.map((name) => name.length)) + 1;
}

// Heights of lines of text, moved down where they would stand on each other.
export function apart(heights) {
  const found = [...heights];
  const order = Array.from(heights.keys()).sort((a, b) => heights[a] - heights[b]);
  order.forEach((i, k) => k && (found[i] = Math.max(found[i], found[order[k - 1]] + 15)));
  return found;
}

// A handle that is dragged or moved by the arrow keys: `moved([x, y] of the data)` follows the hand.
export function handle(of, element, { label, moved, step }) {
  set(element, { tabindex: 0, role: "slider", "aria-label": label, class: "kdviz-handle" });
  element.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
  });
  element.addEventListener("pointermove", (event) => {
    if (!element.hasPointerCapture(event.pointerId)) return;
    const corner = of.svg.getBoundingClientRect();
    const zoom = corner.width / of.width || 1; // slides are scaled
    moved([of.x.back((event.clientX - corner.left) / zoom), of.y.back((event.clientY - corner.top) / zoom)]);
  });
  element.addEventListener("keydown", (event) => {
    const [across, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key] ?? [0, 0];
    if (!across && !up) return;
    event.preventDefault();
    step(across, up);
  });
}
