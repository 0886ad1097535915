// How near the teacher a student starts, and what training makes of it: λ is dragged, the curves are its seeds'.
import { add, panels, sentence, slider, stage } from "./page.js";
import { chart, handle } from "./chart.js";

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { shares, before, histories } = page.data;
    slider(page, "share", { label: "λ", values: shares });
    const said = sentence(page);
    const box = panels(page, 2);
    const y = { domain: [0, 100], label: "agreement, %" };
    const ends = histories.map((seeds) => seeds.map((history) => 100 * history.agreement.at(-1)));
    const by = chart(page, box, { title: "After training, by λ: drag", height: 300, x: { domain: [0, Math.max(...shares)], label: "λ: share of the teacher's weights at the start" }, y });
    const epochs = Math.max(...histories.flat().map((history) => history.epoch.at(-1)));
    const curves = chart(page, box, { height: 300, x: { domain: [0, epochs], label: "epoch" }, y });
    const knob = add(by.group("knob"), "circle", { r: 10, fill: "var(--student)", stroke: "var(--paper)", "stroke-width": 2 });
    const nearest = (share) => shares.reduce((best, each) => (Math.abs(each - share) < Math.abs(best - share) ? each : best));
    const to = (i) => page.put({ share: shares[Math.min(shares.length - 1, Math.max(0, i))] });
    handle(by, knob, {
      label: "λ",
      moved: ([share]) => page.put({ share: nearest(share) }),
      step: (across, up) => to(shares.indexOf(page.state.share) + (across || up)),
    });

    page.on(({ share }) => {
      const i = shares.indexOf(share);
      const points = (values) => shares.map((each, j) => [each, mean(values[j])]);
      const started = before.map((seeds) => seeds.map((agreement) => 100 * agreement));
      by.line("before", points(started), { stroke: "var(--quiet)", "stroke-dasharray": "5 4" });
      by.line("after", points(ends), { stroke: "var(--student)" });
      by.dots("seeds", ends.flatMap((seeds, j) => seeds.map((agreement) => [shares[j], agreement])), () => ({ r: 3, fill: "var(--student)", opacity: 0.5 }));
      by.texts("names", [[shares[1], mean(started[1])]], () => ({ text: "before training", dy: -14 }));
      for (const [name, value] of Object.entries({ cx: by.x(share), cy: by.y(mean(ends[i])), "aria-valuenow": share, "aria-valuetext": `λ = ${share}` })) knob.setAttribute(name, value);
      if (by.marks.lastElementChild !== knob.parentNode) by.marks.append(knob.parentNode); // moved, it would be let go
      curves.say(`Training from λ = ${share}, a line a seed`);
      histories[0].forEach((_, seed) => {
        const { epoch, agreement } = histories[i][seed];
        const line = [[0, started[i][seed]], ...epoch.map((at, k) => [at, 100 * agreement[k]])];
        curves.line(`seed ${seed}`, line, { stroke: "var(--student)", opacity: 0.7, "stroke-width": 1.6 });
      });
      said.textContent = `λ = ${share}: agreement ${mean(started[i]).toFixed(1)} % before training, ${mean(ends[i]).toFixed(1)} % after, means of ${ends[i].length} seeds.`;
    });
    return page.start();
  },
};

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
