// What several nets say of an image, and a generalist with its specialists; how many images each has right.
import { add, choice, panels, sentence, set, slider, sprite, stage } from "./page.js";
import { chart } from "./chart.js";
import { argmax, combined, row, softmax, unpacked } from "./sums.js";

const HUES = ["#CC79A7", "#E69F00", "#882255", "#44AA99"];
const JOINT = "var(--right)";

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { classes, labels } = page.data;
    const { shape: [many, images, width], values } = unpacked(page.data.nets);
    const shares = Array.from({ length: many }, (_, m) => labels.map((_, i) => {
      const start = (m * images + i) * width;
      return softmax(values.subarray(start, start + width), 1);
    }));
    const experts = Object.entries(page.data.specialists).map(([name, { logits, group }]) => {
      const all = unpacked(logits);
      return { name, group, shares: labels.map((_, i) => softmax(row(all, i), 1)) };
    });
    const mean = (count, i) => classes.map((_, c) => shares.slice(0, count).reduce((sum, of) => sum + of[i][c], 0) / count);
    const asked = (i) => experts.filter(({ group }) => group.includes(argmax(shares[0][i])));
    const joint = labels.map((_, i) => combined(shares[0][i], asked(i).map((each) => ({ group: each.group, shares: each.shares[i] }))));
    const count = (answer) => labels.filter((label, i) => argmax(answer(i)) === label).length;
    const right = shares.map((_, m) => count((i) => mean(m + 1, i)));
    const together = count((i) => joint[i]);

    slider(page, "image", { label: "image", max: images - 1 });
    slider(page, "count", { label: "nets", min: 1, max: many });
    choice(page, "shown", { label: "shown", options: [["several nets", "nets"], ["one net with specialists", "specialists"]] });
    const said = sentence(page);
    const box = panels(page, 3);
    const seen = add(box, "figure", { class: "kdviz-chart" });
    const named = add(seen, "figcaption");
    const tile = add(seen, "span", { class: "kdviz-tile", role: "img", style: "max-width: 176px" });
    const show = sprite(page.data.images);
    const middle = add(box, "div");
    const key = add(middle, "div", { class: "kdviz-key" });
    const bars = chart(page, middle, { height: 240, room: { bottom: 64 }, x: { names: classes }, y: { domain: [0, 1], label: "probability" } });
    const low = Math.min(together, ...right);
    const high = Math.max(together, ...right);
    const by = chart(page, box, {
      height: 240, x: { domain: [0.5, many + 0.5], ticks: Array.from({ length: many }, (_, m) => m + 1), label: "nets asked" },
      y: { domain: [low - 1, high + 1], label: `right, of ${images} images` },
    });

    page.on((state) => {
      const { image } = state;
      const nets = state.shown === "nets";
      show(tile, image);
      named.textContent = `Labelled ${classes[labels[image]]}`;
      set(tile, { "aria-label": `a test image labelled ${classes[labels[image]]}` });
      const answer = nets ? mean(state.count, image) : joint[image];
      const best = argmax(answer);
      const sets = nets ? [["mean", answer, "var(--teacher)"]] : [["generalist", shares[0][image], "var(--teacher)"]];
      if (!nets) {
        experts.forEach(({ name, group, shares: of }, k) => {
          sets.push([name, classes.map((_, c) => (group.includes(c) ? of[image][group.indexOf(c)] : 0)), HUES[k % HUES.length]]);
        });
        sets.push(["together", answer, JOINT]);
      }
      key.replaceChildren();
      for (const [name, , colour] of sets) {
        const entry = add(key, "span", {}, "");
        add(entry, "i", { style: `background: ${colour}` });
        entry.append(name);
      }
      for (let k = 0; k < experts.length + 2; k++) {
        const [name, of, colour] = sets[k] ?? ["", [], "none"];
        const share = 0.85 / sets.length;
        bars.bars(`set ${k}`, of, { colour, offset: 0.075 + k * share, share, title: (c) => `${name}, ${classes[c]}: ${of[c].toFixed(3)}` });
      }
      const dots = nets ? shares.slice(0, state.count).flatMap((of) => of[image].map((p, c) => [c, p])) : [];
      bars.dots("each", dots, () => ({ r: 2.2, fill: "var(--ink)", opacity: 0.6 }));
      bars.say(nets ? `Mean of ${state.count} net${state.count > 1 ? "s" : ""}` : "Generalist, specialists, together", `Probabilities, the highest ${classes[best]}`);
      by.say("How many images are right", `Right by number of nets, and with specialists ${together}`);
      by.line("nets", right.map((n, m) => [m + 1, n]), { stroke: "var(--teacher)", opacity: nets ? 1 : 0.4 });
      by.line("joint", [[0.5, together], [many + 0.5, together]], { stroke: JOINT, "stroke-dasharray": "5 4", opacity: nets ? 0.4 : 1 });
      by.dots("now", [nets ? [state.count, right[state.count - 1]] : [1, together]], () => ({ r: 6, fill: "var(--ink)" }));
      const first = argmax(shares[0][image]);
      said.textContent = nets
        ? `${state.count} net${state.count > 1 ? "s" : ""}: ${classes[best]} with ${answer[best].toFixed(3)}. Right on ${right[state.count - 1]} of ${images} images.`
        : `The generalist says ${classes[first]} with ${shares[0][image][first].toFixed(3)}. ` +
          `Asked: ${asked(image).map(({ name }) => name).join(", ") || "no specialist"}. ` +
          `Together: ${classes[best]} with ${answer[best].toFixed(3)}. Right on ${together} of ${images} images.`;
    });
    return page.start();
  },
};
