// What the playground counts: two curves, and a table of both students with the rounds that each has won.
import { add, join, set } from "./page.js";
import { STEPS } from "./rounds.js";
import { trace } from "./traces.js";

const PLOTS = [
  ["Wrong, % of the disc", "errors", { low: 0, high: 50, ticks: [0, 25, 50], format: String }],
  ["Loss, each its own", "losses", { low: 1e-4, high: 10, ticks: [1e-4, 0.01, 1], log: true, format: (loss) => ({ 1: "1", 0.01: "10⁻²" })[loss] ?? "10⁻⁴" }],
];
const ROWS = [["wrong, % of the disc"], ["answers as the teacher, %"], ["loss"], ["rounds nearer the truth"], ["rounds nearer the teacher"]];
const told = (value) => (value === value ? value.toFixed(1) : "–");

const small = (loss) => (loss === loss ? (loss < 1e-4 ? "< 0.0001" : loss.toPrecision(2)) : "–");

export function board(parent, game, names) {
  const box = add(parent, "div", { class: "kdviz-board" });
  const curves = PLOTS.map(([title, which, shape]) => {
    const figure = add(box, "figure", { class: "kdviz-trace" });
    add(figure, "figcaption", {}, title);
    return [which, trace(add(figure, "canvas", { role: "img", "aria-label": `${title}, step by step` }), { ...shape, steps: STEPS })];
  });
  const side = add(box, "div", { class: "kdviz-score" });
  const table = add(side, "table");
  const head = add(table, "tr");
  for (const text of ["", ...names, "level"]) add(head, "th", { scope: "col" }, text);
  const cells = ROWS.map(([text]) => {
    const row = add(table, "tr");
    add(row, "th", { scope: "row" }, text);
    return [0, 1, 2].map(() => add(row, "td"));
  });
  const result = add(side, "p", { class: "kdviz-said", "aria-live": "polite" });
  const dots = add(side, "p", { class: "kdviz-rounds", role: "img" });
  const put = (row, column, text) => {
    const cell = cells[row][column];
    if (cell.textContent !== text) cell.textContent = text;
  };
  const self = {};
  self.fit = () => curves.forEach(([, curve]) => curve.fit());
  self.plot = (palette) => {
    for (const [which, curve] of curves) curve.draw(game.students[0][which], game.students[1][which], game.steps, palette);
  };
  self.live = () => game.students.forEach((student, k) => {
    put(0, k, told(student.wrong));
    put(1, k, told(student.agrees));
    put(2, k, small(student.loss));
  });
  // The score, and how the last round ended.
  self.count = () => {
    const { truth, teacher } = game.score;
    [truth, teacher].forEach((score, i) => score.forEach((wins, k) => put(3 + i, k, `${wins}`)));
    join(dots, "i", game.results.slice(-24), (won) => ({ class: `kdviz-won-${won}` }));
    const [soft, hard] = game.students.map(({ wrong }) => `${told(wrong)} %`);
    const won = game.results.at(-1);
    const ahead = won === 2 ? "level" : `${names[won]} are nearer the truth`;
    result.textContent = game.number ? `Round ${game.number}: soft targets ${soft} wrong, labels ${hard}; ${ahead}.` : "";
    const said = `Rounds so far: ${truth[0]} for soft targets, ${truth[1]} for labels, ${truth[2]} level`;
    set(dots, { "aria-label": said, title: said });
  };
  return self;
}
