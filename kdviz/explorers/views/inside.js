// A sentence that one types: where teacher and student look in a layer, head by head, and what each answers.
import { add, choice, join, panels, sentence, stage } from "./page.js";
import { answer, opened, pieces } from "./encoder.js";
import { argmax, softmax } from "./sums.js";

const SIDE = 360; // of a map with its words, in units of its own
const WORDS = 84; // of it for the words

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { classes, vocabulary, length, colours, note } = page.data;
    const nets = Object.entries(page.data.networks).map(([name, { weights, ...form }]) => ({ name, form, weights: opened(weights) }));
    const student = nets.at(-1).form;
    const box = add(page.controls, "label", { class: "kdviz-wide" });
    add(box, "span", {}, "sentence");
    const input = add(box, "input", { type: "text", class: "kdviz-typed", "aria-label": "sentence", maxlength: 300, spellcheck: "false" });
    input.addEventListener("input", () => page.put({ sentence: input.value }));
    const layers = Array.from({ length: student.layers }, (_, i) => i + 1);
    const theirs = (layer, form) => (layer * form.layers) / student.layers;
    choice(page, "layer", { label: "layer", options: layers.map((i) => [nets.map(({ name, form }) => `${name} ${theirs(i, form)}`).join(", "), i]) });
    choice(page, "head", { label: "head", options: Array.from({ length: student.heads }, (_, h) => [`${h + 1}`, h + 1]) });
    const said = sentence(page);
    const maps = panels(page, 2);
    const drawn = nets.map(({ name }) => {
      const figure = add(maps, "figure", { class: "kdviz-chart" });
      add(figure, "figcaption", {}, name);
      const svg = add(figure, "svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, width: "100%", role: "img" });
      return { svg, cells: add(svg, "g"), rows: add(svg, "g"), columns: add(svg, "g"), told: add(figure, "p", { class: "kdviz-recipe" }) };
    });
    if (note) add(page.root, "p", { class: "kdviz-said" }, note);
    let kept = null; // what the nets make of a sentence: another layer does not run them again

    page.on(({ sentence: text, layer, head }) => {
      if (input.value !== text) input.value = text;
      if (kept?.text !== text) {
        const tokens = pieces(text, vocabulary, length);
        kept = { text, tokens, answers: tokens.length ? nets.map(({ form, weights }) => answer(form, weights, tokens)) : null };
      }
      const words = [...(student.cls ? ["CLS"] : []), ...kept.tokens.map((token) => vocabulary[token])];
      const size = (SIDE - WORDS) / Math.max(1, words.length);
      const names = nets.map(({ name, form }, n) => {
        const found = kept.answers?.[n];
        const map = found ? found.attention[theirs(layer, form) - 1][head - 1] : [];
        const { svg, cells, rows, columns, told } = drawn[n];
        const flat = map.flatMap((shares, i) => shares.map((share, j) => [share, i, j]));
        join(cells, "rect", flat, ([share, i, j]) => ({
          x: WORDS + j * size, y: i * size, width: size, height: size, fill: colours[name], "fill-opacity": (0.04 + 0.96 * share).toFixed(4),
          title: `${words[i]} looks at ${words[j]}: ${(100 * share).toFixed(1)} %`,
        }));
        const small = Math.min(12, Math.max(6, size - 1));
        const shown = found ? words : [];
        join(rows, "text", shown, (word, i) => ({ x: WORDS - 4, y: (i + 0.72) * size, "text-anchor": "end", style: `font-size: ${small}px`, text: word }));
        join(columns, "text", shown, (word, j) => ({
          transform: `translate(${WORDS + (j + 0.72) * size} ${SIDE - WORDS + 4}) rotate(-90)`, "text-anchor": "end", style: `font-size: ${small}px`, text: word,
        }));
        svg.setAttribute("aria-label", `${name}, layer ${theirs(layer, form)}, head ${head}: a row is a piece, a column what it looks at`);
        const shares = found && softmax(found.logits, 1);
        const best = found && argmax(shares);
        told.textContent = found ? `layer ${theirs(layer, form)}, head ${head}; a row looks at the columns` : "";
        return found ? `${name}: ${classes[best]} (${(100 * shares[best]).toFixed(1)}\u00a0%)` : name;
      });
      said.textContent = kept.answers ? `${kept.tokens.length} pieces. ${names.join("; ")}.` : "Type a sentence: the answers come while you write.";
    });
    return page.start();
  },
};
