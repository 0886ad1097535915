// How many peers, and how they listen: what each has wrong, and what their averaged answers have wrong.
import { choice, panels, sentence, slider, stage } from "./page.js";
import { apart, chart } from "./chart.js";

// The mean of % wrong, and in how many seeds it is less than `base`, of the same seeds.
export function summary(wrong, base) {
  return [wrong.reduce((sum, one) => sum + one, 0) / wrong.length, wrong.filter((one, seed) => one < base[seed]).length];
}

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { counts, wrong, colours, titles } = page.data;
    const ways = Object.keys(colours);
    slider(page, "count", { label: "peers", values: counts });
    choice(page, "way", { label: "how they listen", options: ways.map((name) => [name, name]) });
    const said = sentence(page);
    const box = panels(page, 2);
    const all = Object.values(wrong).flatMap((of) => Object.values(of).flatMap((by) => Object.values(by).flat()));
    const [low, high] = [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all))];
    const room = (counts.at(-1) - counts[0]) * 0.08 || 1;
    const ends = [counts[0] - room, counts.at(-1) + room];
    const charts = Object.keys(wrong).map((answer) => [answer, chart(page, box, {
      height: 300, room: { right: 92 }, x: { domain: ends, ticks: counts, label: "peers" },
      y: { domain: [low, high], label: "% of test images wrong" },
    })]);

    page.on(({ count, way }) => {
      const now = {};
      for (const [answer, of] of charts) {
        const mean = (name, n) => summary(wrong[answer][name][n], wrong[answer][ways[0]][n]);
        of.say(titles[answer], `${titles[answer]}: % of test images wrong by number of peers, ${way}`);
        of.line("here", [[count, low], [count, high]], { stroke: "var(--faint)", "stroke-width": 1.5 });
        for (const name of ways) {
          of.line(`of ${name}`, counts.map((n) => [n, mean(name, n)[0]]), {
            stroke: colours[name], opacity: name === way ? 1 : 0.55, "stroke-width": name === way ? 3 : 1.6,
          });
        }
        const last = ways.map((name) => [counts.at(-1), mean(name, counts.at(-1))[0]]);
        const heights = apart(last.map(([, y]) => of.y(y)));
        of.texts("names", last, (_, i) => ({ text: ways[i], y: heights[i] + 4, dx: 14 }));
        of.dots("seeds", wrong[answer][way][count].map((one) => [count, one]), () => ({ r: 4.5, fill: colours[way], stroke: "var(--paper)" }));
        now[answer] = mean(way, count);
      }
      said.textContent = told(count, way, ways[0], now, wrong.averaged[way][count].length);
    });
    return page.start();
  },
};

// One peer hears nobody; those that do not listen have nothing to be compared with.
function told(count, way, base, { "each peer": [each, fewer], averaged: [together, better] }, seeds) {
  if (count === 1) return `1 peer hears nobody: it has ${each.toFixed(1)} % of the test images wrong in the mean.`;
  const errors = `each has ${each.toFixed(1)} % of the test images wrong in the mean, averaged ${together.toFixed(1)} %.`;
  const compared = ` Fewer than ${base}: each in ${fewer} of ${seeds} seeds, averaged in ${better} of ${seeds}.`;
  return `${count} peers, ${way}: ${errors}${way === base ? "" : compared}`;
}
