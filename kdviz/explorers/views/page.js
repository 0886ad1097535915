// What every view stands on: elements, controls that hold to the state, and when to draw.

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = ["svg", "g", "path", "circle", "rect", "line", "text", "title", "polygon"];

// A new element inside `parent`; attributes with a value of null or false are left out.
export function add(parent, name, attributes = {}, text = "") {
  const svg = DRAWN.includes(name) && (name !== "title" || parent.namespaceURI === SVG);
  const made = svg ? document.createElementNS(SVG, name) : document.createElement(name);
  set(made, attributes);
  if (text !== "") made.textContent = text;
  parent.append(made);
  return made;
}

export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  }
}

// As many children of `parent` as there are items, each with the attributes (and the text) that `of` gives it.
export function join(parent, name, items, of) {
  while (parent.childElementCount > items.length) parent.lastElementChild.remove();
  items.forEach((item, i) => {
    const { text, title, ...attributes } = of(item, i);
    const child = parent.children[i] ?? add(parent, name);
    set(child, attributes);
    if (text !== undefined && child.textContent !== text) child.textContent = text;
    if (title !== undefined) (child.querySelector("title") ?? add(child, "title")).textContent = title;
  });
}

// The page of a view: `get` and `put` its state, `on` for each thing that depends on it. It draws at once when a
// control moves, and tells how long that took; the kernel, where there is one, hears of it a little later.
export function stage({ model, el }) {
  const root = add(el, "div", { class: "kdviz" });
  root.addEventListener("keydown", (event) => event.stopPropagation()); // no shortcut of the page around
  const controls = add(root, "div", { class: "kdviz-controls" });
  const drawers = [];
  let state = { ...model.get("state") };
  let later = 0;

  function draw() {
    const began = performance.now();
    for (const drawer of drawers) drawer(state);
    const detail = { took: performance.now() - began, state };
    root.dispatchEvent(new CustomEvent("kdviz-drawn", { bubbles: true, detail }));
  }
  function put(changes) {
    state = { ...state, ...changes };
    draw();
    clearTimeout(later);
    later = setTimeout(() => {
      model.set("state", state);
      model.save_changes();
    }, 200);
  }
  function follow() {
    state = { ...model.get("state") };
    draw();
  }
  model.on("change:state", follow);
  let width = 0;
  function fit() {
    if (!root.clientWidth || root.clientWidth === width) return; // not on the page yet, or as wide as it was
    width = root.clientWidth;
    page.sized.forEach((each) => each());
    draw();
  }
  const watcher = new ResizeObserver(fit);
  const page = { root, controls, put, sized: [], data: model.get("data"), get state() { return state; } };
  page.on = (drawer) => drawers.push(drawer);
  page.start = () => {
    fit();
    watcher.observe(root);
    hideStill(root);
    const unthemed = onTheme(() => width && draw()); // on a slide that waits nothing is laid out yet
    return () => {
      watcher.disconnect();
      unthemed();
      clearTimeout(later);
      model.off("change:state", follow);
    };
  };
  return page;
}

// `hear()` when the page around turns dark or light: what a canvas shows keeps its colours. Gives what ends it.
export function onTheme(hear) {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", hear);
  const around = new MutationObserver(hear);
  around.observe(document.body, { attributes: true, attributeFilter: ["class", "data-theme", "data-jp-theme-light"] });
  return () => {
    around.disconnect();
    dark.removeEventListener("change", hear);
  };
}

// The picture before a widget, in an output of its own: where it lives, it takes the picture's place.
function hideStill(root) {
  requestAnimationFrame(() => {
    const before = (still) => still.compareDocumentPosition(root) & Node.DOCUMENT_POSITION_FOLLOWING;
    const still = Array.from(document.querySelectorAll(":not(.kdviz-place) > .kdviz-still")).filter(before).at(-1);
    if (still) still.style.display = "none";
  });
}

function labelled(page, label) {
  const box = add(page.controls, "label");
  add(box, "span", {}, label);
  return box;
}

// A slider over a list of values, or from `min` to `max` in steps.
export function slider(page, name, { label, values, min = 0, max, step = 1, format = String }) {
  const box = labelled(page, label);
  const range = values ? { min: 0, max: values.length - 1, step: 1 } : { min, max, step };
  const input = add(box, "input", { type: "range", "aria-label": label, ...range });
  const told = add(box, "output");
  // The longest text keeps its room, so that nothing moves beside it.
  const longest = (values ?? [min, max, min + step]).map((value) => format(value).length);
  told.style.minWidth = `${Math.max(...longest)}ch`;
  input.addEventListener("input", () => page.put({ [name]: values ? values[Number(input.value)] : Number(input.value) }));
  page.on((state) => {
    input.value = values ? values.indexOf(state[name]) : state[name];
    told.textContent = format(state[name]);
    input.setAttribute("aria-valuetext", format(state[name]));
  });
}

// A list to choose from, [[text, value], …]; of one there is nothing to choose.
export function choice(page, name, { label, options }) {
  if (options.length < 2) return;
  const box = labelled(page, label);
  if (Math.max(...options.map(([text]) => text.length)) > 12) box.className = "kdviz-wide";
  const select = add(box, "select", { "aria-label": label });
  for (const [text] of options) add(select, "option", {}, text);
  select.addEventListener("change", () => page.put({ [name]: options[select.selectedIndex][1] }));
  page.on((state) => (select.selectedIndex = options.findIndex(([, value]) => value === state[name])));
}

export function toggle(page, name, { label }) {
  const box = labelled(page, label);
  const input = add(box, "input", { type: "checkbox", "aria-label": label });
  box.prepend(input);
  input.addEventListener("change", () => page.put({ [name]: input.checked }));
  page.on((state) => (input.checked = state[name]));
}

// What a page says in words, read out when it changes.
export function sentence(page) {
  return add(page.root, "p", { class: "kdviz-said", "aria-live": "polite" });
}

// A grid of two or three columns, fewer where the page is narrow.
export function panels(page, columns) {
  return add(page.root, "div", { class: `kdviz-panels kdviz-${columns}` });
}

// Images of a sprite: `show(element, i)` makes an element show the i-th.
export function sprite({ png, across, rows, sides: [height, width], colour = false }) {
  const address = `url(data:image/png;base64,${png})`;
  return (element, i) => {
    element.style.aspectRatio = `${width} / ${height}`;
    element.style.backgroundImage ||= address;
    element.classList.toggle("kdviz-grey", !colour);
    element.style.backgroundSize = `${across * 100}% ${rows * 100}%`;
    const place = (at, all) => (all > 1 ? (100 * at) / (all - 1) : 0);
    element.style.backgroundPosition = `${place(i % across, across)}% ${place(Math.floor(i / across), rows)}%`;
  };
}

// Images, each with its lines of text: [{ image, lines: [[text, kind], …], label }, …]; kind is right, wrong or "".
export function gallery(parent, show) {
  const box = add(parent, "div", { class: "kdviz-gallery" });
  return (items) => {
    while (box.childElementCount > items.length) box.lastElementChild.remove();
    items.forEach(({ image, lines, label }, i) => {
      const figure = box.children[i] ?? add(box, "figure");
      const tile = figure.firstElementChild ?? add(figure, "span", { class: "kdviz-tile", role: "img" });
      const said = figure.children[1] ?? add(figure, "figcaption");
      show(tile, image);
      set(tile, { "aria-label": label });
      join(said, "span", lines, ([text, kind]) => ({ text, class: kind }));
    });
  };
}
