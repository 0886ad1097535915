"""The controls of an explorer that answers in the page, in whatever page it stands: each is moved as a hand would."""

from collections.abc import Callable, Iterator
from functools import partial

from playwright.sync_api import Locator, Page

SEVEN = [(0.25, 0.2), (0.42, 0.19), (0.58, 0.19), (0.74, 0.2), (0.66, 0.35), (0.58, 0.5), (0.5, 0.66), (0.42, 0.82)]
KEYS = ["ArrowRight"] * 4 + ["ArrowLeft"] * 5
ARROWS = ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowUp"]
WATCH = """root => {
  root.seen ??= [];
  if (!root.watched) root.addEventListener("kdviz-drawn", (event) => root.seen.push(event.detail));
  root.watched = true;
}"""
# Of all that is drawn: text, marks and the pixels of canvases.
DIGEST = """root => {
  const canvases = Array.from(root.querySelectorAll("canvas"), (canvas) => canvas.toDataURL());
  const controls = root.querySelector(".kdviz-controls");
  return Array.from(root.children, (part) => (part === controls ? "" : part.outerHTML)).join("") + canvases.join("");
}"""

# Of each chart of points: where they are, one kind after another.
POINTS = """all => all.map((svg) => Array.from(svg.querySelectorAll("path")).flatMap((path) =>
  Array.from(path.getAttribute("d").matchAll(/M([-\\d.]+) ([-\\d.]+)h0/g), ([, x, y]) => [Number(x), Number(y)])))"""

Move = tuple[str, list[Callable]]


def explore(page: Page, root: Locator) -> Iterator[tuple[str, dict, str]]:
    """Move every control; gives (control, the last drawing's detail, what the page says) for each move that drew.

    Fails where a control never changes what is drawn, or has no label.
    """
    root.scroll_into_view_if_needed()
    root.evaluate(WATCH)
    for name, moves in controls(page, root):
        assert name, "a control without a label"
        changed = 0
        for move in moves:
            before, seen = root.evaluate(DIGEST), root.evaluate("root => root.seen.length")
            move()
            page.evaluate("() => new Promise(requestAnimationFrame)")
            drawn = root.evaluate("(root, from) => root.seen.slice(from)", seen)
            changed += root.evaluate(DIGEST) != before
            if drawn:
                yield name, drawn, root.inner_text()
        assert changed, f"{name} never changes the picture"


def controls(page: Page, root: Locator) -> Iterator[Move]:
    for slider in root.locator("input[type=range]").all():
        yield (
            slider.get_attribute("aria-label"),
            [*(partial(slider.press, key) for key in KEYS), *_dragged(page, slider)],
        )
    for select in root.locator("select").all():
        chosen = select.evaluate("select => select.selectedIndex")
        others = [i for i in range(select.locator("option").count()) if i != chosen][:4]
        yield select.get_attribute("aria-label"), [partial(select.select_option, index=i) for i in [*others, chosen]]
    for box in root.locator("input[type=checkbox]").all():
        yield box.get_attribute("aria-label"), [box.click, box.click]
    for typed in root.locator("input[type=text]").all():
        before = typed.input_value()
        yield typed.get_attribute("aria-label"), [partial(typed.fill, text) for text in ("", before[::-1], before)]
    for handle in root.locator(".kdviz-handle").all():
        yield handle.get_attribute("aria-label"), [*(partial(handle.press, k) for k in KEYS), *_dragged(page, handle)]
    for chart in root.locator("svg:has(.kdviz-dot), .kdviz-map + svg").all():
        yield "chart", [partial(_click, page, chart, x, y) for x, y in ((0.5, 0.3), (0.7, 0.5), (0.8, 0.2), (0.4, 0.6))]
        if root.locator(".kdviz-dot").count():
            yield "points", [partial(_at, page, dot) for dot in root.locator(".kdviz-dot").all()[::3]]
    for pad in root.locator(".kdviz-pad").all():
        yield "pad", [*_strokes(page, pad), *(partial(pad.press, key) for key in ARROWS)]
    for button in root.locator("button:visible").all():
        yield button.inner_text(), [button.click, button.click]


def _dragged(page: Page, handle: Locator) -> list[Callable]:
    """Pressed, drawn to the left and to the right in steps, and let go."""
    handle.scroll_into_view_if_needed()

    def go(part: float) -> None:
        box = handle.bounding_box()
        wide = box["width"] > 60  # a slider: along it
        x = box["x"] + (part if wide else 0.5) * box["width"] + (0 if wide else 120 * (part - 0.5))
        page.mouse.move(x, box["y"] + box["height"] / 2)

    return [
        lambda: (handle.scroll_into_view_if_needed(), go(0.5), page.mouse.down()),
        *(partial(go, part) for part in (0.45, 0.4, 0.3, 0.2, 0.3, 0.6, 0.8)),
        page.mouse.up,
    ]


def _click(page: Page, chart: Locator, x: float, y: float) -> None:
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def _at(page: Page, dot: Locator) -> None:
    dot.scroll_into_view_if_needed()
    box = dot.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def _strokes(page: Page, pad: Locator) -> Iterator[Callable]:
    """A seven, point by point."""

    def go(x: float, y: float) -> None:
        box = pad.bounding_box()
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])

    yield lambda: (pad.scroll_into_view_if_needed(), go(*SEVEN[0]), page.mouse.down())
    yield from (partial(go, *point) for point in SEVEN[1:])
    yield page.mouse.up
