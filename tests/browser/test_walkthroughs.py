"""The walkthroughs in JupyterLab: every control of every explorer moved, every answer timed.

What needs its kernel runs whole. The other explorers live on what their pages carry: no notebook need train for that.
"""

import explorers
import live
import moving
import nbformat
import pytest
import samples
import times

from kdviz.explorers import Explorer, View
from kdviz.publish import notebooks

NAMES = sorted(path.stem for path in notebooks.FOLDER.glob("*.ipynb"))


def named(name, kind):
    """The explorers of a kind that a notebook's code makes, each with its own name."""
    cells = nbformat.read(notebooks.FOLDER / f"{name}.ipynb", as_version=4).cells
    made = explorers.constructed("\n".join(cell.source for cell in cells if cell.cell_type == "code"), kind)
    return [f"{each}_{made[:i].count(each) + 1}" if each in made[:i] else each for i, each in enumerate(made)]


TRAINING = [name for name in NAMES if named(name, Explorer)]


@pytest.fixture(scope="session")
def pages(executed):
    """A notebook in JupyterLab with a cell for each walkthrough: its explorers, as its page has them."""
    return executed("pages", [samples.BEGIN, *(f"samples.as_on_its_page({name!r})" for name in NAMES)])


@pytest.mark.parametrize("name", NAMES)
def test_every_explorer_of_its_page_lives_in_jupyterlab(name, pages, answers):
    pages.page.bring_to_front()
    cell = pages.page.locator(".jp-CodeCell").nth(1 + NAMES.index(name))
    lives(pages, cell.locator(".kdviz").all(), name, answers)


def test_every_explorer_fits_a_narrow_window_of_jupyterlab(pages):
    page, usual = pages.page, pages.page.viewport_size
    page.bring_to_front()
    page.set_viewport_size({"width": 820, "height": 1180})
    named_all = [(name, explorer) for name in NAMES for explorer in named(name, View)]
    for root, (name, explorer) in zip(page.locator(".kdviz").all(), named_all, strict=True):
        root.scroll_into_view_if_needed()
        page.evaluate("() => new Promise(requestAnimationFrame)")
        room = "root => root.scrollWidth - root.closest('.jp-OutputArea-output').clientWidth"
        assert root.evaluate(room) <= 0, f"{explorer} of {name} is wider than its place"
        sliders = root.locator("input[type=range]").evaluate_all("all => all.map((each) => each.offsetWidth)")
        assert min(sliders, default=90) >= 90, f"short sliders: {explorer} of {name}"
        times.picture(root, f"{name}_{explorer}_narrow")
    page.set_viewport_size(usual)
    pages.sound()


def test_the_playground_trains_in_jupyterlab(pages):
    pages.page.bring_to_front()
    root = pages.page.locator(".kdviz-playground").first
    root.scroll_into_view_if_needed()
    root.get_by_role("button", name="1 Soft targets").click()
    root.get_by_role("button", name="To the end").click()
    root.locator(".kdviz-rounds i").first.wait_for(timeout=60_000)
    root.get_by_role("button", name="Pause").click()
    pages.sound()


def lives(notebook, roots, name, answers):
    """Every control of every explorer that answers in the page: briefly, for elsewhere each is moved to its ends."""
    made = named(name, View)
    assert len(roots) == len(made), f"{name} makes {made}"
    for root, explorer in zip(roots, made, strict=True):
        for moved, drawn, _ in moving.explore(notebook.page, root, briefly=True):
            answers += [(name, explorer, moved, each["took"]) for each in drawn]
        explorers.screenshot(notebook, root, f"{name}_{explorer}")
    assert not notebook.page.locator(".kdviz-still:visible").count()
    notebook.sound()
    mine = [answer for answer in answers if answer[0] == name]
    slow = [each for each, _, middle, _ in times.summary(mine) if middle > times.SLACK * times.aim(each)[0]]
    assert slow == [], "\n".join(times.table(mine))  # of so few moves the slowest is chance


@pytest.mark.parametrize("trained", TRAINING)
def test_what_needs_its_kernel_answers_and_nothing_fails(trained, training, answers):
    name, notebook, made = trained, training[trained], named(trained, Explorer)
    notebook.page.bring_to_front()
    assert notebook.wait(lambda: live.executed(notebook), 600)
    notebook.sound()
    boxes = explorers.found(notebook)
    assert len(boxes) == len(made), f"{name} makes {made}"
    for box, explorer in zip(boxes, made, strict=True):
        answers += [(name, explorer, moved, took) for moved, took in explorers.explore(notebook, box)]
        explorers.screenshot(notebook, box, f"{name}_{explorer}")
    notebook.page.bring_to_front()
    lives(notebook, notebook.page.locator(".kdviz").all(), name, answers)
