// What a student makes of the class it never saw, as the bias of that class moves: b now, hollow without a shift.
import { add, choice, gallery, panels, sentence, slider, sprite, stage } from "./page.js";
import { chart, handle } from "./chart.js";
import { row, unpacked } from "./sums.js";

const MISSED = { domain: [0, 100], bend: "root", ticks: [0, 1, 5, 10, 25, 50, 100], label: "% missed" };

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { classes, biases, counts, students, images } = page.data;
    const [first, last, each] = [biases[0], biases.at(-1), biases[1] - biases[0]];
    const stepOf = (bias) => Math.round((bias - first) / each);
    const nearest = (bias) => biases[Math.min(biases.length - 1, Math.max(0, stepOf(bias)))];
    for (const student of students) {
      Object.assign(student, { wrong: unpacked(student.wrong), taken: unpacked(student.taken) });
      student.errors = biases.map((_, step) => row(student.wrong, step).reduce((sum, n) => sum + n, 0));
    }
    const distinct = (key) => [...new Set(students.map((student) => student[key]))];
    const signed = (bias) => `${bias < 0 ? "−" : "+"}${Math.abs(bias).toFixed(2)}`;
    choice(page, "omitted", { label: "never saw", options: distinct("omitted").map((c) => [classes[c], c]) });
    choice(page, "temperature", { label: "trained at T", options: distinct("temperature").map((t) => [`${t}`, t]) });
    slider(page, "bias_added", { label: "bias", min: first, max: last, step: each, format: signed });
    const fit = add(page.controls, "button", { type: "button" }, "label-free bias");
    const chosen = ({ omitted, temperature }) => students.find((s) => s.omitted === omitted && s.temperature === temperature);
    fit.addEventListener("click", () => page.put({ bias_added: nearest(chosen(page.state).fitted) }));
    const said = sentence(page);
    const box = panels(page, 3);
    const taken = chart(page, box, { x: { names: classes }, y: { domain: [0, 100], label: "% of them" } });
    const missed = chart(page, box, { title: "Missed, by digit", x: { names: classes }, y: MISSED });
    const most = Math.max(...students.flatMap((student) => student.errors));
    const least = Math.min(...students.flatMap((student) => student.errors));
    const curve = chart(page, box, {
      title: "Errors at every bias: drag", x: { domain: [first, last], label: "bias" },
      y: { domain: [Math.max(1, least * 0.8), most * 1.1], bend: "log", label: "errors" },
    });
    const knob = add(curve.group("knob"), "circle", { r: 9, fill: "var(--student)", stroke: "var(--paper)", "stroke-width": 2 });
    handle(curve, knob, {
      label: "bias",
      moved: ([bias]) => page.put({ bias_added: nearest(bias) }),
      step: (across, up) => page.put({ bias_added: nearest(page.state.bias_added + (across || up) * each) }),
    });
    const tiles = gallery(page.root, sprite(images));

    page.on((state) => {
      const student = chosen(state);
      const [now, unmoved] = [stepOf(state.bias_added), stepOf(0)];
      const name = classes[state.omitted];
      const own = counts[state.omitted];
      const colour = (c) => (c === state.omitted ? "var(--right)" : "color-mix(in srgb, var(--quiet) 60%, transparent)");
      const percent = (values, of) => Array.from(values, (n, c) => (100 * n) / of(c));
      const called = percent(row(student.taken, now), () => own);
      taken.say(`Unseen ${name}s are taken for …`, `${called[state.omitted].toFixed(1)} % of the ${name}s are called ${name}`);
      taken.bars("now", called, { colour, title: (c) => `${classes[c]}: ${called[c].toFixed(1)} %` });
      hollow(taken, percent(row(student.taken, unmoved), () => own));

      const lost = percent(row(student.wrong, now), (c) => counts[c]);
      const mine = (c) => (c === state.omitted ? "var(--wrong)" : "color-mix(in srgb, var(--wrong) 45%, transparent)");
      missed.bars("now", lost, { colour: mine, title: (c) => `${classes[c]}: ${lost[c].toFixed(1)} % missed` });
      hollow(missed, percent(row(student.wrong, unmoved), (c) => counts[c]));

      curve.line("errors", biases.map((bias, step) => [bias, Math.max(1, student.errors[step])]), { stroke: "var(--student)" });
      const floor = curve.y.back(curve.height);
      const upright = (bias) => [[bias, floor], [bias, curve.y.back(0)]];
      curve.line("fitted", upright(student.fitted), { stroke: "var(--ink)", "stroke-dasharray": "4 3", "stroke-width": 1.2 });
      curve.texts("fitted said", [[student.fitted, curve.y.back(0)]], ([bias]) => ({
        text: "label-free", dx: bias > (first + last) / 2 ? -5 : 5, dy: 12, "text-anchor": bias > (first + last) / 2 ? "end" : "start",
      }));
      knob.setAttribute("cx", curve.x(state.bias_added));
      knob.setAttribute("cy", curve.y(Math.max(1, student.errors[now])));
      knob.setAttribute("aria-valuenow", state.bias_added);
      knob.setAttribute("aria-valuetext", `bias ${signed(state.bias_added)}, ${student.errors[now]} errors`);

      tiles(student.gallery.map(([image, before, from]) => {
        const answer = now >= from ? state.omitted : before;
        return { image, lines: [[classes[answer], answer === state.omitted ? "right" : "wrong"]], label: `a ${name} called ${classes[answer]}` };
      }));
      const all = Object.values(counts).reduce((sum, n) => sum + n, 0);
      const right = row(student.taken, now)[state.omitted];
      said.textContent =
        `${student.errors[now].toLocaleString("en")} errors of ${all.toLocaleString("en")} (${student.errors[unmoved].toLocaleString("en")} without a shift); ` +
        `${right.toLocaleString("en")} of ${own.toLocaleString("en")} ${name}s right. Label-free bias: ${signed(student.fitted)}.`;
    });
    return page.start();
  },
};

// The bars at b = 0, as outlines.
function hollow(on, values) {
  on.group("before", { fill: "none", stroke: "var(--ink)", "stroke-width": 1.2, "pointer-events": "none" });
  on.bars("before", values, { colour: "none" });
}
