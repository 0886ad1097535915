// A square to draw on with mouse, pen or finger. `value` is a list of strokes, each a list of [x, y] in [0, 1];
// it goes to the kernel while one draws (Jupyter holds a change back until the kernel has answered the last one).
const SIDE = 240; // CSS pixels
const NEAR = 0.004; // of the side: points closer than this are one

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  const clear = document.createElement("button");
  const ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.height = Math.round(SIDE * ratio);
  canvas.setAttribute("aria-label", "A pad to draw a digit on");
  canvas.setAttribute("role", "img");
  canvas.style.cssText =
    `display: block; width: ${SIDE}px; height: ${SIDE}px; box-sizing: border-box; ` +
    "background: white; border: 1px solid #888; border-radius: 4px; cursor: crosshair; touch-action: none";
  clear.type = "button";
  clear.textContent = "clear";
  clear.style.cssText = "margin-top: 6px; padding: 2px 14px";
  el.append(canvas, clear);

  const page = canvas.getContext("2d");
  let strokes = model.get("value");
  let drawing = null; // the pointer that draws

  function paint() {
    const side = canvas.width;
    page.clearRect(0, 0, side, side);
    page.lineCap = page.lineJoin = "round";
    page.lineWidth = model.get("pen") * side;
    page.strokeStyle = page.fillStyle = model.get("example") ? "#bbb" : "#111";
    for (const stroke of strokes) {
      page.beginPath();
      page.moveTo(stroke[0][0] * side, stroke[0][1] * side);
      for (const [x, y] of stroke) page.lineTo(x * side, y * side);
      page.stroke();
    }
    if (model.get("example")) {
      page.fillStyle = "#666";
      page.font = `${side / 18}px sans-serif`;
      page.textAlign = "center";
      page.fillText("an example: draw your own", side / 2, side * 0.975);
    }
  }

  function tell() {
    paint();
    model.set("value", strokes.map((stroke) => stroke.slice()));
    model.save_changes();
  }

  function startAfresh() {
    strokes = [];
    model.set("example", false);
  }

  function add(event) {
    const box = canvas.getBoundingClientRect();
    const within = (place) => Math.min(1, Math.max(0, Number(place.toFixed(4))));
    const point = [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
    const stroke = strokes[strokes.length - 1];
    const last = stroke[stroke.length - 1];
    if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) > NEAR) stroke.push(point);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    event.preventDefault();
    if (model.get("example")) startAfresh();
    drawing = event.pointerId;
    canvas.setPointerCapture(drawing); // a stroke may leave the pad and come back
    strokes.push([]);
    add(event);
    tell();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    (passed.length ? passed : [event]).forEach(add);
    tell();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      if (event.pointerId !== drawing) return;
      drawing = null;
      tell();
    });
  }
  clear.addEventListener("click", () => {
    startAfresh();
    tell();
  });

  function follow() {
    if (drawing === null) strokes = model.get("value").map((stroke) => stroke.slice());
    paint();
  }
  model.on("change:value", follow);
  model.on("change:example", paint);
  paint();
  return () => {
    model.off("change:value", follow);
    model.off("change:example", paint);
  };
}

export default { render };
