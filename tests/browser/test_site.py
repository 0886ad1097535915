"""The site and the slides from their files, the network off: each explorer of each page lives, each control moves."""

from itertools import islice

import moving
import nbformat
import pytest
import times
from test_hosts import SCHEMES, SCREENS, fits
from test_walkthroughs import NAMES, named

from kdviz.explorers import View
from kdviz.explorers.view import VIEW
from kdviz.publish import notebooks
from kdviz.publish.deck import marked, slides_of

DECKS = [path.stem for path in sorted(notebooks.FOLDER.glob("*.ipynb")) if slides_of(nbformat.read(path, as_version=4))]
ALIVE = [
    name
    for name in DECKS
    if any(
        VIEW in output.get("data", {})
        for cell in marked(nbformat.read(notebooks.FOLDER / f"{name}.ipynb", as_version=4)).cells
        for output in cell.get("outputs", [])
    )
]
# Of the slide on the screen: words beside its heading, pictures, questions that show, and what leaves the screen.
SEEN = """() => {
  const slide = Reveal.getCurrentSlide();
  const shows = (each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: false });
  const all = Array.from(slide.querySelectorAll(".body .ask, .answer > *")).filter(shows);
  const of = (kind) => all.filter((each) => each.matches(kind) || each.querySelector(kind));
  const beyond = (each) => {
    const { bottom, right, width } = each.getBoundingClientRect();
    return width && (bottom > innerHeight + 1 || right > innerWidth + 1);
  };
  return {
    words: all.map((each) => each.innerText).join(" ").split(/\\s+/).filter(Boolean).length,
    pictures: of("img.figure, .kdviz-place").length,
    asked: of(".ask").length,
    out: all.filter(beyond).map((each) => each.className),
  };
}"""
# How many pictures do not stand on a dark page itself.
CARDS = """all => all.filter((each) => {
  const { filter, mixBlendMode, borderTopWidth, paddingTop } = getComputedStyle(each);
  return filter === "none" || mixBlendMode !== "screen" || borderTopWidth !== "0px" || paddingTop !== "0px";
}).length"""
LIGHT, HEAVY = 350_000, 1_200_000  # bytes that explorers add to a page; where a network is carried


@pytest.fixture(scope="module")
def page(request, built, kept):
    """A walkthrough's page, which the tests of it share."""
    return kept(built / f"{request.param}.html")


@pytest.fixture(scope="module")
def deck(request, built, kept):
    """A walkthrough's slides, which the tests of them share; nothing fades in or out."""
    page = kept(built / "slides" / f"{request.param}.html", viewport={"width": 1280, "height": 720})
    page.add_style_tag(content="* { transition: none !important }")
    return page


def by_name(of: str, names: list[str]):
    """A test of each, with its name and what it shares with others."""
    return pytest.mark.parametrize(("name", of), [(name, name) for name in names], ids=names, indirect=[of])


@by_name("page", NAMES)
def test_every_explorer_lives_on_its_page(name, page, answers):
    made = named(name, View)
    assert page.locator(".kdviz").count() == page.locator(".kdviz-alive").count() == len(made)
    for root, explorer in zip(page.locator(".kdviz").all(), made, strict=True):
        for moved, drawn, _ in moving.explore(page, root):
            answers += [("site", f"{name} {explorer}", moved, each["took"]) for each in drawn]
    assert page.faults == []
    assert times.missed([each for each in answers if each[1].startswith(name)], slack=times.SLACK) == []


@by_name("page", NAMES)
def test_it_is_light_and_fits_narrow_windows_and_dark_ones(name, page):
    page.set_viewport_size({"width": 820, "height": 1180})
    page.reload()
    scripts = page.locator(".cell_output script").evaluate_all("all => all.map((each) => each.textContent)")
    added = sum(len(script.encode()) for script in scripts)
    assert added <= (HEAVY if {"pad", "inside"} & {*named(name, View)} else LIGHT)
    for width in (820, 390):
        page.set_viewport_size({"width": width, "height": 1180})
        fits(page, width)
        for root, explorer in zip(page.locator(".kdviz").all(), named(name, View), strict=True):
            times.picture(root, f"page_{name}_{explorer}_{width}")
    page.emulate_media(color_scheme="dark")
    assert page.locator(".cell_output img:visible").evaluate_all(CARDS) == 0 and page.faults == []


@by_name("deck", ALIVE)
def test_an_explorer_lives_on_its_slide(name, deck):
    page, root = deck, deck.locator(".kdviz-alive").first
    slide = root.evaluate(
        "root => { const at = Reveal.getIndices(root.closest('section')); Reveal.slide(at.h, 0, 0); return at.h; }"
    )
    page.locator(".kdviz:visible").first.wait_for()
    root = page.locator(".kdviz:visible").first
    root.evaluate(moving.WATCH)
    for name_of, moves in islice(moving.controls(page, root), 2):
        root.evaluate(moving.BEFORE)
        for move in moves:  # the first may push a slider that stands at its end
            move()
            if changed := root.evaluate(moving.AFTER)[1]:
                break
        assert changed, f"{name_of} on slide {slide}"
    assert page.evaluate("() => Reveal.getIndices().h") == slide
    times.picture(page, f"slide_{name}")
    assert page.faults == []


@pytest.mark.parametrize("name", ["index", "claims", "papers", "glossary", "instructor", "quizzes"])
def test_the_front_page_and_those_across_the_book(name, built, offline):
    page = offline(built / f"{name}.html")
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.reload()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        if name == "index":
            page.get_by_role("button", name="To the end").click()
            page.locator(".kdviz-rounds i").first.wait_for()
        if name == "claims":
            page.locator('[data-mark="holds"]').uncheck()
            assert page.locator(".kd-claim:visible").count() == page.locator(".kd-claim:not(.kd-holds)").count() > 0
            page.locator('[data-mark="holds"]').check()
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            times.picture(page, f"site_{name}_{screen}_{scheme}", full_page=name == "index")
    assert page.faults == []


def test_a_search_finds_without_a_network(built, offline):
    page = offline(built / "index.html", viewport={"width": 1920, "height": 1080})
    page.get_by_placeholder("Search").fill("temperature")
    page.get_by_placeholder("Search").press("Enter")
    page.get_by_text("Search finished").wait_for()
    assert page.locator(".search li").count() > 3 and page.faults == []


@by_name("deck", DECKS)
def test_no_slide_opens_empty_and_all_fit(name, deck):
    """Each opens with words beside its heading, or with a picture; nothing of it leaves the screen then or later."""
    page = deck
    for slide in range(page.evaluate("() => Reveal.getTotalSlides()")):
        page.evaluate("(at) => Reveal.slide(at, 0, -1)", slide)
        found = page.evaluate(SEEN)
        assert found["words"] > 2 or found["pictures"], f"slide {slide + 1} opens empty"
        asked = page.evaluate("() => Reveal.availableFragments().next")
        if asked:
            assert found["pictures"] == 0, f"slide {slide + 1} shows what it asks for"
            page.evaluate("() => Reveal.nextFragment()")
            page.wait_for_function(f"() => ({SEEN})().asked === 0", timeout=3000)
        assert page.evaluate(SEEN)["out"] == [], f"slide {slide + 1}"
        if times.PICTURES:  # light and dark in turn
            page.emulate_media(color_scheme=SCHEMES[slide % 2])
            times.picture(page, f"deck_{name}_{slide + 1:02}_{SCHEMES[slide % 2]}")
    assert page.faults == []
