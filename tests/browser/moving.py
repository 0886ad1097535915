"""The controls of an explorer that answers in the page, in whatever page it stands: each is moved as a hand would."""

from collections.abc import Callable, Iterator
from functools import partial

from lab import until
from playwright.sync_api import ElementHandle, Locator, Page

SEVEN = [(0.25, 0.2), (0.42, 0.19), (0.58, 0.19), (0.74, 0.2), (0.66, 0.35), (0.58, 0.5), (0.5, 0.66), (0.42, 0.82)]
KEYS = ["ArrowRight"] * 4 + ["ArrowLeft"] * 5
HELD = " under the hand"
ARROWS = ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowUp"]
WATCH = """root => {
  root.seen ??= [];
  if (!root.watched) root.addEventListener("kdviz-drawn", (event) => root.seen.push(event.detail));
  root.watched = true;
}"""
# What is drawn before a move; after it, by the next frame, each drawing, whether it is another, and what is said. What
# is there after a move is there before the next.
BEFORE = "root => { root.before = seen.drawing(root); root.seen.length = 0; }"
AFTER = """root => new Promise((done) => requestAnimationFrame(() => {
  const drawn = root.seen.splice(0).map(({ took, state }) => ({ took, state }));
  const [before, now] = [root.before, (root.before = seen.drawing(root))];
  done([drawn, now !== before, root.innerText]);
}))"""
# Where an element is; it comes into view first, where it is not.
PLACE = """each => {
  const place = () => each.getBoundingClientRect().toJSON();
  const { top, bottom, left, width } = place();
  const middle = document.elementFromPoint(left + width / 2, (top + bottom) / 2);
  const seen = top >= 0 && bottom <= innerHeight && each.contains(middle);
  if (!seen) each.scrollIntoView({ block: "center", behavior: "instant" });
  return place();
}"""

# Of each chart of points: where they are, one kind after another.
POINTS = """all => all.map((svg) => Array.from(svg.querySelectorAll("path")).flatMap((path) =>
  Array.from(path.getAttribute("d").matchAll(/M([-\\d.]+) ([-\\d.]+)h0/g), ([, x, y]) => [Number(x), Number(y)])))"""
# Whether what is said has the two r that stand above the scatters: read at once, for the hand's next event may come.
TOLD = """root => {
  const r = Array.from(root.querySelectorAll(".kdviz-pair figcaption"), (each) => each.innerText.split("r = ")[1]);
  const said = root.querySelector(".kdviz-said").innerText;
  return said.includes(`teacher ${r[0]}, `) && said.includes(` ${r[1]}, difference`);
}"""

Move = tuple[str, list[Callable]]


def explore(page: Page, root: Locator, briefly: bool = False) -> Iterator[tuple[str, dict, str]]:
    """Move every control; gives (control, the last drawing's detail, what the page says) for each move that drew.

    Fails where a control never changes what is drawn, or has no label. ``briefly``: moved until it has drawn twice.
    """
    root.scroll_into_view_if_needed()
    root_itself = root.element_handle()  # asked directly: a locator looks for its element anew, which takes as long
    root_itself.evaluate(WATCH)
    for name, moves in controls(page, root):
        assert name, "a control without a label"
        changed = drawings = 0
        root_itself.evaluate(BEFORE)
        for move in moves:
            move()
            drawn, other, text = root_itself.evaluate(AFTER)
            changed, drawings = changed + other, drawings + bool(drawn)
            if drawn:
                yield name, drawn, text
            if briefly and changed and drawings > 1:
                page.mouse.up()
                break
        assert changed, f"{name} never changes the picture"
        assert drawings > 1 or not name.endswith(HELD), f"{name} answers once and no more"
    if root.locator(".kdviz-pair").count():
        follow_the_hand(page, root)


