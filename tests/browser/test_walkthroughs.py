"""Every walkthrough in JupyterLab: all cells run, every control of every explorer moved, every answer timed."""

import explorers
import nbformat
import pytest
import times

from kdviz.publish import notebooks

NAMES = sorted(path.stem for path in notebooks.FOLDER.glob("*.ipynb"))


def named(name):
    """The explorers that a notebook's code makes, each with its own name."""
    cells = nbformat.read(notebooks.FOLDER / f"{name}.ipynb", as_version=4).cells
    made = explorers.constructed("\n".join(cell.source for cell in cells if cell.cell_type == "code"))
    return [f"{each}_{made[:i].count(each) + 1}" if each in made[:i] else each for i, each in enumerate(made)]


@pytest.mark.parametrize("name", NAMES)
def test_every_control_changes_its_picture_and_nothing_fails(name, walkthroughs, answers):
    notebook, made = walkthroughs[name], named(name)
    notebook.sound()
    boxes = explorers.found(notebook)
    assert len(boxes) == len(made), f"{name} makes {made}, and {len(boxes)} are on its page"
    times.FOLDER.mkdir(parents=True, exist_ok=True)
    for box, explorer in zip(boxes, made, strict=True):
        answers += [(name, explorer, moved, took) for moved, took in explorers.explore(notebook, box)]
        explorers.screenshot(notebook, box, times.FOLDER / f"{name}_{explorer}.png")
    notebook.sound()
    mine = [answer for answer in answers if answer[0] == name]
    assert times.missed(mine, slack=times.SLACK) == [], "\n".join(times.table(mine))
