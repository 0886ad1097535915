// How many neurons are left and who chose them: accuracy by size, the discrepancy on the way, the layers as wide as they are.
import { choice, panels, sentence, slider, stage } from "./page.js";
import { chart } from "./chart.js";

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (share) => `${(100 * share).toFixed(1)} %`;

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { whole, left, right, curves, teacher, colours } = page.data;
    const scores = Object.keys(right);
    slider(page, "left_in_each", { label: "neurons left in each layer", values: left });
    choice(page, "score", { label: "chosen by", options: scores.map((name) => [name, name]) });
    const said = sentence(page);
    const box = panels(page, 3);
    const shares = Object.values(right).flat(2).concat(teacher);
    const kls = Object.values(curves).flat(2).flatMap((one) => one.kl).filter((kl) => kl > 0);
    const last = Math.max(...Object.values(curves).flat(2).map((one) => one.epoch.at(-1)));
    const lowest = Math.max(Math.min(...kls), 1e-3);
    const by = chart(page, box, {
      title: "After training", height: 280, x: { domain: [Math.min(...left) / 1.2, Math.max(...left) * 1.2], bend: "log", ticks: left, label: "neurons left in each layer" },
      y: { domain: [100 * Math.min(...shares) - 1, 100], label: "% of test images right" },
    });
    const along = chart(page, box, { height: 280, x: { domain: [0, last], label: "epoch" }, y: { domain: [lowest, Math.max(...kls) * 1.1], bend: "log", label: "KL from the teacher, nats" } });
    const drawn = chart(page, box, {
      title: "The layers, as wide as they are", height: 280, bare: true, room: { left: 8, bottom: 8 },
      x: { domain: [-Math.max(...whole) / 2, Math.max(...whole) / 2], ticks: [] }, y: { domain: [whole.length, 0], ticks: [] },
    });

    page.on(({ left_in_each, score }) => {
      const i = left.indexOf(left_in_each);
      by.line("teacher", [[left.at(-1), 100 * teacher], [left[0], 100 * teacher]], { stroke: "var(--teacher)", "stroke-dasharray": "5 4" });
      for (const name of scores) {
        by.line(`of ${name}`, left.map((n, k) => [n, 100 * mean(right[name][k])]), {
          stroke: colours[name], opacity: name === score ? 1 : 0.35, "stroke-width": name === score ? 3 : 1.5,
        });
      }
      by.dots("seeds", right[score][i].map((share) => [left_in_each, 100 * share]), () => ({ r: 4, fill: colours[score], stroke: "var(--paper)" }));
      along.say(`Discrepancy on the way, ${score}, a line a seed`);
      curves[score][i].forEach(({ epoch, kl }, seed) => {
        along.line(`seed ${seed}`, epoch.map((at, k) => [at, Math.max(kl[k], lowest)]), { stroke: colours[score], opacity: 0.75, "stroke-width": 1.6 });
      });
      const bars = whole.flatMap((most, depth) => [[depth, most, "var(--faint)"], [depth, left_in_each, colours[score]]]);
      drawn.rects("layers", bars, ([depth, size, fill]) => ({
        x: drawn.x(-size / 2), width: drawn.x(size / 2) - drawn.x(-size / 2), y: drawn.y(depth + 0.2), height: drawn.y(depth + 0.8) - drawn.y(depth + 0.2), fill, rx: 3,
      }));
      drawn.texts("sizes", whole.map((_, depth) => [0, depth + 0.15]), (_, depth) => ({ text: `${left_in_each} of ${whole[depth]} neurons`, "text-anchor": "middle" }));
      const kl = curves[score][i].map((one) => mean(one.kl));
      const most = Math.max(...curves[score][i].map((one) => Math.max(...one.kl)));
      said.textContent =
        `${left_in_each} of ${whole[0]} neurons, chosen by ${score}: ${percent(mean(right[score][i]))} right (teacher ${percent(teacher)}); ` +
        `KL from the teacher ${mean(kl).toFixed(3)} nats on the way, ${most.toFixed(3)} at most.`;
    });
    return page.start();
  },
};
