// What the tests ask the page: the picture's bytes, how long a picture took, how long the page took to answer.

window.seen = {
  // Durations of what one did since the last question, in milliseconds, as Event Timing has them: to the next frame.
  // It leaves out what takes less than 16, which counts as 16 here.
  durations() {
    record(events.takeRecords());
    const quick = new Array(Math.max(0, made - kept.length)).fill(16);
    made = 0;
    return [...kept.splice(0), ...quick];
  },

  // When the first explorer of this page had drawn, in milliseconds after the page was there.
  loaded() {
    const [page] = performance.getEntriesByType("navigation");
    return performance.getEntriesByName("kdviz-first")[0].startTime - page.domContentLoadedEventStart;
  },

  // Of all that an explorer draws: text, marks and the pixels of canvases.
  drawing(root) {
    const controls = root.querySelector(".kdviz-controls");
    const parts = Array.from(root.children, (part) => (part === controls ? "" : part.outerHTML));
    return [...parts, ...Array.from(root.querySelectorAll("canvas"), pixels)].join();
  },

  // Of the bytes the picture was made from.
  async digest(picture) {
    const bytes = await (await fetch(picture.src)).arrayBuffer();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  },

  // From now on: `picture.began`, the time of the next event on a control around it, and `picture.took`, the
  // milliseconds from that to each new picture, decoded and on the screen.
  watch(picture) {
    Object.assign(picture, { began: null, took: [] });
    if (picture.watched) return;
    picture.watched = true;
    const begin = (event) => {
      picture.began ??= event.timeStamp;
    };
    for (const type of ["keydown", "pointerdown", "input", "change", "click"]) {
      picture.closest(".jp-OutputArea-output").addEventListener(type, begin, { capture: true });
    }
    const shown = () =>
      picture.decode().then(
        () => requestAnimationFrame(() => picture.took.push(performance.now() - picture.began)),
        () => {}, // already replaced by the next one
      );
    new MutationObserver(shown).observe(picture, { attributes: true, attributeFilter: ["src"] });
  },

  // Of a control: its text, and whether that is wider than its place.
  label(control) {
    const beside = control.closest(".widget-inline-hbox")?.querySelector(".widget-label") ?? control;
    const text = beside.textContent.trim() || control.getAttribute("aria-label");
    return [text, beside.scrollWidth > beside.clientWidth];
  },
};

function pixels(canvas) {
  if (!canvas.width || !canvas.height) return "";
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Uint32Array(data.buffer).reduce((sum, pixel) => Math.imul(sum ^ pixel, 16777619), 0);
}

const DONE = ["pointerdown", "keydown", "click"];
const kept = [];
let made = 0;
const within = (target) => Boolean(target?.closest?.(".kdviz"));
for (const type of DONE) document.addEventListener(type, ({ target }) => (made += within(target)), { capture: true });
const record = (entries) => {
  for (const { name, duration, target } of entries) {
    if (within(target) && DONE.includes(name)) kept.push(duration);
  }
};
const events = new PerformanceObserver((list) => record(list.getEntries()));
events.observe({ type: "event", durationThreshold: 16, buffered: true });
document.addEventListener("kdviz-drawn", () => performance.mark("kdviz-first"), { once: true, capture: true });
