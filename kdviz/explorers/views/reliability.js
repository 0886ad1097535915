// Whether a net is right as often as it is sure: bins of confidence, as their number and the temperature turn.
import { choice, panels, sentence, slider, stage } from "./page.js";
import { chart } from "./chart.js";
import { argmax, reliabilityBins, row, softmax, unpacked } from "./sums.js";

const FEW = 20; // images: a bin with fewer says nothing, and is pale
const percent = { domain: [0, 100] };

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { temperatures, labels, answers } = page.data;
    const truth = unpacked(labels).values;
    const logits = Object.fromEntries(Object.entries(answers).map(([name, packed]) => [name, unpacked(packed)]));
    const names = Object.keys(logits);
    slider(page, "temperature", { label: "T", values: temperatures, format: (t) => `${t}` });
    slider(page, "bins", { label: "bins", min: 2, max: 50 });
    choice(page, "shown", { label: "net", options: names.map((name) => [name, name]) });
    const said = sentence(page);
    const box = panels(page, 2);
    const diagram = chart(page, box, { height: 330, x: { ...percent, label: "confidence, %" }, y: { ...percent, label: "right, %" } });
    const counts = chart(page, box, { height: 330, x: { ...percent, label: "confidence, %" }, y: { ...percent, bend: "root", ticks: [0, 1, 5, 10, 25, 50, 100], label: "% of the images" } });
    const right = Object.fromEntries(names.map((name) => [name, Array.from(truth, (c, i) => Number(argmax(row(logits[name], i)) === c))]));
    const confidences = new Map(); // by net and temperature
    const sure = (name, t) => {
      const key = `${name} ${t}`;
      if (!confidences.has(key)) confidences.set(key, Array.from(truth, (_, i) => Math.max(...softmax(row(logits[name], i), t))));
      return confidences.get(key);
    };

    page.on(({ temperature, bins, shown }) => {
      const found = reliabilityBins(sure(shown, temperature), right[shown], bins);
      const full = found.bins.map((bin, i) => ({ ...bin, i })).filter((bin) => bin.count);
      const block = (on, name, values, fill) => {
        const width = Math.max(1, (on.x(100) - on.x(0)) / bins - 1.5);
        on.rects(name, values, ({ i, height, title, pale }) => ({
          x: on.x((100 * i) / bins) + 0.75, width, y: on.y(height), height: Math.max(0, on.y(0) - on.y(height)), fill, title, opacity: pale ? 0.35 : 1,
        }));
      };
      diagram.say("Right as often as sure?", `Expected calibration error ${(100 * found.error).toFixed(2)} %`);
      block(diagram, "right", full.map((bin) => ({ i: bin.i, height: 100 * bin.accuracy, pale: bin.count < FEW, title: `${bin.count} images: sure ${(100 * bin.confidence).toFixed(1)} %, right ${(100 * bin.accuracy).toFixed(1)} %` })), "var(--student)");
      diagram.line("perfect", [[0, 0], [100, 100]], { stroke: "var(--quiet)", "stroke-dasharray": "5 4", "stroke-width": 1.5 });
      diagram.dots("means", full.map((bin) => [100 * bin.confidence, 100 * bin.accuracy]), () => ({ r: 3.5, fill: "var(--ink)" }));
      counts.say("How sure it is");
      block(counts, "counts", full.map((bin) => ({ i: bin.i, height: (100 * bin.count) / truth.length, title: `${bin.count} images` })), "var(--teacher)");
      const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
      said.textContent =
        `${shown} at T = ${temperature}: sure ${(100 * mean(sure(shown, temperature))).toFixed(2)} %, right ${(100 * mean(right[shown])).toFixed(2)} % ` +
        `of ${truth.length.toLocaleString("en")} images; ECE with ${bins} bins ${(100 * found.error).toFixed(2)} %.`;
    });
    return page.start();
  },
};
