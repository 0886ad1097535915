"""Every walkthrough in JupyterLab: all cells run, every control of every explorer moved, every answer timed."""

import explorers
import moving
import nbformat
import pytest
import times

from kdviz.explorers import Explorer, View
from kdviz.publish import notebooks

NAMES = sorted(path.stem for path in notebooks.FOLDER.glob("*.ipynb"))


def named(name, kind):
    """The explorers of a kind that a notebook's code makes, each with its own name."""
    cells = nbformat.read(notebooks.FOLDER / f"{name}.ipynb", as_version=4).cells
    made = explorers.constructed("\n".join(cell.source for cell in cells if cell.cell_type == "code"), kind)
    return [f"{each}_{made[:i].count(each) + 1}" if each in made[:i] else each for i, each in enumerate(made)]


@pytest.mark.parametrize("name", NAMES)
def test_every_control_changes_its_picture_and_nothing_fails(name, walkthroughs, answers):
    notebook, made = walkthroughs[name], {kind: named(name, kind) for kind in (Explorer, View)}
    notebook.sound()
    boxes, roots = explorers.found(notebook), notebook.page.locator(".kdviz").all()
    assert (len(boxes), len(roots)) == (len(made[Explorer]), len(made[View])), f"{name} makes {made}"
    times.FOLDER.mkdir(parents=True, exist_ok=True)
    for box, explorer in zip(boxes, made[Explorer], strict=True):
        answers += [(name, explorer, moved, took) for moved, took in explorers.explore(notebook, box)]
        explorers.screenshot(notebook, box, times.FOLDER / f"{name}_{explorer}.png")
    notebook.page.bring_to_front()
    for root, explorer in zip(roots, made[View], strict=True):
        for moved, drawn, _ in moving.explore(notebook.page, root):
            answers += [(name, explorer, moved, each["took"]) for each in drawn]
        explorers.screenshot(notebook, root, times.FOLDER / f"{name}_{explorer}.png")
    assert not notebook.page.locator(".kdviz-still:visible").count()
    notebook.sound()
    mine = [answer for answer in answers if answer[0] == name]
    assert times.missed(mine, slack=times.SLACK) == [], "\n".join(times.table(mine))
