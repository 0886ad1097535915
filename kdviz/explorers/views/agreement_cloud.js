// Every student as a point: agreement with its teacher against accuracy, and what stands behind the one chosen.
import { add, choice, gallery, join, panels, sentence, set, sprite, stage } from "./page.js";
import { apart, chart } from "./chart.js";
import { bounds } from "./sums.js";

const NEAR = 24; // pixels from a point that still mean it
const SAID = { all: "agreement with the teacher, %", wrong: "agreement where the teacher is wrong, %" };
const LINES = { train_agreement: ["agreement, training images", "var(--student)"], test_accuracy: ["accuracy, test images", "var(--quiet)"] };

// The controls' name, accuracy and agreement: on all images, or where the teacher is wrong if that was measured.
const beside = (controls, where) =>
  controls.map(([name, x, y, wrong]) => [name, x, where === "all" ? y : wrong]).filter(([, , y]) => y !== undefined);
// On a dark page a lighter one.
const readable = (colour) => colour && `color-mix(in oklab, ${colour} var(--kept), white)`;

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { classes, runs, columns, teacher, controls } = page.data;
    choice(page, "student", { label: "student", options: runs.map((run, i) => [run.name, i]) });
    choice(page, "colour", { label: "colour", options: Object.keys(columns).map((name) => [name, name]) });
    choice(page, "where", { label: "agreement", options: [["on all test images", "all"], ["where the teacher is wrong", "wrong"]] });
    const said = sentence(page);
    const box = panels(page, 2);
    const left = add(box, "div");
    const key = add(left, "div", { class: "kdviz-key" });
    const places = [...runs.map((run) => run.accuracy), ...controls.map(([, x]) => x), teacher];
    const cloud = chart(page, left, { height: 400, x: { domain: spread(places), label: "accuracy, % of the test images" }, y: { domain: [0, 100] } });
    const right = add(box, "div");
    const recipe = add(right, "p", { class: "kdviz-recipe" });
    const lines = add(right, "div", { class: "kdviz-key" });
    const epochs = Math.max(...runs.flatMap((run) => run.history.epoch));
    const history = chart(page, right, { height: 190, x: { domain: [0, epochs], label: "epoch" }, y: { domain: [0, 100], label: "%" } });
    const count = add(right, "p", { class: "kdviz-said" });
    const tiles = gallery(right, sprite(page.data.images));
    const place = (i, where) => [100 * runs[i].accuracy, 100 * runs[i].agreement[where]];

    const near = add(cloud.svg, "g", { class: "kdviz-near", "pointer-events": "none" });
    const bubble = add(near, "text", { "text-anchor": "middle", visibility: "hidden" });
    function nearest(event) {
      const corner = cloud.svg.getBoundingClientRect();
      const zoom = corner.width / cloud.width || 1;
      const [x, y] = [(event.clientX - corner.left) / zoom, (event.clientY - corner.top) / zoom];
      const far = (i) => Math.hypot(cloud.x(place(i, page.state.where)[0]) - x, cloud.y(place(i, page.state.where)[1]) - y);
      const shown = runs.map((_, i) => i).filter((i) => seen(i, page.state));
      const best = shown.reduce((best, i) => (far(i) < far(best) ? i : best), shown[0]);
      return best !== undefined && far(best) < NEAR ? best : null;
    }
    const seen = (i, { hidden, colour }) => !hidden.includes(String(columns[colour].values[i]));
    cloud.svg.addEventListener("pointermove", (event) => {
      const i = nearest(event);
      cloud.svg.style.cursor = i === null ? "default" : "pointer";
      set(bubble, { visibility: i === null ? "hidden" : "visible" });
      if (i === null) return;
      const [x, y] = place(i, page.state.where);
      bubble.textContent = runs[i].name;
      set(bubble, { x: Math.min(cloud.width - 90, Math.max(110, cloud.x(x))), y: cloud.y(y) - 13 });
    });
    cloud.svg.addEventListener("pointerleave", () => set(bubble, { visibility: "hidden" }));
    cloud.svg.addEventListener("click", (event) => {
      const i = nearest(event);
      if (i !== null) page.put({ student: i });
    });

    page.on((state) => {
      const { student, colour, where } = state;
      const run = runs[student];
      const column = columns[colour];
      const paint = (value) => readable(column.colours?.[value]) ?? shade(value, column.values);
      if (cloud.where !== where || !cloud.y) {
        const all = [...runs.map((each) => each.agreement[where]), ...beside(controls, where).map(([, , y]) => y)];
        cloud.where = where;
        cloud.axes({ y: { domain: spread(all), label: SAID[where] } });
      }
      legend(key, page, column, paint);
      const numbers = column.values.filter((value) => typeof value === "number");
      const told = column.colours ? "" : `; ${colour} from ${Math.min(...numbers)} (blue) to ${Math.max(...numbers)} (red)`;
      cloud.say(`Agreement against accuracy${told}`, `${runs.length} students; chosen: ${run.name}`);
      possible(cloud, teacher, where === "all");
      cloud.dots("students", runs.map((_, i) => place(i, where)), (_, i) => ({
        class: "kdviz-dot", fill: paint(column.values[i]), r: 4.5, opacity: seen(i, state) ? 0.85 : 0.06,
      }));
      const marks = beside(controls, where);
      cloud.texts("controls", marks.map(([, x, y]) => [100 * x, 100 * y]), () => ({ text: "✖", dy: 5, "text-anchor": "middle" }));
      const heights = apart(marks.map(([, , y]) => cloud.y(100 * y)));
      cloud.texts("control names", marks.map(([, x, y]) => [100 * x, 100 * y]), ([x], i) => ({
        text: marks[i][0], y: heights[i] + 4, ...(cloud.x(x) > cloud.width / 2 ? { dx: -10, "text-anchor": "end" } : { dx: 10, "text-anchor": "start" }),
      }));
      cloud.dots("chosen", [place(student, where)], () => ({ r: 9, fill: "none", stroke: "var(--ink)", "stroke-width": 2 }));

      recipe.textContent = run.recipe;
      const drawn = Object.entries(LINES).filter(([name]) => name in run.history);
      join(lines, "span", drawn, ([, [text]]) => ({ text }));
      drawn.forEach(([, [, colour]], i) => (lines.children[i].style.color = colour));
      history.say("How it learnt", `Training of ${run.name}`);
      for (const [name, [, stroke]] of Object.entries(LINES)) {
        history.line(name, (run.history[name] ?? []).map((share, i) => [run.history.epoch[i], 100 * share]), { stroke });
      }
      count.textContent = `${run.apart.toLocaleString("en")} disagreements on all test images; above what the teacher says, below the student (green: right)`;
      tiles(run.gallery.map(([image, taught, answered, label]) => ({
        image, lines: [taught, answered].map((answer) => [classes[answer], answer === label ? "right" : "wrong"]),
        label: `a ${classes[label]}: the teacher says ${classes[taught]}, the student ${classes[answered]}`,
      })));
      const [accuracy, agreement] = place(student, where);
      said.textContent = `${run.name}: accuracy ${accuracy.toFixed(2)} %, ${SAID[where].slice(0, -3)} ${agreement.toFixed(2)} %.`;
    });
    return page.start();
  },
};

