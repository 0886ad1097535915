// How sure an exit must be before an image leaves there: what that costs, and which images leave where.
import { add, choice, gallery, panels, sentence, slider, sprite, stage } from "./page.js";
import { chart } from "./chart.js";
import { row, unpacked } from "./sums.js";

// At which exit, from 0, each example leaves: the first that is sure enough; at 1 the last.
export function leavesAt(doubts, sure) {
  const [exits, examples] = doubts.shape;
  const most = Math.fround(1 - sure);
  return Array.from({ length: examples }, (_, n) => {
    let at = 0;
    while (at < exits - 1 && (sure >= 1 || row(doubts, at)[n] > most)) at += 1;
    return at;
  });
}

// Operations an example, in % of those up to the last exit, and % of the examples right.
export function taken({ doubts, called }, labels, costs, sure) {
  const at = leavesAt(doubts, sure);
  const right = at.filter((exit, n) => row(called, exit)[n] === labels[n]).length;
  return [(100 * at.reduce((sum, exit) => sum + costs[exit], 0)) / at.length, (100 * right) / at.length];
}

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { sure: steps, costs, nets, labels, images, classes, colours } = page.data;
    const truth = unpacked(labels).values;
    const names = Object.keys(nets);
    const of = Object.fromEntries(names.map((name) => [name, { doubts: unpacked(nets[name].doubts), called: unpacked(nets[name].called) }]));
    const paths = Object.fromEntries(names.map((name) => [name, steps.map((sure) => taken(of[name], truth, costs, sure))]));
    const shown = images.count ?? Math.min(40, truth.length);
    slider(page, "sure", { label: "leave when this sure", values: steps, format: (value) => (value >= 1 ? "never" : `${value}`) });
    choice(page, "net", { label: "exits learn from", options: names.map((name) => [name, name]) });
    const said = sentence(page);
    const box = panels(page, 2);
    const all = names.flatMap((name) => paths[name]).map(([, right]) => right);
    const [low, high] = [Math.floor(Math.min(...all)) - 0.5, Math.ceil(Math.max(...all)) + 0.5];
    const curve = chart(page, box, { height: 300, x: { domain: [0, 103], label: "operations an image, % of all" }, y: { domain: [low, high], label: "% of images right" } });
    const where = chart(page, box, { title: "Who leaves where", height: 300, x: { names: costs.map((_, i) => `exit ${i + 1}`) }, y: { domain: [0, 100], label: "% of images" } });
    const heading = add(page.root, "p", { class: "kdviz-said" });
    const show = gallery(page.root, sprite(images));

    page.on((state) => {
      const net = of[state.net];
      const at = leavesAt(net.doubts, state.sure);
      const now = taken(net, truth, costs, state.sure);
      const alone = costs.map((cost, i) => [100 * cost, (100 * Array.from(row(net.called, i)).filter((c, n) => c === truth[n]).length) / truth.length]);
      for (const name of names) {
        const mine = name === state.net;
        curve.line(`path ${name}`, paths[name], { stroke: colours[name], "stroke-width": mine ? 3 : 1.4, opacity: mine ? 1 : 0.45 });
      }
      curve.dots("alone", alone, (_, i) => ({ r: 5, fill: "none", stroke: "var(--quiet)", title: `all at exit ${i + 1}` }));
      curve.dots("now", [now], () => ({ r: 8, fill: colours[state.net], stroke: "var(--ink)", "stroke-width": 1.5 }));
      curve.say("A ring: all images at one exit", `Accuracy against operations, exits that learn from ${state.net}`);
      const left = costs.map((_, i) => (100 * at.filter((exit) => exit === i).length) / at.length);
      where.bars("left", left, { colour: colours[state.net] });
      const order = Array.from({ length: shown }, (_, n) => n).sort((a, b) => at[a] - at[b] || a - b);
      heading.textContent = "The first images of the test set, by the exit at which they leave:";
      show(order.map((n) => {
        const answer = row(net.called, at[n])[n];
        return {
          image: n,
          lines: [[`exit ${at[n] + 1}`, ""], [classes[answer], answer === truth[n] ? "right" : "wrong"]],
          label: `a ${classes[truth[n]]} leaves at exit ${at[n] + 1}, called ${classes[answer]}`,
        };
      }));
      const early = left.slice(0, -1).reduce((sum, share) => sum + share, 0);
      const whole = alone[alone.length - 1][1];
      said.textContent =
        `${early.toFixed(1)} % of the images leave early: ${now[0].toFixed(1)} % of the operations, ${now[1].toFixed(2)} % right; ` +
        `without leaving ${whole.toFixed(2)} %.`;
    });
    return page.start();
  },
};
