// Which way trains how deep a network: what is wrong after training by depth, and test accuracy on the way.
import { choice, panels, sentence, slider, stage } from "./page.js";
import { chart } from "./chart.js";

// The median of % wrong, and how many networks train.
export function summary(wrong, fails) {
  const sorted = [...wrong].sort((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return [(sorted[Math.floor(half)] + sorted[Math.ceil(half)]) / 2, wrong.filter((one) => one < fails).length];
}

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { depths, wrong, curves, colours, fails } = page.data;
    const ways = Object.keys(wrong);
    slider(page, "layers", { label: "layers", values: depths });
    choice(page, "way", { label: "trained on", options: ways.map((name) => [name, name]) });
    const said = sentence(page);
    const box = panels(page, 2);
    const room = (depths.at(-1) - depths[0]) * 0.04 || 1;
    const last = Math.max(...Object.values(curves).flatMap((of) => Object.values(of).flat(2).map(([at]) => at)));
    const by = chart(page, box, {
      title: "After training", height: 290, x: { domain: [depths[0] - room, depths.at(-1) + room], ticks: depths, label: "layers" },
      y: { domain: [-2, 100], ticks: [0, 25, 50, 75, 100], label: "% of training images wrong" },
    });
    const along = chart(page, box, { height: 290, x: { domain: [0, last], label: "epoch" }, y: { domain: [0, 100], label: "% of test images right" } });

    page.on(({ layers, way }) => {
      by.line("fails", [[depths[0] - room, fails], [depths.at(-1) + room, fails]], { stroke: "var(--faint)", "stroke-width": 2, "stroke-dasharray": "5 4" });
      by.line("here", [[layers, -2], [layers, 100]], { stroke: "var(--faint)", "stroke-width": 1.5 });
      for (const name of ways) {
        by.line(`of ${name}`, depths.map((d) => [d, summary(wrong[name][d], fails)[0]]), {
          stroke: colours[name], opacity: name === way ? 1 : 0.35, "stroke-width": name === way ? 3 : 1.6,
        });
      }
      by.dots("seeds", wrong[way][layers].map((one) => [layers, one]), () => ({ r: 4.5, fill: colours[way], stroke: "var(--paper)" }));
      along.say(`${layers} layers, ${way}: a line a network`);
      curves[way][layers].forEach((path, seed) => {
        along.line(`seed ${seed}`, path, { stroke: colours[way], opacity: 0.8, "stroke-width": 1.8 });
        along.dots(`ends ${seed}`, path, () => ({ r: 3, fill: colours[way] }));
      });
      const [median, trained] = summary(wrong[way][layers], fails);
      said.textContent =
        `${layers} layers, ${way}: ${trained} of ${wrong[way][layers].length} networks train; ` +
        `in the median ${median.toFixed(1)} % of the training images are wrong.`;
    });
    return page.start();
  },
};