function spread(shares) {
  const [low, high] = [100 * Math.min(...shares), 100 * Math.max(...shares)];
  const room = 0.06 * (high - low) + 0.2;
  return [Math.max(0, low - room), Math.min(100.5, high + room)];
}

// A number's colour among the others.
function shade(value, values) {
  const numbers = values.filter((each) => typeof each === "number");
  if (typeof value !== "number") return "var(--quiet)";
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return `color-mix(in oklab, var(--wrong) ${high > low ? Math.round((100 * (value - low)) / (high - low)) : 50}%, var(--teacher))`;
}

// A button for each group, which shows or hides it; for numbers, the least and the most.
function legend(key, page, column, paint) {
  const values = column.colours ? Object.keys(column.colours) : [];
  const of = (value) => ({ type: "button", "aria-pressed": !page.state.hidden.includes(value), text: value });
  join(key, "button", values, of);
  values.forEach((value, i) => {
    key.children[i].style.setProperty("--mine", paint(value));
    key.children[i].onclick = () => {
      const { hidden } = page.state;
      page.put({ hidden: hidden.includes(value) ? hidden.filter((each) => each !== value) : [...hidden, value] });
    };
  });
}

// The room that the two accuracies leave, and the teacher's own.
function possible(cloud, teacher, drawn) {
  const [first, last] = [0, cloud.width].map(cloud.x.back);
  const shares = drawn ? Array.from({ length: 61 }, (_, i) => first + (i / 60) * (last - first)) : [];
  const ends = shares.map((share) => bounds(Math.min(1, share / 100), teacher));
  const corners = [...shares.map((x, i) => [x, 100 * ends[i][1]]), ...shares.map((x, i) => [x, 100 * ends[i][0]]).reverse()];
  const inside = corners.map(([x, y]) => `${cloud.x(x)},${Math.max(cloud.y.start, Math.min(cloud.y.end, cloud.y(y)))}`).join(" ");
  join(cloud.group("possible", { fill: "var(--faint)", opacity: 0.55 }), "polygon", drawn ? [inside] : [], (points) => ({ points }));
  cloud.line("teacher", drawn ? [[100 * teacher, cloud.y.back(1e9)], [100 * teacher, cloud.y.back(0)]] : [], { stroke: "var(--teacher)", "stroke-dasharray": "2 4" });
}
