// Brings the views of a page without a kernel to life: each finds its data beside the picture that it replaces.
class Model {
  constructor(values) {
    this.values = values;
    this.hearers = {};
  }
  get(name) {
    return this.values[name];
  }
  set(name, value) {
    this.values[name] = value;
    for (const hear of this.hearers[`change:${name}`] ?? []) hear();
  }
  on(event, hear) {
    (this.hearers[event] ??= []).push(hear);
  }
  off(event, hear) {
    this.hearers[event] = (this.hearers[event] ?? []).filter((each) => each !== hear);
  }
  save_changes() {}
}

function enliven(place) {
  const { view, data, state } = JSON.parse(place.querySelector("script").textContent);
  const el = document.createElement("div");
  place.append(el);
  try {
    views[view].render({ model: new Model({ data, state }), el });
    place.classList.add("kdviz-alive");
  } catch (fault) {
    el.remove(); // the picture stays
    reportError(fault);
  }
}

document.querySelectorAll(".kdviz-place:not(.kdviz-alive)").forEach(enliven);