def follow_the_hand(page: Page, root: Locator) -> None:
    """Fail unless a pair under the hand draws its scatter and is told, and the chosen pair comes back after it."""
    grid, drawn = root.locator(".kdviz-map + svg"), root.locator(".kdviz-pair svg")
    grid.scroll_into_view_if_needed()
    page.mouse.move(1, 1)
    seen = [drawn.evaluate_all(POINTS)]

    def another(x: float, y: float) -> bool:
        box = root.locator(".kdviz-map").bounding_box()  # what is said may move it
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        seen.append(drawn.evaluate_all(POINTS))
        return seen[-1] not in seen[:-1]

    for x, y in ((0.04, 0.96), (0.96, 0.04), (0.85, 0.25)):
        until(partial(another, x, y), 5, "a scatter that follows the hand")
        until(partial(root.evaluate, TOLD), 5, "what is said of the pair under the hand")
    page.mouse.move(1, 1)
    until(lambda: drawn.evaluate_all(POINTS) == seen[0], 5, "the chosen pair after the hand has gone")


def controls(page: Page, root: Locator) -> Iterator[Move]:
    for slider in root.locator("input[type=range]").all():
        name = slider.get_attribute("aria-label")
        yield name, _pressed(page, slider)
        yield f"{name}{HELD}" if name else name, _dragged(page, slider)
        page.mouse.up()
    for select in root.locator("select").all():
        chosen = select.evaluate("select => select.selectedIndex")
        others = [i for i in range(select.locator("option").count()) if i != chosen][:4]
        choose = select.element_handle().select_option
        yield select.get_attribute("aria-label"), [partial(choose, index=i) for i in [*others, chosen]]
    for box in root.locator("input[type=checkbox]").all():
        yield box.get_attribute("aria-label"), [box.click, box.click]
    for typed in root.locator("input[type=text]").all():
        before = typed.input_value()
        write = [partial(typed.fill, ""), partial(typed.press_sequentially, before[::-1]), partial(typed.fill, before)]
        yield typed.get_attribute("aria-label"), write
    for handle in root.locator(".kdviz-handle").all():
        name = handle.get_attribute("aria-label")
        yield name, _pressed(page, handle)
        assert handle.evaluate("each => each === document.activeElement"), f"{name} loses the keys after one"
        yield f"{name}{HELD}" if name else name, _dragged(page, handle)
        page.mouse.up()
    for chart in root.locator("svg:has(.kdviz-dot), .kdviz-map + svg").all():
        yield "chart", [partial(_click, page, chart, x, y) for x, y in ((0.5, 0.3), (0.7, 0.5), (0.8, 0.2), (0.4, 0.6))]
        if root.locator(".kdviz-dot").count():
            yield "points", [partial(_at, page, dot) for dot in root.locator(".kdviz-dot").all()[::3]]
    for pad in root.locator(".kdviz-pad").all():
        yield "pad", [*_strokes(page, pad.element_handle()), *(partial(pad.press, key) for key in ARROWS)]
    for button in root.locator("button:visible").all():
        yield button.inner_text(), [button.click, button.click]


def _pressed(page: Page, control: Locator) -> list[Callable]:
    """Key after key, as long as the control keeps them."""
    return [partial(control.press, KEYS[0]), *(partial(page.keyboard.press, key) for key in KEYS[1:])]


def _dragged(page: Page, handle: Locator) -> list[Callable]:
    """Pressed, and drawn to the left and to the right in steps: it answers before it is let go."""
    pressed = {}

    def go(part: float) -> None:
        box = pressed["at"]
        wide = box["width"] > 60  # a slider: along it; else as far as a hand goes from where it took the handle
        x = box["x"] + (part * box["width"] if wide else box["width"] / 2 + 400 * (part - 0.5))
        page.mouse.move(x, box["y"] + box["height"] / 2)

    def press() -> None:
        pressed["at"] = handle.evaluate(PLACE)
        go(0.5)
        page.mouse.down()

    return [press, *(partial(go, part) for part in (0.45, 0.4, 0.3, 0.2, 0.3, 0.6, 0.8))]


def _click(page: Page, chart: Locator, x: float, y: float) -> None:
    box = chart.evaluate(PLACE)
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def _at(page: Page, dot: Locator) -> None:
    box = dot.evaluate(PLACE)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def _strokes(page: Page, pad: ElementHandle) -> Iterator[Callable]:
    """A seven, point by point."""

    def go(x: float, y: float) -> None:
        box = pad.bounding_box()
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])

    yield lambda: (pad.evaluate(PLACE), go(*SEVEN[0]), page.mouse.down())
    yield from (partial(go, *point) for point in SEVEN[1:])
    yield page.mouse.up
