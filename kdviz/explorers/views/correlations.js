// Which ties between classes a student keeps: the map of a net, or of its difference from its teacher; a pair's tie.
import { add, choice, gallery, join, panels, sentence, set, sprite, stage, toggle } from "./page.js";
import { chart } from "./chart.js";
import { apartBy, paint, pairScatter, wholes } from "./pairs.js";
import { unpacked } from "./sums.js";

const NAMED = 20; // as many classes have their names beside the map
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { classes, order, kinds, methods, seeds, teachers, confused, counts, images, texts, sample } = page.data;
    const size = classes.length;
    const fine = Object.values(kinds)[0].kind === "int8" ? 127 : 1;
    const tables = Object.fromEntries(Object.entries(kinds).map(([kind, packed]) => [kind, wholes(unpacked(packed), size, fine)]));
    const net = (name, seed) => (name === "teacher" ? seed % teachers : teachers + methods.indexOf(name) * seeds + seed);
    const r = (kind, which, a, b) => tables[kind](which)[a * size + b];

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
      height: 60 + 30 * (methods.length + 1), room: { left: 118, bottom: 36 }, x: { domain: [-1, 1], label: "r of the pair" },
      y: { names: [...methods].reverse().concat("teacher") },
    });
    const scatter = sample ? pairScatter(page, right, { classes, sample: { ...sample, values: unpacked(sample.values) } }) : () => {};
    const mistakes = [0, 1].map(() => {
      const told = add(right, "p", { class: "kdviz-recipe" });
      return { told, tiles: images ? gallery(right, sprite(images)) : null, list: images ? null : add(right, "ul", { class: "kdviz-texts" }) };
    });

    const cellAt = (event) => {
      const corner = map.svg.getBoundingClientRect();
      const zoom = corner.width / map.width || 1;
      const shown = sequence(page.state);
      const column = map.x.back((event.clientX - corner.left) / zoom);
      const line = size - 1 - map.y.back((event.clientY - corner.top) / zoom);
      return [shown[line], shown[column]];
    };
    const asNamed = classes.map((_, c) => c);
    const sequence = ({ tree }) => (tree ? order : asNamed);
    // What is said and drawn of a pair, the chosen one or one under the hand.
    const tell = ({ matrix, method, seed }, a, b) => {
      const [teacher, student] = [net("teacher", seed), net(method, seed)];
      const [taught, learnt] = [r(matrix, teacher, a, b), r(matrix, student, a, b)];
      if (a !== b) scatter([[`teacher, r = ${signed(taught)}`, teacher], [`${method}, r = ${signed(learnt)}`, student]], [a, b], matrix === "centred");
      return `${classes[a]} and ${classes[b]}: teacher ${signed(taught)}, ${method} ${signed(learnt)}, difference ${signed(taught - learnt)}.`;
    };
    map.svg.addEventListener("pointermove", (event) => (said.textContent = tell(page.state, ...cellAt(event))));
    map.svg.addEventListener("pointerleave", () => (said.textContent = tell(page.state, page.state.first, page.state.second)));
    map.svg.addEventListener("click", (event) => {
      const [first, second] = cellAt(event);
      if (first !== second) page.put({ first, second });
    });
    set(map.svg, { tabindex: 0, role: "application" });
    map.svg.addEventListener("keydown", (event) => {
      if (!ARROWS[event.key]) return;
      event.preventDefault();
      const shown = sequence(page.state);
      const { first, second } = page.state;
      const next = [first, second].map((c, i) => (shown.indexOf(c) + ARROWS[event.key][i] + size) % size);
      if (next[0] === next[1]) next.forEach((_, i) => (next[i] = (next[i] + ARROWS[event.key][i] + size) % size)); // over the diagonal
      page.put({ first: shown[next[0]], second: shown[next[1]] });
    });

    page.on((state) => {
      const { matrix, method, seed, shown, first, second } = state;
      const inOrder = sequence(state);
      const [teacher, student] = [net("teacher", seed), net(method, seed)];
      const [taught, learnt] = [tables[matrix](teacher), tables[matrix](student)];
      const limit = shown === "difference" ? page.data.limits[matrix] : 1;
      const [plus, minus] = { difference: [taught, learnt], teacher: [taught], student: [learnt] }[shown];
      paint(canvas, page.root, inOrder, (a, b) => (a === b ? 0 : (plus[a * size + b] - (minus ? minus[a * size + b] : 0)) / limit));
      [ends[0].textContent, ends[2].textContent] = [`−${limit.toFixed(2)}`, `+${limit.toFixed(2)}`];
      const width = map.x.band * size;
      Object.assign(canvas.style, { left: `${map.x(0) - map.x.band / 2}px`, top: `${map.y(size - 1) - map.x.band / 2}px`, width: `${width}px`, height: `${Math.abs(map.y.band) * size}px` });
      const off = apartBy(taught, learnt, size);
      map.say(`${shown === "difference" ? `Teacher minus ${method}` : shown === "teacher" ? "Teacher" : method}, ${matrix} logits`,
        `Map of ${size} classes, mean difference ${off.toFixed(3)}; arrow keys choose a pair`);
      if (named[0] && map.sorted !== inOrder) {
        map.sorted = inOrder;
        const sorted = inOrder.map((c) => classes[c]);
        map.axes({ x: { names: sorted }, y: { names: [...sorted].reverse() } });
      }
      const place = (c) => inOrder.indexOf(c);
      map.dots("ring", [[place(second), size - 1 - place(first)]], () => ({ r: Math.max(7, map.x.band / 2.4), fill: "none", stroke: "var(--ink)", "stroke-width": 2.5 }));

      const rows = ["teacher", ...methods].flatMap((name, i) =>
        Array.from({ length: name === "teacher" ? teachers : seeds }, (_, s) => ({ name, s, place: [r(matrix, net(name, s), first, second), methods.length - i] })));
      ties.say(first === second ? "A tie is between two classes: choose another" : `${classes[first]} and ${classes[second]}, ${seeds > 1 ? "a dot a seed" : "one seed"}`);
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
