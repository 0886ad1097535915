// Two nets of given accuracies: how much they can agree, at most and at least. Both accuracies are dragged.
import { add, join, sentence, slider, stage } from "./page.js";
import { chart, handle } from "./chart.js";
import { bounds } from "./sums.js";

const ROWS = ["net a is right", "net b, as alike as can be", "net b, as unlike as can be", "they agree on"];
const percent = (share) => `${(100 * share).toFixed(1)} %`;

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { classes, agreement } = page.data;
    slider(page, "a", { label: "accuracy of a", max: 1, step: 0.001, format: percent });
    slider(page, "b", { label: "accuracy of b", max: 1, step: 0.001, format: percent });
    const said = sentence(page);
    const of = chart(page, page.root, {
      height: 230, room: { left: 8, right: 14, top: 2 }, x: { domain: [0, 100], label: "% of the test images" }, y: { domain: [0, 4], ticks: [] },
    });
    const knobs = ["a", "b"].map((name) => {
      const knob = add(of.group(`knob ${name}`), "circle", { r: 10, stroke: "var(--paper)", "stroke-width": 2 });
      const within = (share) => Math.min(1, Math.max(0, Math.round(1000 * share) / 1000));
      handle(of, knob, {
        label: `accuracy of ${name}`,
        moved: ([x]) => page.put({ [name]: within(x / 100) }),
        step: (across, up) => page.put({ [name]: within(page.state[name] + 0.005 * (across || up)) }),
      });
      return knob;
    });

    page.on(({ a, b }) => {
      const [low, high] = bounds(a, b, classes);
      const bars = [
        [0, 0, a, "var(--teacher)"], [1, 0, b, "var(--student)"], [2, 1 - b, 1, "var(--student)"], [3, low, high, "var(--right)"],
      ];
      of.say("What two accuracies allow", `Agreement between ${percent(low)} and ${percent(high)}`);
      join(of.group("rows"), "rect", bars, (_, i) => ({
        x: of.x(0), y: of.y(3.62 - i), width: of.x(100) - of.x(0), height: of.y(0) - of.y(0.5), rx: 3, fill: "var(--faint)",
      }));
      join(of.group("bars"), "rect", bars, ([row, from, to, fill]) => ({
        x: of.x(100 * from), y: of.y(3.62 - row), width: Math.max(0, of.x(100 * to) - of.x(100 * from)), height: of.y(0) - of.y(0.5), rx: 3, fill, opacity: 0.85,
      }));
      of.texts("names", ROWS.map((_, i) => [0, 3.7 - i]), (_, i) => ({ text: ROWS[i] }));
      of.texts("measured", agreement === null ? [] : [[100 * agreement, 0.37]], () => ({ text: "◆", dy: 5, "text-anchor": "middle" }));
      [a, b].forEach((share, i) => {
        for (const [name, value] of Object.entries({ cx: of.x(100 * share), cy: of.y(3.37 - i), fill: bars[i][3], "aria-valuenow": share, "aria-valuetext": percent(share) })) {
          knobs[i].setAttribute(name, value);
        }
      });
      const above = knobs.map((knob) => knob.parentNode);
      if (of.marks.lastElementChild !== above.at(-1)) of.marks.append(...above); // moved again, they would be let go
      said.textContent =
        `Nets of ${percent(a)} and ${percent(b)} agree on ${percent(low)} of the images at least, ${percent(high)} at most` +
        `${agreement === null ? "" : `; measured (◆): ${percent(agreement)}`}.`;
    });
    return page.start();
  },
};
