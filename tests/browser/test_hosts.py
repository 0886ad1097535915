"""Every view in a page from a file with the network off: moved, timed, its numbers checked."""

from functools import cache

import moving
import pytest
import reading
import samples
import times
import torch
from lab import until
from playwright.sync_api import expect

from kdviz.publish import living

NAMES = [make.__name__ for make in samples.MADE]
PAGE = (
    '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<style>@media (prefers-color-scheme: dark) { body { background: #131416 } }</style>"
)
SCREENS = {"wide": (1920, 1080), "narrow": (820, 1180), "phone": (390, 844)}
SCHEMES = ("light", "dark")


@cache
def bundle_of(name: str) -> dict:
    return getattr(samples, name)()._repr_mimebundle_()[0]


def page_of(name: str, folder, spoilt: str = ""):
    """An explorer in a page of its own."""
    bundle = bundle_of(name)
    view = bundle["application/vnd.kdviz.view+json"]["view"]
    file = folder / f"{name}.html"
    script = living.script([view])
    assert not spoilt or spoilt in script
    script = script.replace(spoilt, spoilt + "if (page.state.a < 0.9) throw new Error('spoilt');") if spoilt else script
    file.write_text(f"{PAGE}<body>{living.place(bundle, 'a picture')}{script}", encoding="utf-8")
    return file


def explored(page, root, host: str, name: str, answers: list) -> None:
    """Every control moved; what is said in words is what torch reckons; and every answer comes at once."""
    said, mine = 0, []
    for moved, drawn, text in moving.explore(page, root):
        mine += [(host, name, moved, each["took"]) for each in drawn]
        for expected in samples.shown(name, drawn[-1]["state"]):
            assert expected in text, f"{name}, {moved}: {expected!r} is not said in {text!r}"
            said += 1
    assert said > 10
    mine += [(host, name, "event", duration) for duration in page.evaluate("() => seen.durations()")]
    answers += mine
    assert times.missed(mine, slack=times.SLACK) == [], "\n".join(times.table(mine))


@pytest.mark.parametrize("name", NAMES)
def test_in_a_page_from_a_file(name, offline, tmp_path, answers):
    page = offline(page_of(name, tmp_path))
    explored(page, page.locator(".kdviz"), "file", name, answers)
    assert page.faults == [] and page.evaluate("() => seen.loaded()") < 3 * times.FIRST
    assert page.locator(".kdviz-still").is_hidden()


def test_a_pair_under_the_hand_shows_its_logits(offline, tmp_path):
    """Every point of the scatter where its two logits are; the pair's own again when the hand has gone."""
    page = offline(page_of("correlations", tmp_path))
    drawn = page.locator(".kdviz-pair svg")
    chosen = drawn.evaluate_all(moving.POINTS)
    corner = page.locator(".kdviz-map").bounding_box()
    order = samples.correlations().data["order"]
    page.mouse.move(corner["x"] + 7.5 * corner["width"] / 10, corner["y"] + 2.5 * corner["height"] / 10)
    first, second = order[2], order[7]
    (r, *_), (mine, *_) = samples.matrices()["centred"]["teacher"], samples.matrices()["centred"]["hard labels"]
    signed = [f"{each[first, second]:+.2f}".replace("-", "−") for each in (r, mine)]
    titles = page.locator(".kdviz-pair figcaption")
    expect(titles).to_have_text([f"teacher, r = {signed[0]}", f"hard labels, r = {signed[1]}"])
    data, (teacher, student, *_) = samples.digits()
    for logits, points in zip((teacher, student), drawn.evaluate_all(moving.POINTS), strict=True):
        rows = samples.drawn_rows(data.test.labels)
        there = (logits - logits.mean(-1, keepdim=True))[rows][:, [second, first]].double()
        kind = [(data.test.labels[rows] == c).nonzero().squeeze(1) for c in (first, second)]
        others = [i for i in range(len(rows)) if data.test.labels[rows[i]] not in (first, second)]
        there = there[[*others, *kind[0].tolist(), *kind[1].tolist()]]
        places = torch.tensor(points, dtype=torch.float64)
        for axis, sign in ((0, 1), (1, -1)):
            assert sign * torch.corrcoef(torch.stack([places[:, axis], there[:, axis]]))[0, 1] > 0.999
    page.mouse.move(1, 1)
    until(lambda: drawn.evaluate_all(moving.POINTS) == chosen, 5, "the chosen pair after the hand has gone")
    assert page.faults == []


