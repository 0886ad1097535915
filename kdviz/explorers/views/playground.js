// A playground: two small nets learn three classes in the plane while one watches, from a teacher and from labels.
import { board } from "./board.js";
import { softened } from "./maps.js";
import { add, onTheme, sentence, set, slider, stage } from "./page.js";
import { disc } from "./plane.js";
import { asked, contest, STEPS } from "./rounds.js";
import { scene } from "./scene.js";
import { unpacked } from "./sums.js";

// Cells across; milliseconds and steps of a frame; milliseconds between rounds; rounds until somebody moves something.
const [SIDE, BUDGET, PACE, REST, MANY] = [76, 6, 3, 1800, 12];
const NAMES = ["soft targets", "labels"];
const KEY = [["border", "the true border"], ["hatched", "unlike the teacher"], ["ringed", "a spoilt label"]];
const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { layers, temperatures, hards, noises, counts, widths, tries } = page.data;
    const { root } = page;
    set(root, { class: "kdviz kdviz-playground" });
    const net = layers.map(({ weight, scale, bias }) => ({ weight: unpacked(weight), scale: unpacked(scale), bias: unpacked(bias) }));
    const grid = disc(SIDE);
    const teacher = { logits: asked(net, grid.places), called: new Uint8Array(grid.count) };
    softened(teacher.logits, 1, new Float64Array(3 * grid.count), teacher.called);
    const game = contest(net, grid, teacher.called);

    const chips = add(root, "div", { class: "kdviz-tries", role: "group", "aria-label": "What to try" });
    tries.forEach(({ name, state }) => add(chips, "button", { type: "button" }, name).addEventListener("click", () => {
      page.put(state);
      play(true);
    }));
    const hint = add(root, "p", { class: "kdviz-hint", "aria-live": "polite" });
    const discs = scene(page, root, grid, game, teacher, ["Teacher", "On soft targets", "On labels"]);
    const key = add(root, "p", { class: "kdviz-legend" });
    for (const [kind, text] of KEY) add(add(key, "span", { class: `kdviz-${kind}` }), "span", {}, text);
    const bar = add(root, "div", { class: "kdviz-bar" });
    const go = add(bar, "button", { type: "button", class: "kdviz-go" }, "Play");
    const skip = add(bar, "button", { type: "button" }, "To the end");
    const other = add(bar, "button", { type: "button" }, "New points");
    const along = add(bar, "progress", { max: STEPS, value: 0, "aria-label": "Steps of this round" });
    const step = add(bar, "span", { class: "kdviz-step" });
    root.append(page.controls);
    slider(page, "temperature", { label: "temperature T", values: temperatures });
    slider(page, "hard", { label: "hard weight", values: hards });
    slider(page, "noise", { label: "labels spoilt", values: noises, format: percent });
    slider(page, "points", { label: "points", values: counts });
    slider(page, "width", { label: "width", values: widths });
    const scores = board(root, game, NAMES);
    const said = sentence(page);

    const still = window.matchMedia("(prefers-reduced-motion: reduce)");
    let [playing, hurry, visible, rested, frame, written, turn, left, before] = [false, false, true, 0, 0, 0, 0, MANY, {}];

    function write() {
      scores.live();
      game.students.forEach(({ wrong }, k) => wrong === wrong && discs.say(k + 1, `${wrong.toFixed(1)} % wrong`));
      if (along.value !== game.steps) along.value = game.steps;
      step.textContent = `Round ${game.number + (game.steps < STEPS ? 1 : 0)}, step ${game.steps}`;
    }
    function show() {
      discs.draw(0);
      discs.draw(1);
      scores.plot(discs.palette);
      write();
    }
    function next() {
      page.put({ seed: (page.state.seed + 1) % 10000 });
    }
    function over() {
      game.count();
      show();
      scores.count();
      [hurry, rested] = [false, performance.now() + REST];
    }
    function play(on) {
      if (on && game.steps >= STEPS) next();
      playing = on;
      left = MANY;
      go.textContent = on ? "Pause" : "Play";
      cancelAnimationFrame(frame);
      if (on) frame = requestAnimationFrame(run);
    }
    function run(now) {
      frame = requestAnimationFrame(run);
      if (!visible || (game.steps >= STEPS && now < rested)) return;
      if (game.steps >= STEPS) {
        left -= 1;
        if (still.matches || left < 1) return play(false);
        next();
      }
      const began = performance.now();
      const [most, budget] = hurry ? [STEPS, 3 * BUDGET] : [PACE, BUDGET];
      for (let k = 0; k < most && game.steps < STEPS && (k === 0 || performance.now() - began < budget); k++) game.step(page.state);
      root.dispatchEvent(new CustomEvent("kdviz-frame", { detail: game.steps }));
      if (game.steps >= STEPS) return over();
      discs.draw((turn ^= 1));
      scores.plot(discs.palette);
      if (now - written > 150) write(), (written = now);
    }
    go.addEventListener("click", () => play(!playing));
    skip.addEventListener("click", () => (play(true), (hurry = true)));
    other.addEventListener("click", next);

    let resized = false;
    page.sized.push(() => (discs.fit(), scores.fit(), (resized = true)));
    page.on((state) => {
      if (state.seed === before.seed) left = MANY;
      const { temperature, hard, noise, points, seed } = state;
      const same = (...names) => names.every((name) => state[name] === before[name]);
      if (!same("temperature", "hard", "noise", "points", "width")) game.clear();
      const again = !same("temperature", "hard", "noise", "points", "width", "seed");
      if (again) {
        game.restart(state);
        game.soften(temperature);
      }
      if (again || resized) {
        discs.overlay();
        discs.teach(temperature);
        if (resized || !playing) show(); // else the next frames do
        if (!same("temperature", "hard", "noise", "points", "width")) scores.count();
      }
      [before, resized] = [state, false];
      const chosen = tries.find((each) => Object.entries(each.state).every(([name, value]) => state[name] === value));
      hint.textContent = chosen?.hint ?? "Every control starts the round again: the same points, the same first weights.";
      tries.forEach((each, i) => set(chips.children[i], { "aria-pressed": each === chosen }));
      const sure = game.sureness();
      discs.say(0, hard === 1 ? "nobody asks it" : `${sure.toFixed(2)} for its likeliest class`);
      said.textContent = `At T = ${temperature} the teacher gives its likeliest class ${sure.toFixed(3)} on average, at these ${points} points (draw ${seed}). ${game.flips} labels are spoilt.`;
    });
    const recolour = () => (discs.colour(), discs.overlay(), discs.teach(page.state.temperature), show());
    const unthemed = onTheme(recolour);
    const eye = new IntersectionObserver(([entry]) => (visible = entry.isIntersecting));
    eye.observe(root);
    game.restart(page.state);
    discs.colour();
    const end = page.start();
    if (!still.matches) play(true);
    return () => {
      play(false);
      unthemed();
      eye.disconnect();
      end();
    };
  },
};
