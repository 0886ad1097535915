// Which ties between classes a student keeps: the map of a net, or of its difference from its teacher; a pair's tie.
import { add, choice, gallery, join, panels, sentence, set, sprite, stage, toggle } from "./page.js";
import { chart } from "./chart.js";
import { row, unpacked } from "./sums.js";

const NAMED = 20; // as many classes have their names beside the map

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { classes, order, kinds, methods, seeds, teachers, confused, counts, images, texts } = page.data;
    const tables = Object.fromEntries(Object.entries(kinds).map(([kind, packed]) => [kind, unpacked(packed)]));
    const size = classes.length;
    const net = (name, seed) => (name === "teacher" ? seed % teachers : teachers + methods.indexOf(name) * seeds + seed);
    const fine = kinds[Object.keys(kinds)[0]].kind === "int8" ? 127 : 1;
    const r = (kind, which, a, b) => (a === b ? 1 : row(tables[kind], which)[cell(a, b)] / fine);
    const cell = (a, b) => { const [low, high] = a < b ? [a, b] : [b, a]; return (high * (high - 1)) / 2 + low; };

    choice(page, "matrix", { label: "logits", options: Object.keys(kinds).map((kind) => [kind, kind]) });
    choice(page, "method", { label: "student", options: methods.map((name) => [name, name]) });
    choice(page, "seed", { label: "seed", options: Array.from({ length: seeds }, (_, s) => [`${s}`, s]) });
    choice(page, "shown", { label: "map of", options: [["teacher − student", "difference"], ["teacher", "teacher"], ["student", "student"]] });
    choice(page, "first", { label: "class", options: classes.map((name, c) => [name, c]) });
    choice(page, "second", { label: "and", options: classes.map((name, c) => [name, c]) });
    toggle(page, "tree", { label: "in the order of the tree" });
    const said = sentence(page);
    const box = panels(page, 2);
    const named = size <= NAMED ? classes : classes.map(() => "");
    const longest = Math.max(...named.map((name) => name.length)) * 6.8 + 12;
    const map = chart(page, add(box, "div"), {
      square: 470, bare: true, room: { left: longest, right: 8, bottom: longest * 0.75 + 8, top: 4 }, x: { names: named }, y: { names: [...named].reverse() },
    });
    const canvas = add(map.box, "canvas", { class: "kdviz-map", width: size, height: size });
    map.box.insertBefore(canvas, map.svg);
    const scale = add(map.box, "p", { class: "kdviz-scale" });
    const ends = ["−", "", "+"].map((_, i) => add(scale, i === 1 ? "i" : "span"));
    const right = add(box, "div");
    const ties = chart(page, right, {
      height: 60 + 30 * (methods.length + 1), room: { left: 118, bottom: 30 }, x: { domain: [-1, 1], label: "r of the pair" },
      y: { names: [...methods].reverse().concat("teacher") },
    });
    const mistakes = [0, 1].map(() => {
      const told = add(right, "p", { class: "kdviz-recipe" });
      return { told, tiles: images ? gallery(right, sprite(images)) : null, list: images ? null : add(right, "ul", { class: "kdviz-texts" }) };
    });

    const at = (event) => {
      const corner = map.svg.getBoundingClientRect();
      const zoom = corner.width / map.width || 1;
      const shown = sequence(page.state);
      const column = map.x.back((event.clientX - corner.left) / zoom);
      const line = size - 1 - map.y.back((event.clientY - corner.top) / zoom);
      return [shown[line], shown[column]];
    };
    const sequence = ({ tree }) => (tree ? order : classes.map((_, c) => c));
    const numbers = ({ matrix, method, seed }, a, b) => [r(matrix, net("teacher", seed), a, b), r(matrix, net(method, seed), a, b)];
    const tell = (state, a, b) => {
      const [teacher, student] = numbers(state, a, b);
      return `${classes[a]} and ${classes[b]}: teacher ${signed(teacher)}, ${state.method} ${signed(student)}, difference ${signed(teacher - student)}.`;
    };
    map.svg.addEventListener("pointermove", (event) => (said.textContent = tell(page.state, ...at(event))));
    map.svg.addEventListener("pointerleave", () => (said.textContent = tell(page.state, page.state.first, page.state.second)));
    map.svg.addEventListener("click", (event) => {
      const [first, second] = at(event);
      if (first !== second) page.put({ first, second });
    });

    page.on((state) => {
      const { matrix, method, seed, shown, first, second } = state;
      const inOrder = sequence(state);
      const [teacher, student] = [net("teacher", seed), net(method, seed)];
      const value = (a, b) => {
        if (shown !== "difference") return a === b ? 0 : r(matrix, shown === "teacher" ? teacher : student, a, b);
        return r(matrix, teacher, a, b) - r(matrix, student, a, b);
      };
      const limit = shown === "difference" ? page.data.limits[matrix] : 1;
      paint(canvas, inOrder, (a, b) => value(a, b) / limit, coloursOf(page.root));
      [ends[0].textContent, ends[2].textContent] = [`−${limit.toFixed(2)}`, `+${limit.toFixed(2)}`];
      const width = map.x.band * size;
      Object.assign(canvas.style, { left: `${map.x(0) - map.x.band / 2}px`, top: `${map.y(size - 1) - map.x.band / 2}px`, width: `${width}px`, height: `${Math.abs(map.y.band) * size}px` });
      const off = mean(classes.flatMap((_, a) => Array.from({ length: a }, (_, b) => Math.abs(r(matrix, teacher, a, b) - r(matrix, student, a, b)))));
      map.say(`${shown === "difference" ? `Teacher minus ${method}` : shown === "teacher" ? "Teacher" : method}, ${matrix} logits`,
        `Map of ${size} classes, mean difference ${off.toFixed(3)}`);
      if (named[0] && map.sorted !== inOrder) {
        map.sorted = inOrder;
        const sorted = inOrder.map((c) => classes[c]);
        map.axes({ x: { names: sorted }, y: { names: [...sorted].reverse() } });
      }
      const place = (c) => inOrder.indexOf(c);
      map.dots("ring", [[place(second), size - 1 - place(first)]], () => ({ r: Math.max(7, map.x.band / 2.4), fill: "none", stroke: "var(--ink)", "stroke-width": 2.5 }));

      const rows = ["teacher", ...methods].flatMap((name, i) =>
        Array.from({ length: name === "teacher" ? teachers : seeds }, (_, s) => ({ name, s, place: [r(matrix, net(name, s), first, second), methods.length - i] })));
      ties.say(first === second ? "A tie is between two classes: choose another" : `${classes[first]} and ${classes[second]}, a dot a seed`);
      ties.line("zero", [[0, -0.5], [0, methods.length + 0.5]], { stroke: "var(--quiet)", "stroke-width": 1 });
      ties.dots("ties", first === second ? [] : rows.map((each) => each.place), (_, i) => {
        const { name, s } = rows[i];
        const mine = s === (name === "teacher" ? seed % teachers : seed) && ["teacher", method].includes(name);
        return { r: 5, fill: `color-mix(in oklab, ${page.data.colours[name]} var(--kept), white)`, "fill-opacity": 0.8, stroke: mine ? "var(--ink)" : "none", "stroke-width": 2 };
      });
      [[first, second], [second, first]].forEach(([own, other], i) => {
        const found = confused[`${own},${other}`] ?? { by: [], examples: [] };
        const { told, tiles, list } = mistakes[i];
        told.textContent = `Of ${counts[own].toLocaleString("en")} × ${classes[own]} the teacher takes ${found.by[teacher] ?? 0} for ${classes[other]}, the student ${found.by[student] ?? 0}.`;
        const shown = first === second ? [] : found.examples.map((example) => ({ ...example, taught: example.by[teacher], answered: example.by[student] }));
        tiles?.(shown.map(({ at, taught, answered }) => ({
          image: at, lines: [taught, answered].map((answer) => [classes[answer], answer === own ? "right" : "wrong"]),
          label: `a ${classes[own]}: the teacher says ${classes[taught]}, the student ${classes[answered]}`,
        })));
        if (list) join(list, "li", shown, ({ at, taught, answered }) => ({ text: `${texts[at]} (teacher: ${classes[taught]}; student: ${classes[answered]})` }));
      });
      said.textContent = `${tell(state, first, second)} Mean |difference| of all pairs: ${off.toFixed(3)}.`;
    });
    return page.start();
  },
};

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

// A cell a pixel, in the three colours of the style: below zero, at zero, above.
function paint(canvas, order, value, colours) {
  const page = canvas.getContext("2d");
  const picture = page.createImageData(order.length, order.length);
  const [below, zero, above] = colours;
  order.forEach((a, i) => order.forEach((b, j) => {
    const v = Math.max(-1, Math.min(1, value(a, b)));
    const end = v < 0 ? below : above;
    picture.data.set([...zero.map((level, k) => level + Math.abs(v) * (end[k] - level)), 255], 4 * (i * order.length + j));
  }));
  page.putImageData(picture, 0, 0);
}

function coloursOf(root) {
  const style = getComputedStyle(root);
  const levels = (name) => style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi).map((level) => parseInt(level, 16));
  return ["--below", "--zero", "--above"].map(levels);
}
