"""`make new-notebook`: what it writes runs as it is, and meets the rules that hold before it is executed for good."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from kdviz.publish import __main__ as command
from kdviz.publish import colab, notebooks
from kdviz.publish.deck import slides_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def begun(folder, capsys):
    assert command.main(["new", "06_two_words"]) == 0
    said, hint = capsys.readouterr().out.splitlines()
    assert "CONTRIBUTING.md" in hint
    return Path(said)


def test_it_has_the_anatomy_of_a_walkthrough(begun):
    notebook = nbformat.read(begun, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = re.findall("^#+ (.+)", text, re.MULTILINE)
    assert headings[0] == "Two words" and begun.name == "06_two_words.ipynb"
    assert headings[1:] == [
        "Theory", "Experiment", "Explore", "Claims", "Paper beside here", "Questions for the group", "Exercises",
        "Pitfalls in public code",
    ]  # fmt: skip
    assert all(f"**{part}.**" in notebook.cells[0].source for part in ("Question", "Paper", "Minutes", "You need"))
    assert notebook.cells[1].source == colab.cell().source
    assert notebook.metadata.kdviz.datasets == ["mnist"]
    nbformat.validate(notebook)


def test_its_cells_are_short_and_tagged(begun):
    cells = [cell for cell in nbformat.read(begun, as_version=4).cells if cell.cell_type == "code"]
    for cell in cells:
        ast.parse(cell.source)
        assert not cell.outputs and cell.execution_count is None
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 12 and max(map(len, lines)) <= 120 and not lines[-1].endswith(";")
    tags = [tag for cell in cells for tag in cell.metadata.get("tags", [])]
    assert {*tags} == {"recipes", "nbval-ignore-output", "nbval-check-output", "remove-cell"}


def test_it_runs_as_it_is(begun):
    with notebooks.lane("digits") as environment:
        notebook = notebooks.execute(begun, environment | {"KDVIZ_STATIC": "1"})
    (claim,) = notebooks.claims(notebook)
    assert claim.startswith("✓")
    drawn = [c for c in notebook.cells if any("image/png" in o.get("data", {}) for o in c.get("outputs", []))]
    assert len(drawn) == 2 and all(len(cell.metadata["alt"]) > 40 for cell in drawn)
    begun.write_text(nbformat.writes(notebook), encoding="utf-8")
    assert begun.stat().st_size < 200_000


def test_its_recipes_stand_alone(begun, monkeypatch):
    from kdviz.publish import reference

    monkeypatch.setenv("KDVIZ_DATASET", "digits")
    recipes = reference.recipes_of(begun)
    assert len({recipe.key for recipe in recipes}) == len(recipes) == 3 + 5 + 5  # no one that is not read later


@pytest.mark.parametrize("name", ["", "pruning", "6_pruning", "06-pruning", "06_", "06_A", "06_a.ipynb", "../06_a"])
def test_a_name_unlike_the_others_is_refused(name, folder):
    with pytest.raises(SystemExit, match="does not name a notebook: .* as 06_some_name"):
        command.main(["new", name])
    assert not [*folder.rglob("*")]


@pytest.mark.parametrize("name", ["06_two_words", "06_others"])
def test_a_number_that_is_taken_is_refused_and_nothing_is_lost(name, begun):
    begun.write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit, match="06_two_words.ipynb has that number"):
        command.main(["new", name])
    assert begun.read_text(encoding="utf-8") == "mine" and len([*begun.parent.iterdir()]) == 1


def test_its_marked_cells_are_a_deck(begun):
    slides = slides_of(nbformat.read(begun, as_version=4))
    assert [slide.title for slide in slides][:2] == ["Two words", "Theory"] and len(slides) == 6
