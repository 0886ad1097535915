// Which way trains how deep a network: what is wrong in the end by depth, of training and of test images.
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
    const { depths, wrong, colours, fails } = page.data;
    const ways = Object.keys(wrong.training);
    slider(page, "layers", { label: "layers", values: depths });
    choice(page, "way", { label: "trained on", options: ways.map((name) => [name, name]) });
    const said = sentence(page);
    const box = panels(page, 2);
    const room = (depths.at(-1) - depths[0]) * 0.06 || 1;
    const edges = [depths[0] - room, depths.at(-1) + room];
    const charts = ["training", "test"].map((images) => [images, chart(page, box, {
      height: 290, x: { domain: edges, ticks: depths, label: "layers" },
      y: { domain: [-2, 100], ticks: [0, 25, 50, 75, 100], label: `% of ${images} images wrong` },
    })]);

    page.on(({ layers, way }) => {
      for (const [images, of] of charts) {
        of.say(`${images === "test" ? "Test" : "Training"} images`, `% of ${images} images wrong by layers, ${way}`);
        of.line("fails", edges.map((edge) => [edge, fails]), { stroke: "var(--faint)", "stroke-width": 2, "stroke-dasharray": "5 4" });
        of.line("here", [[layers, -2], [layers, 100]], { stroke: "var(--faint)", "stroke-width": 1.5 });
        for (const name of ways) {
          of.line(`of ${name}`, depths.map((d) => [d, summary(wrong[images][name][d], fails)[0]]), {
            stroke: colours[name], opacity: name === way ? 1 : 0.35, "stroke-width": name === way ? 3 : 1.6,
          });
        }
        of.dots("seeds", wrong[images][way][layers].map((one) => [layers, one]), () => ({ r: 4.5, fill: colours[way], stroke: "var(--paper)" }));
      }
      const [median, trained] = summary(wrong.training[way][layers], fails);
      said.textContent =
        `${layers} layers, ${way}: ${trained} of ${wrong.training[way][layers].length} networks train; in the median ` +
        `${median.toFixed(1)} % of the training images are wrong, ${summary(wrong.test[way][layers], fails)[0].toFixed(1)} % of the test images.`;
    });
    return page.start();
  },
};
