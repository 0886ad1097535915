// The three discs of the playground: what the teacher says, and what each student does.
import { coloured, disk, fitted, mixed, overlaid, rgb, shown, softened, striped } from "./maps.js";
import { add, set } from "./page.js";
import { TWIST } from "./plane.js";

const BORDER = [1, 3, 5].map((sixth) => Array.from({ length: 60 }, (_, i) => {
  const [radius, angle] = [i / 59, (sixth * Math.PI) / 3 + (TWIST * i) / 59];
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}));

// `teacher` holds its logits, and its answers in `called`; `names` are of the discs.
export function scene(page, parent, grid, game, teacher, names) {
  const box = add(parent, "div", { class: "kdviz-discs" });
  const maps = names.map((name, k) => {
    const figure = add(box, "figure", { class: "kdviz-disc", "data-of": ["teacher", "soft", "labels"][k] });
    const title = add(figure, "figcaption", {}, name);
    const map = disk(add(figure, "canvas", { role: "img", "aria-label": name }), grid);
    return { ...map, title, note: add(figure, "p") };
  });
  const shares = new Float64Array(3 * grid.count);
  const self = { maps, palette: null };
  // The page's colours, light or dark.
  self.colour = () => {
    const style = getComputedStyle(page.root);
    const of = (name) => style.getPropertyValue(`--${name}`).trim();
    const dark = style.colorScheme === "dark";
    self.palette = {
      depth: dark ? 0.94 : 0.8, paper: rgb(of("paper")), ink: of("ink"), quiet: of("quiet"), faint: of("faint"), edge: dark ? "#16171a" : "#ffffff",
      classes: page.data.classes.map((name) => rgb(dark ? `color-mix(in oklab, ${name} 72%, white)` : name)),
      colours: [of("student"), dark ? "#b4b4bd" : of("hard-labels")],
    };
    for (const map of maps) striped(map, self.palette.ink);
  };
  self.teach = (temperature) => {
    softened(teacher.logits, temperature, shares, null);
    coloured(maps[0], shares, self.palette, teacher.called, null);
    shown(maps[0], false);
    const text = `Teacher at T = ${temperature}`;
    if (maps[0].title.textContent !== text) maps[0].title.textContent = text;
  };
  // Student k, 0 or 1, as it answers now.
  self.draw = (k) => {
    const student = game.students[k];
    game.ask(student);
    coloured(maps[k + 1], student.shares, self.palette, student.called, teacher.called);
    shown(maps[k + 1], true);
  };
  // Points and borders, which stay while a round lasts.
  self.overlay = () => {
    const { places, labels, flipped, soft, count } = game.points;
    const own = new Uint8ClampedArray(4);
    const point = (k) => (_, i) => {
      if (k === 1) mixed(soft, 3 * i, self.palette, own, 0);
      else own.set(self.palette.classes[labels[i]]);
      return [places[2 * i], places[2 * i + 1], k === 1 ? 0 : labels[i], `rgb(${own[0]} ${own[1]} ${own[2]})`, k === 2 && flipped[i]];
    };
    maps.forEach((map, k) => overlaid(map, BORDER, Array.from({ length: k ? count : 0 }, point(k)), self.palette));
  };
  self.fit = () => {
    const changed = maps.map(fitted);
    if (changed.includes(true)) self.colour();
  };
  self.say = (k, text) => {
    if (maps[k].note.textContent !== text) maps[k].note.textContent = text;
    set(maps[k].canvas, { "aria-label": `${maps[k].title.textContent}: ${text}` });
  };
  return self;
}
