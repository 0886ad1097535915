// A half that one picks, as the teacher and a student complete it, and a slider from one to the other.
import { add, choice, sentence, slider, stage } from "./page.js";
import { row, unpacked } from "./sums.js";

// Pixels, in [0, 1], of which `share` is b's.
export function blend(a, b, share) {
  return Array.from(a, (value, i) => ((1 - share) * value + share * b[i]) / 255);
}

// The mean absolute difference of the right half.
export function error(pixels, truth, width) {
  const right = pixels.map((_, i) => i).filter((i) => i % width >= Math.floor(width / 2));
  return right.reduce((sum, i) => sum + Math.abs(pixels[i] - truth[i]), 0) / right.length;
}

function paint(canvas, pixels, width) {
  const of = canvas.getContext("2d");
  const image = of.createImageData(width, pixels.length / width);
  pixels.forEach((value, i) => image.data.set([255 * (1 - value), 255 * (1 - value), 255 * (1 - value), 255], 4 * i));
  of.putImageData(image, 0, 0);
}

export default {
  render({ model, el }) {
    const page = stage({ model, el });
    const { classes, students } = page.data;
    const images = Object.fromEntries(Object.entries(page.data.images).map(([name, kept]) => [name, unpacked(kept)]));
    const labels = unpacked(page.data.labels).values;
    const [count, height, width] = images.truth.shape;
    const of = (name, i) => row(images[name], i);
    choice(page, "image", { label: "half of", options: Array.from({ length: count }, (_, i) => [`${i + 1}: a ${classes[labels[i]]}`, i]) });
    choice(page, "student", { label: "student", options: students.map((name) => [name, name]) });
    slider(page, "share", { label: "from teacher to student", max: 100, step: 5, format: (share) => `${share} %` });
    const said = sentence(page);
    const box = add(page.root, "div", { class: "kdviz-row" });
    const tiles = ["the half given", "teacher", "between", "student", "truth"].map((name) => {
      const figure = add(box, "figure");
      const canvas = add(figure, "canvas", { class: "kdviz-eye", width, height, role: "img" });
      return { name, canvas, caption: add(figure, "figcaption") };
    });

    page.on(({ image, student, share }) => {
      const truth = blend(of("truth", image), of("truth", image), 0);
      const [teacher, between, mine] = [0, share / 100, 1].map((part) => blend(of("teacher", image), of(student, image), part));
      const half = truth.map((value, i) => (i % width < Math.floor(width / 2) ? value : 0));
      const thousandths = (pixels) => (1000 * error(pixels, truth, width)).toFixed(1);
      const shown = [half, teacher, between, mine, truth];
      tiles.forEach(({ name, canvas, caption }, i) => {
        paint(canvas, shown[i], width);
        const told = name === "student" ? student : name === "between" ? `${share} % student` : name;
        canvas.setAttribute("aria-label", `${told}: a ${classes[labels[image]]}`);
        caption.textContent = i % 4 ? `${told}: ${thousandths(shown[i])}` : told;
      });
      said.textContent =
        `Error of the right half, in thousandths of full ink: teacher ${thousandths(teacher)}, ${student} ${thousandths(mine)}, ` +
        `between ${thousandths(between)}; teacher and student are ${(1000 * error(mine, teacher, width)).toFixed(1)} apart.`;
    });
    return page.start();
  },
};
