// Students' errors against what is known of their teachers: their error, their NLL or their entropy, as T turns.
import { choice, sentence, slider, stage } from "./page.js";
import { chart } from "./chart.js";

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { temperatures, against, groups } = page.data;
    slider(page, "temperature", { label: "T", values: temperatures });
    choice(page, "against", { label: "against", options: Object.keys(against).map((name) => [name, name]) });
    choice(page, "group", { label: "students", options: Object.keys(groups).map((name) => [name, name]) });
    const said = sentence(page);
    const all = Object.values(groups).flat(2);
    const students = all.flatMap(({ student, half }) => [student - half, student + half]);
    const y = { domain: wide(students), label: "student's error, %" };
    const of = chart(page, page.root, { height: 360, room: { left: 56, right: 30 }, x: { domain: [0, 1] }, y });
    let shown = "";

    page.on((state) => {
      const points = groups[state.group][temperatures.indexOf(state.temperature)];
      if (shown !== state.against) {
        shown = state.against; // one scale for all temperatures and groups: what moves is seen to move
        of.axes({ x: { domain: wide(all.map((each) => each[shown])), label: against[shown] } });
      }
      const place = (each) => [each[shown], each.student];
      of.say(`At T = ${state.temperature}: ${state.group}`, `Students' error against their teachers' ${shown}`);
      of.line("path", points.map(place), { stroke: "var(--student)", "stroke-width": 1.6, opacity: 0.7 });
      points.forEach((each, i) => {
        const ends = [each.student - each.half, each.student + each.half].map((height) => [each[shown], height]);
        of.line(`interval ${i}`, ends, { stroke: "var(--student)", "stroke-width": 2 });
      });
      of.dots("teachers", points.map(place), (_, i) => ({ r: 6, fill: "var(--student)", title: points[i].name }));
      of.texts("names", points.map(place), (_, i) => ({ text: points[i].name, dx: 9, dy: -7 }));
      const least = (name) => points.reduce((best, each) => (each[name] < best[name] ? each : best));
      const [best, net] = [least("student"), least("error")];
      said.textContent =
        `At T = ${state.temperature} the best students, ${best.student.toFixed(2)} % errors, have the teacher ${best.name}; ` +
        `the best net, ${net.name}, makes ${net.error.toFixed(2)} %, and its students ${net.student.toFixed(2)} %.`;
    });
    return page.start();
  },
};

function wide(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || 1) * 0.08;
  return [low - room, high + room];
}
