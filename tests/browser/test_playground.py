"""The playground in Chromium: torch's gradient, frames, controls by hand, by key and by touch, at rest where asked."""

import os

import playing
import pytest
import reading
import times
from test_hosts import PAGE, on_screens
from test_mended import BLURRED

from kdviz.explorers import modules, plane, playground
from kdviz.publish import living

FRAMES = """seconds => new Promise((done) => {
  const root = document.querySelector(".kdviz-playground");
  const seen = { frames: 0, steps: [] };
  let began = 0;
  root.addEventListener("kdviz-frame", ({ detail }) => seen.steps.push(detail));
  const count = (now) => {
    began ||= now;
    seen.frames += 1;
    now - began < 1000 * seconds ? requestAnimationFrame(count) : done({ ...seen, took: (now - began) / 1000 });
  };
  requestAnimationFrame(count);
})"""


@pytest.mark.parametrize("setting", playing.SETTINGS, ids=lambda setting: "T={} hard={} noise={}".format(*setting))
def test_points_gradient_and_steps_are_torchs(browser, setting):
    page = browser.new_page()
    script = {"content_type": "text/javascript"}
    page.route("http://kdviz.test/*.js", lambda route: route.fulfill(
        path=modules.FOLDER / route.request.url.rsplit("/", 1)[-1], **script))  # fmt: skip
    page.route("http://kdviz.test/", lambda route: route.fulfill(body="<!DOCTYPE html>", content_type="text/html"))
    page.goto("http://kdviz.test/")
    run = f"(given) => ({playing.CODE})((name) => import(`/${{name}}.js`), ...given)"
    playing.check(page.evaluate(run, [plane.teacher()["layers"], *setting, 7]), *setting, 7)
    page.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    explorer = playground()
    explorer.still = lambda figure, **_: None
    bundle, _ = explorer._repr_mimebundle_()
    file = tmp_path_factory.mktemp("playground") / "page.html"
    file.write_text(f"{PAGE}<body>{living.place(bundle, 'a picture')}{living.script(['playground'])}", encoding="utf-8")
    return file


def test_thirty_frames_a_second_each_with_a_step(file, offline):
    page = offline(file, viewport={"width": 1920, "height": 1080})
    page.locator(".kdviz-tries button").first.click()
    seen = page.evaluate(FRAMES, 3)
    own = min(1, (os.cpu_count() or 1) / max(os.getloadavg()[0], 1))  # about the share of the machine that it gets
    assert len(seen["steps"]) / seen["took"] >= 30 * own, f"{seen['frames'] / seen['took']:.0f} frames a second"
    assert all(after > before or after <= 3 for before, after in zip(seen["steps"], seen["steps"][1:], strict=False))
    assert page.faults == []


def test_a_round_is_counted_and_the_next_begins_with_other_points(file, offline):
    page = offline(file)
    page.get_by_role("button", name="To the end").click()
    page.locator(".kdviz-rounds i").first.wait_for()
    rows = {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in page.locator("tr").all()[1:]}
    assert rows["rounds nearer the truth"] == rows["rounds nearer the teacher"] == ["1", "0", "0"]
    soft, labels, _ = map(float, [*rows["wrong, % of the disc"][:2], 0])
    assert soft < labels and "soft targets are nearer the truth" in page.locator(".kdviz-score").inner_text()
    page.get_by_text("(draw 2)").wait_for()
    slider = page.get_by_label("temperature T")
    slider.press("Home")
    assert "At T = 0.1 the teacher" in page.locator(".kdviz").inner_text()
    assert page.locator(".kdviz-rounds i").count() == 0 and page.faults == []  # other settings, another score


def test_it_rests_where_motion_is_not_wanted(file, offline):
    page = offline(file, reduced_motion="reduce")
    step = page.locator("progress")
    page.wait_for_timeout(300)
    assert step.evaluate("each => each.value") == 0
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="To the end").click()
    page.locator(".kdviz-rounds i").first.wait_for()
    page.get_by_role("button", name="Play").wait_for(timeout=10_000)  # one round, then rest again
    assert step.evaluate("each => each.value") == 500 and page.faults == []


def test_it_fits_every_screen_and_is_read_out(file, offline):
    page = offline(file, has_touch=True)

    def looked(screen, scheme):
        button = page.get_by_role("button", name="3")
        (button.tap if screen == "phone" else button.click)()
        if scheme == "dark":
            page.get_by_role("button", name="To the end").click()
            page.locator(".kdviz-rounds i").first.wait_for()
        times.picture(page, f"playground_{screen}_{scheme}", full_page=True)

    on_screens(page, looked)
    roles = reading.named(page)
    assert "" not in roles.values() and len(roles) > 12 and page.faults == []


def test_its_drawings_are_sharp_on_dense_screens(file, offline):
    page = offline(file, device_scale_factor=2, reduced_motion="reduce")
    assert page.locator("canvas").evaluate_all(BLURRED) == [] and page.faults == []


def test_another_width_of_the_window_changes_no_score_and_leaves_no_disc_blank(file, offline):
    page = offline(file, viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    page.get_by_role("button", name="To the end").click()
    page.locator(".kdviz-rounds i").first.wait_for()
    page.get_by_role("button", name="Play").wait_for(timeout=10_000)
    page.set_viewport_size({"width": 700, "height": 900})
    page.wait_for_timeout(300)
    middle = (
        "all => all.map((each) => each.getContext('2d').getImageData(each.width / 3, each.height / 2, 1, 1).data[3])"
    )
    assert page.locator(".kdviz-disc canvas").evaluate_all(middle) == [255, 255, 255]
    assert page.locator(".kdviz-rounds i").count() == 1 and page.faults == []
