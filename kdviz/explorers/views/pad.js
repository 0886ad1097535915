// A square to draw on with mouse, pen, finger or arrow keys: the networks answer, in the page, while one draws.
import { add, join, panels, sentence, set, slider, stage } from "./page.js";
import { chart } from "./chart.js";
import { bitmap, normalised } from "./ink.js";
import { argmax, forward, softmax, unpacked } from "./sums.js";

const SIDE = 260; // CSS pixels
const NEAR = 0.004; // of the side: points closer than this are one
const DOT = 0.05; // of the side: what is smaller is no digit yet
const STEP = 0.04; // of the side: what an arrow key draws
const PEN = 0.0975; // of the side
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { classes, size, temperatures, colours, note } = page.data;
    const nets = Object.entries(page.data.networks).map(([name, layers]) => [
      name, layers.map(({ weight, scale, bias }) => ({ weight: unpacked(weight), scale: unpacked(scale), bias: unpacked(bias) })),
    ]);
    slider(page, "temperature", { label: "T", values: temperatures, format: (t) => `${t}` });
    const clear = add(page.controls, "button", { type: "button" }, "clear");
    const said = sentence(page);
    const box = panels(page, 3);
    const ratio = window.devicePixelRatio || 1;
    const pad = add(add(box, "figure"), "canvas", {
      class: "kdviz-pad", role: "application", tabindex: 0, width: SIDE * ratio, height: SIDE * ratio,
      "aria-label": "A pad to draw a digit on: drag, or draw with the arrow keys and lift the pen with Enter",
    });
    const answers = add(box, "div");
    const key = add(answers, "div", { class: "kdviz-key" });
    const bars = chart(page, answers, { x: { names: classes }, y: { domain: [0, 1], label: "probability" } });
    const seen = add(box, "figure", { class: "kdviz-chart" });
    add(seen, "figcaption", {}, "As the networks see it");
    const eye = add(seen, "canvas", { class: "kdviz-eye", width: size, height: size, role: "img", "aria-label": `What the networks see: ${size} × ${size} pixels` });
    if (note) add(page.root, "p", { class: "kdviz-said" }, note);
    let kept = null; // strokes, and what the networks see and answer: a temperature does not run them again

    const put = (strokes) => page.put({ strokes, example: false });
    const current = () => (page.state.example ? [] : page.state.strokes.map((stroke) => stroke.slice()));
    const place = (event) => {
      const corner = pad.getBoundingClientRect();
      return [(event.clientX - corner.left) / corner.width, (event.clientY - corner.top) / corner.height].map(within);
    };
    const extended = (stroke, point) => {
      const last = stroke.at(-1);
      if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) > NEAR) stroke.push(point);
    };
    let hand = null; // the pointer that draws
    pad.addEventListener("pointerdown", (event) => {
      if (hand !== null || event.button !== 0) return;
      event.preventDefault();
      pad.focus({ preventScroll: true });
      hand = event.pointerId;
      pad.setPointerCapture(hand); // a stroke may leave the pad and come back
      put([...current(), [place(event)]]);
    });
    pad.addEventListener("pointermove", (event) => {
      if (event.pointerId !== hand) return;
      const passed = event.getCoalescedEvents?.() ?? [];
      const strokes = current();
      for (const each of passed.length ? passed : [event]) extended(strokes.at(-1), place(each));
      put(strokes);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      pad.addEventListener(end, (event) => (hand = event.pointerId === hand ? null : hand));
    }
    let lifted = true; // the pen of the arrow keys
    pad.addEventListener("keydown", (event) => {
      const by = ARROWS[event.key];
      if (event.key === "Enter") lifted = true;
      if (!by) return;
      event.preventDefault();
      const strokes = current();
      const last = strokes.at(-1)?.at(-1) ?? [0.5, 0.2];
      const next = [last[0] + by[0], last[1] + by[1]].map(within);
      if (lifted) strokes.push(event.shiftKey || !strokes.length ? [last, next] : [next]);
      else strokes.at(-1).push(next);
      lifted = false;
      put(strokes);
    });
    clear.addEventListener("click", () => put([]));

    page.on(({ strokes, example, temperature }) => {
      paint(pad, strokes, example);
      if (kept?.strokes !== strokes) {
        const image = large(strokes) ? normalised(bitmap(strokes), size) : null;
        kept = { strokes, image, logits: image && nets.map(([, layers]) => forward(layers, image)) };
        look(eye, kept.image ?? new Float32Array(size * size), size);
      }
      const told = kept.logits?.map((logits) => softmax(logits, temperature));
      bars.say(`Answers at T = ${temperature}`);
      nets.forEach(([name], i) => bars.bars(name, told?.[i] ?? classes.map(() => 0), {
        colour: `color-mix(in oklab, ${colours[name]} var(--kept), white)`, offset: 0.08 + (i * 0.84) / nets.length, share: 0.84 / nets.length,
        title: (c) => `${name}, ${classes[c]}: ${(told?.[i][c] ?? 0).toFixed(4)}`,
      }));
      const lines = nets.map(([name], i) => {
        const best = told && argmax(told[i]);
        return told ? `${name}: ${classes[best]} (${(100 * told[i][best]).toFixed(1)}\u00a0%)` : name;
      });
      join(key, "span", lines, (text) => ({ text }));
      nets.forEach(([name], i) => set(key.children[i], { class: "kdviz-named", style: `--mine: color-mix(in oklab, ${colours[name]} var(--kept), white)` }));
      said.textContent = told ? `${example ? "An example: draw your own. " : ""}${lines.join("; ")}.` : "Draw a digit on the pad: the answers come while you draw.";
    });
    return page.start();
  },
};

function within(place) {
  return Math.min(1, Math.max(0, Number(place.toFixed(4))));
}

function large(strokes) {
  const points = strokes.flat();
  const extent = (axis) => Math.max(...points.map((point) => point[axis])) - Math.min(...points.map((point) => point[axis]));
  return points.length > 1 && Math.max(extent(0), extent(1)) >= DOT;
}

function paint(pad, strokes, example) {
  const page = pad.getContext("2d");
  const side = pad.width;
  page.clearRect(0, 0, side, side);
  page.lineCap = page.lineJoin = "round";
  page.lineWidth = PEN * side;
  page.strokeStyle = page.fillStyle = example ? "#b9b9be" : "#111";
  for (const stroke of strokes) {
    page.beginPath();
    if (stroke.length === 1) page.arc(stroke[0][0] * side, stroke[0][1] * side, page.lineWidth / 2, 0, 2 * Math.PI), page.fill();
    stroke.forEach(([x, y], i) => (i ? page.lineTo(x * side, y * side) : page.moveTo(x * side, y * side)));
    if (stroke.length > 1) page.stroke();
  }
}

function look(eye, image, size) {
  const page = eye.getContext("2d");
  const picture = page.createImageData(size, size);
  image.forEach((ink, i) => picture.data.set([255 * (1 - ink), 255 * (1 - ink), 255 * (1 - ink), 255], 4 * i));
  page.putImageData(picture, 0, 0);
}
