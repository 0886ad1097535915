"""Hosts that no test can reach, VS Code and Colab: every view asks no more of its model than anywidget promises."""

import pytest
import samples

from kdviz import explorers
from kdviz.explorers import modules

# A page that knows nothing, and a model with four methods: what else a view asks of it is an error. The view draws,
# tells of a move, follows a state from elsewhere, and at its end hears nothing any more.
HOSTED = """async ({ source, css, data, state }) => {
  document.body.replaceChildren();
  const [values, hearers, sent] = [{ data, state }, new Set(), []];
  const allowed = {
    get: (name) => values[name] ?? strange(`get ${name}`),
    set: (name, value) => (name in values ? (values[name] = value) : strange(`set ${name}`)),
    on: (event, hear) => (event === "change:state" ? hearers.add(hear) : strange(`on ${event}`)),
    off: (event, hear) => hearers.delete(hear),
    save_changes: () => sent.push(values.state),
  };
  const strange = (what) => { throw new Error(`no host promises ${what}`); };
  const model = new Proxy(allowed, { get: (of, name) => of[name] ?? strange(`model.${String(name)}`) });
  const known = new Set(Object.getOwnPropertyNames(window));
  const sheet = document.head.appendChild(document.createElement("style"));
  sheet.textContent = css;
  const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const el = document.body.appendChild(document.createElement("div"));
  let drawn = 0;
  el.addEventListener("kdviz-drawn", () => (drawn += 1));
  const end = module.default.render({ model, el });
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  const first = drawn;
  const input = el.querySelector("input[type=range]");
  const select = el.querySelector("select");
  if (input) {
    input.value = Number(input.value) > Number(input.min) ? input.min : input.max;
    input.dispatchEvent(new Event("input"));
  } else {
    select.selectedIndex = select.selectedIndex ? 0 : 1;
    select.dispatchEvent(new Event("change"));
  }
  const moved = drawn;
  await new Promise((done) => setTimeout(done, 250));
  const told = sent.length && JSON.stringify(sent.at(-1)) !== JSON.stringify(state);
  values.state = state;
  for (const hear of hearers) hear();
  const followed = drawn;
  end();
  await frame();
  const left = Object.getOwnPropertyNames(window).filter((name) => !known.has(name));
  sheet.remove();
  const [drew, answered] = [first > 0, moved > first];
  return { exports: Object.keys(module), drew, answered, told, followed: followed > moved, hears: hearers.size, left };
}"""
SOUND = {"exports": ["default"], "drew": True, "answered": True, "told": True, "followed": True, "hears": 0, "left": []}


@pytest.fixture(scope="module")
def blank(browser):
    page = browser.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("request", lambda sent: sent.url.startswith("blob:") or page.faults.append(sent.url))
    yield page
    page.close()


@pytest.mark.parametrize("make", [*samples.MADE, explorers.playground], ids=lambda make: make.__name__)
def test_a_view_asks_no_more_than_anywidget_promises(make, blank):
    view = make()
    given = {"source": modules.source(view.module), "css": modules.style(), "data": view.data, "state": view.state}
    assert blank.evaluate(HOSTED, given) == SOUND and blank.faults == []
