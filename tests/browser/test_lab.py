"""Every view in JupyterLab: moved, timed, its numbers checked; and what is left of it the day after."""

import pytest
import samples
from test_hosts import NAMES, explored


@pytest.fixture(scope="session")
def lab(executed):
    """A notebook that makes every view, executed in JupyterLab."""
    notebook = executed("views", [samples.BEGIN, *(f"samples.{name}()" for name in NAMES)])
    notebook.sound()
    return notebook


@pytest.mark.parametrize("name", NAMES)
def test_in_jupyterlab(name, lab, answers):
    lab.page.bring_to_front()
    root = lab.page.locator(".kdviz").nth(NAMES.index(name))
    explored(lab.page, root, "lab", name, answers)
    assert not lab.page.locator(".kdviz-still:visible").count()
    assert lab.wait(lambda: not lab.unanswered, 10)
    lab.sound()


def test_the_day_after_the_pictures_are_there(lab, folder, opened, answers):
    """Saved, closed, opened again without running: no ruin of a widget, but the picture."""
    lab.page.bring_to_front()
    lab.page.get_by_role("menuitem", name="File", exact=True).click()
    lab.page.get_by_text("Save Notebook", exact=True).click()
    saved = folder / "notebooks" / "views.ipynb"
    assert lab.wait(lambda: "kdviz-still" in saved.read_text(), 10)
    (folder / "notebooks" / "reopened.ipynb").write_bytes(saved.read_bytes())
    notebook = opened("reopened")
    notebook.page.locator(".kdviz-still").first.wait_for()
    notebook.page.wait_for_timeout(1000)
    assert notebook.page.locator(".kdviz-still:visible").count() == len(NAMES)
    assert not notebook.page.get_by_text("Error displaying widget").locator("visible=true").count()
