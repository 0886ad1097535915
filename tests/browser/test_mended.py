"""What users met once: colours with two meanings, axes that jump, blurred drawings, taps that draw nothing."""

import pytest
from test_hosts import page_of

FILLS = "all => all.map((bar) => getComputedStyle(bar).fill)"
TICKS = "all => all.map((text) => [text.textContent, text.getAttribute('x'), text.getAttribute('y')].join())"
BLURRED = """all => all.filter((each) => each.width < 2 * each.clientWidth - 1).map((each) => each.className)"""


def test_right_and_missed_have_colours_of_their_own_and_no_axis_moves(offline, tmp_path):
    page = offline(page_of("omitted_digit", tmp_path))
    taken, missed = page.locator(".kdviz-chart").all()[:2]
    fills = [set(chart.locator("rect").evaluate_all(FILLS)) - {"none"} for chart in (taken, missed)]
    assert fills[0] and fills[1] and not fills[0] & fills[1]
    axes = page.locator(".kdviz-axes text")
    before, bars = axes.evaluate_all(TICKS), taken.inner_html()
    page.locator("input[type=range]").press("End")
    assert axes.evaluate_all(TICKS) == before and taken.inner_html() != bars and page.faults == []


@pytest.mark.parametrize("name", ["pad"])
def test_drawings_are_sharp_on_dense_screens(name, offline, tmp_path):
    page = offline(page_of(name, tmp_path), device_scale_factor=2)
    assert page.locator("canvas:not(.kdviz-eye)").evaluate_all(BLURRED) == []  # an eye shows its pixels


def test_a_tap_draws_a_dot_and_is_no_digit_yet(offline, tmp_path):
    page = offline(page_of("pad", tmp_path), has_touch=True)
    page.get_by_role("button", name="clear").tap()
    ink = "pad => pad.getContext('2d').getImageData(0, 0, pad.width, pad.height).data.some((level) => level > 0)"
    pad = page.locator(".kdviz-pad")
    assert not pad.evaluate(ink)
    pad.tap()
    assert pad.evaluate(ink) and "Draw a digit" in page.locator(".kdviz").inner_text() and page.faults == []


@pytest.mark.parametrize("name", ["correlations", "rounded"])
def test_a_page_that_turns_dark_is_followed(name, offline, tmp_path):
    """Colours of a drawing are those it would have had, had the page been dark from the beginning."""
    page = offline(page_of(name, tmp_path), color_scheme="dark")
    dark = page.locator(".kdviz").evaluate("root => seen.drawing(root)")
    page.emulate_media(color_scheme="light")
    page.reload()
    light = page.locator(".kdviz").evaluate("root => seen.drawing(root)")
    page.emulate_media(color_scheme="dark")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert page.locator(".kdviz").evaluate("root => seen.drawing(root)") == dark and page.faults == []
    assert name != "correlations" or light != dark


def test_the_chosen_line_is_the_widest(offline, tmp_path):
    page = offline(page_of("depths", tmp_path))
    widths = "all => all.map((path) => parseFloat(getComputedStyle(path).strokeWidth))"
    drawn = page.locator(".kdviz-chart").first.locator(".kdviz-line path").evaluate_all(widths)
    assert drawn.count(3) == 1 and max(drawn) == 3 and 1.6 in drawn and page.faults == []
