// Weights on the grid of their bits, and what the rounded net calls the same images.
import { choice, gallery, panels, add, sentence, slider, sprite, stage } from "./page.js";
import { chart } from "./chart.js";
import { unpacked } from "./sums.js";

const SHOWN = 24; // images

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { bits, edge, plain, nets, answers, whole, labels, images, classes, colours } = page.data;
    const schemes = Object.keys(nets);
    const before = unpacked(whole).values;
    const truth = unpacked(labels).values;
    const after = Object.fromEntries(schemes.map((name) => [name, Object.fromEntries(bits.map((b) => [b, unpacked(answers[name][b]).values]))]));
    const same = (name, b) => Array.from(before, (c, i) => Number(after[name][b][i] === c)).reduce((sum, one) => sum + one, 0);
    slider(page, "bits", { label: "bits", values: bits });
    choice(page, "scheme", { label: "scheme", options: schemes.map((name) => [name, name]) });
    const said = sentence(page);
    const box = panels(page, 2);
    const grid = chart(page, box, { height: 260, x: { domain: [-edge, edge], label: "weight" }, y: { domain: [0, 100], bend: "root", ticks: [0, 1, 5, 20, 50, 100], label: "% of the weights" } });
    const by = chart(page, box, {
      title: "Answered as in full precision", height: 260, x: { domain: [bits[0] - 0.5, bits.at(-1) + 0.5], ticks: bits, label: "bits" },
      y: { domain: [0, 100], label: "% of the images" },
    });
    const heading = add(page.root, "p", { class: "kdviz-said" });
    const show = gallery(page.root, sprite(images));

    page.on((state) => {
      const { shares, levels } = nets[state.scheme][state.bits];
      const wide = (2 * edge) / plain.length;
      const bars = (name, values, fill, opacity) => {
        grid.rects(name, values, (value, i) => ({
          x: grid.x(-edge + i * wide), width: Math.max(1, grid.x(wide) - grid.x(0) - 0.5), y: grid.y(value), height: Math.max(0, grid.y(0) - grid.y(value)), fill, opacity,
        }));
      };
      grid.say(`One layer's weights: ${levels} different numbers`);
      bars("plain", plain, "var(--quiet)", 0.35);
      bars("rounded", shares, colours[state.scheme], 0.85);
      for (const name of schemes) {
        by.line(`of ${name}`, bits.map((b) => [b, (100 * same(name, b)) / before.length]), {
          stroke: colours[name], opacity: name === state.scheme ? 1 : 0.35, "stroke-width": name === state.scheme ? 3 : 1.5,
        });
      }
      const agreed = same(state.scheme, state.bits);
      by.dots("here", [[state.bits, (100 * agreed) / before.length]], () => ({ r: 6, fill: colours[state.scheme], stroke: "var(--paper)" }));
      const mine = after[state.scheme][state.bits];
      const changed = Array.from(before.keys()).filter((i) => mine[i] !== before[i]);
      const rest = Array.from(before.keys()).filter((i) => mine[i] === before[i]);
      heading.textContent = changed.length ? `First those whose answer changed, ${changed.length} of ${before.length}.` : "No answer changed.";
      show([...changed, ...rest].slice(0, SHOWN).map((i) => ({
        image: i,
        lines: [[`${classes[before[i]]} → ${classes[mine[i]]}`, mine[i] === before[i] ? "" : mine[i] === truth[i] ? "right" : "wrong"]],
        label: `a ${classes[truth[i]]}: ${classes[before[i]]} in full precision, now ${classes[mine[i]]}`,
      })));
      const right = Array.from(mine).filter((c, i) => c === truth[i]).length;
      said.textContent =
        `${state.bits} bit${state.bits > 1 ? "s" : ""}, ${state.scheme}: answered as in full precision ${agreed} of ${before.length} images, right ${right}.`;
    });
    return page.start();
  },
};