def test_arrow_keys_choose_a_pair(offline, tmp_path):
    page = offline(page_of("correlations", tmp_path))
    page.locator(".kdviz-map + svg").press("ArrowRight")
    order, state = samples.correlations().data["order"], samples.correlations().state
    at = [order.index(state[name]) for name in ("first", "second")]
    after = [at[0], (at[1] + 1) % 10]
    after[1] = (after[1] + (after[0] == after[1])) % 10
    chosen = [page.get_by_label(name, exact=True).input_value() for name in ("class", "and")]
    assert chosen == [str(order[each]) for each in after] and page.faults == []


def test_two_classes_in_colour(offline, tmp_path):
    page = offline(page_of("two_classes", tmp_path))
    root = page.locator(".kdviz")
    for moved, drawn, text in moving.explore(page, root):
        state = drawn[-1]["state"]
        shares = (samples.of_two()[state["shown"]][state["image"]].double() / state["temperature"]).softmax(-1)
        assert f"{samples.TWO[shares.argmax()]} has {shares.max():.3f}" in text, moved
        assert "Its likelier class" in text and "NaN" not in text and "undefined" not in root.inner_html()
    assert page.faults == []


def on_screens(page, looked):
    """``looked(screen, scheme)`` for each screen, light and dark, of a page that is loaded anew there and fits it."""
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.reload()
            looked(screen, scheme)
            fits(page, width)


def fits(page, width):
    """Nothing is wider than the window, and no slider is too short for a hand."""
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    short = "all => all.filter((each) => each.checkVisibility() && each.offsetWidth < 90).map((each) => each.ariaLabel)"
    assert page.locator(".kdviz input[type=range]").evaluate_all(short) == [], f"short sliders at {width}"


@pytest.mark.parametrize("name", NAMES)
def test_it_fits_every_screen_and_is_read_out(name, offline, tmp_path):
    page = offline(page_of(name, tmp_path))

    def looked(screen, scheme):
        small = "all => all.filter((each) => each.offsetWidth < 16).length"
        assert page.locator("select, button").evaluate_all(small) == 0
        times.picture(page, f"view_{name}_{screen}_{scheme}", full_page=True)

    on_screens(page, looked)
    roles = reading.named(page)
    assert "" not in roles.values() and len(roles) > 2 and page.faults == []


def test_without_javascript_the_pictures_stand(offline, tmp_path):
    page = offline(page_of(NAMES[0], tmp_path), java_script_enabled=False)
    for name in NAMES:
        page.goto(page_of(name, tmp_path).as_uri())
        assert page.locator(".kdviz-still").is_visible() and page.locator(".kdviz").count() == 0


def test_in_print_the_pictures_stand(offline, tmp_path):
    page = offline(page_of(NAMES[0], tmp_path))
    page.emulate_media(media="print")
    for name in NAMES:
        page.goto(page_of(name, tmp_path).as_uri())
        assert page.locator(".kdviz-still").is_visible() and page.locator(".kdviz").is_hidden()


def test_a_view_that_throws_is_found(offline, tmp_path, answers):
    page = offline(page_of("bounds", tmp_path, spoilt="page.on(({ a, b }) => {\n"))
    with pytest.raises(AssertionError):
        explored(page, page.locator(".kdviz"), "file", "bounds", [])
    assert any("spoilt" in fault for fault in page.faults)


def test_a_view_that_throws_at_once_leaves_its_picture(offline, tmp_path):
    page = offline(page_of("bounds", tmp_path, spoilt="render({ model, el }) {\n"))
    assert page.faults and page.locator(".kdviz-still").is_visible() and page.locator(".kdviz").count() == 0
