// One image's answer at a temperature: distribution, entropy, path in the simplex, and what it asks of a student.
import { add, choice, panels, sentence, set, slider, sprite, stage, toggle } from "./page.js";
import { chart } from "./chart.js";
import { argmax, entropy, gradientLength, gradientShares, row, softmax, unpacked } from "./sums.js";

const CORNERS = [[0, 0], [1, 0], [0.5, Math.sqrt(3) / 2]];

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { classes, temperatures, labels, answers } = page.data;
    const logits = Object.fromEntries(Object.entries(answers).map(([name, packed]) => [name, unpacked(packed)]));
    const names = Object.keys(logits);
    const show = sprite(page.data.images);
    slider(page, "temperature", { label: "T", values: temperatures, format: (t) => `${t}` });
    slider(page, "image", { label: "image", max: labels.length - 1 });
    choice(page, "shown", { label: "shown", options: names.map((name) => [name, name]) });
    toggle(page, "factor", { label: "loss × T²" });
    const said = sentence(page);
    const box = panels(page, 3);
    const hot = { domain: [temperatures[0], temperatures.at(-1)], bend: "log", label: "T" };
    const band = { names: classes };

    const seen = add(box, "figure", { class: "kdviz-chart" });
    const named = add(seen, "figcaption");
    const tile = add(seen, "span", { class: "kdviz-tile", role: "img", style: "max-width: 176px" });
    const shares = chart(page, box, { x: band, y: { domain: [0, 1], label: "probability" } });
    const curve = chart(page, box, { x: hot, y: { domain: [0, Math.log(classes.length) * 1.05], label: "nats" } });
    const corner = chart(page, box, classes.length < 3 ? { x: hot, y: { domain: [0, 1], label: "probability" } } : {
      title: "Among its three likeliest", even: true, room: { left: 4, right: 4, bottom: 6 },
      x: { domain: [0, 1], ticks: [] }, y: { domain: [-0.12, 1], ticks: [] },
    });
    const pull = chart(page, box, { x: band, y: { domain: [0, 0.52], format: (v) => `${Math.round(100 * v)}`, label: "% of it" } });
    const size = chart(page, box, { x: hot, y: { domain: [0.001, 100], bend: "log", label: "length" } });

    page.on(({ temperature, image, shown, factor }) => {
      const own = row(logits[shown], image);
      const teacher = row(logits.teacher, image);
      const learner = shown === "teacher" ? names[1] : shown;
      const student = row(logits[learner], image);
      const colour = shown === "teacher" ? "var(--teacher)" : "var(--student)";
      const answer = softmax(own, temperature);
      const best = argmax(answer);
      set(page.root, { style: `--accent: ${colour}` });
      show(tile, image);
      named.textContent = `Labelled ${classes[labels[image]]}`;
      set(tile, { "aria-label": `a test image labelled ${classes[labels[image]]}` });

      shares.say(`${shown} at T = ${temperature}`, `Probabilities, the highest ${classes[best]} with ${answer[best].toFixed(3)}`);
      shares.bars("shares", answer, { colour, title: (i) => `${classes[i]}: ${answer[i].toFixed(4)}` });
      const nats = entropy(answer);
      curve.say("Entropy", `Entropy against T, now ${nats.toFixed(3)} nats`);
      curve.line("curve", temperatures.map((t) => [t, entropy(softmax(own, t))]), { stroke: colour });
      curve.dots("now", [[temperature, nats]], () => ({ r: 5.5, fill: "var(--ink)" }));

      const part = gradientShares(student, teacher, temperature);
      pull.say(`Gradient of “${learner}”`, `Shares of the gradient, the largest ${classes[argmax(part)]}`);
      pull.bars("part", part, { colour: "var(--student)", title: (i) => `${classes[i]}: ${(100 * part[i]).toFixed(1)} %` });
      const length = gradientLength(student, teacher, temperature, factor);
      const within = (value) => Math.min(100, Math.max(0.001, value));
      size.say(`Its length, ${factor ? "with" : "without"} T²`, `Length of the gradient against T, now ${length.toPrecision(3)}`);
      for (const times of [true, false]) {
        const points = temperatures.map((t) => [t, within(gradientLength(student, teacher, t, times))]);
        size.line(times ? "with" : "without", points, {
          stroke: "var(--student)", opacity: times === factor ? 1 : 0.3, "stroke-dasharray": times ? null : "5 4",
        });
      }
      size.dots("now", [[temperature, within(length)]], () => ({ r: 5.5, fill: "var(--ink)" }));
      if (classes.length < 3) likelier(corner, own, temperature, temperatures, colour);
      else triangle(corner, own, temperature, temperatures, classes);
      said.textContent =
        `Entropy ${nats.toFixed(3)} nats: as unsure as between ${Math.exp(nats).toFixed(1)} equal classes. ` +
        `${classes[best]} has ${answer[best].toFixed(3)}. Gradient ${length.toPrecision(3)} long.`;
    });
    return page.start();
  },
};

function likelier(on, logits, temperature, temperatures, colour) {
  const most = (t) => Math.max(...softmax(logits, t));
  on.say("Its likelier class", `Its probability against T, now ${most(temperature).toFixed(3)}`);
  on.line("curve", temperatures.map((t) => [t, most(t)]), { stroke: colour });
  on.dots("now", [[temperature, most(temperature)]], () => ({ r: 5.5, fill: "var(--ink)" }));
}

function triangle(on, logits, temperature, temperatures, classes) {
  const top = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a]).slice(0, 3);
  const place = (t) => {
    const shares = softmax(top.map((c) => logits[c]), t);
    return [0, 1].map((axis) => shares.reduce((sum, share, i) => sum + share * CORNERS[i][axis], 0));
  };
  const path = temperatures.map(place);
  const middle = [0.5, Math.sqrt(3) / 6];
  on.line("sides", [...CORNERS, CORNERS[0]], { stroke: "var(--quiet)", "stroke-width": 1, opacity: 0.7 });
  CORNERS.forEach((a, i) => {
    const b = CORNERS[(i + 1) % 3];
    on.line(`middle ${i}`, [[(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], middle], { stroke: "var(--faint)", "stroke-width": 1 });
  });
  on.line("path", path, { stroke: "var(--quiet)", "stroke-width": 1 });
  on.dots("path dots", path, (_, i) => ({ r: 3.2, fill: `color-mix(in oklab, var(--wrong) ${(100 * i) / (path.length - 1)}%, var(--teacher))` }));
  on.dots("now", [place(temperature)], () => ({ r: 7, fill: "none", stroke: "var(--ink)", "stroke-width": 2 }));
  on.texts("corners", CORNERS, ([, y], i) => ({ text: classes[top[i]], dy: y ? -8 : 16, "text-anchor": ["end", "start", "middle"][i] }));
}
