"""Hygiene of the committed notebooks: executed in order, clean, small, with figures, short cells."""

import ast
import base64
import io
import os
import re
from itertools import combinations

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from kdviz import claims, figures
from kdviz.data import sources
from kdviz.publish import measure, notebooks

PATHS = sorted(notebooks.FOLDER.glob("*.ipynb"))


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def test_cells_were_run_once_from_first_to_last(notebook):
    assert [cell.execution_count for cell in code_cells(notebook)] == list(range(1, len(code_cells(notebook)) + 1))


def test_no_error_and_no_widget_state(path, notebook):
    assert all(output.output_type != "error" for output in outputs(notebook))
    assert set(notebook.metadata) == {"kernelspec", "language_info", "kdviz"}
    assert "widget-view" not in path.read_text(encoding="utf-8")
    assert all("execution" not in cell.metadata for cell in notebook.cells)


def test_the_data_sets_it_names_are_those_its_recipes_need(path, notebook, monkeypatch):
    from kdviz.publish import reference

    monkeypatch.setenv("KDVIZ_DATASET", "mnist")
    named = notebooks.datasets_of(notebook)
    assert "mnist" in named
    if not all(map(sources.on_disk, named)):
        pytest.skip(f"needs {named} on disk")
    recipes = reference.recipes_of(path)
    steps = [step for recipe in recipes for step in recipe.data.narrowed if step[0] == "replace_inputs"]
    own = {recipe.data.name for recipe in recipes if recipe.data.name.startswith("own:")}  # made of the others
    needed = {recipe.data.name.removesuffix("_pairs") for recipe in recipes} - own | {source for _, source in steps}
    assert needed - {"digits", "noise", "mnist1d"} <= set(named)  # those are made here


def test_a_slimmed_picture_keeps_the_colours_of_a_few_points():
    figure, ax = plt.subplots()
    ax.imshow(np.random.default_rng(0).random((40, 40, 3)), extent=(0, 9, -3, -1))  # many other colours
    for place, colour in enumerate(figures.hues(list("abcdefghi")).values()):
        ax.plot(place, 0, "o", color=colour, alpha=0.75)
    png = io.BytesIO()
    figure.savefig(png)
    slimmed = base64.b64decode(notebooks.slim(base64.b64encode(png.getvalue()).decode()))
    before, after = (np.asarray(Image.open(io.BytesIO(b)).convert("RGB"), int) for b in (png.getvalue(), slimmed))
    assert len(slimmed) < len(png.getvalue()) and np.abs(before - after).max() < 40


def test_under_a_megabyte(path):
    assert path.stat().st_size < 1_000_000


def test_figures_are_png_and_described(notebook):
    drawn = [cell for cell in code_cells(notebook) if any("image/png" in o.get("data", {}) for o in cell.outputs)]
    assert drawn
    for cell in drawn:
        assert len(cell.metadata.get("alt", "")) > 40
        claimed = [output for output in cell.outputs if output.data["text/plain"].startswith(("✓ ", "✗ ", "? "))]
        assert len(claimed) <= cell.source.count("kd.claims.check(")  # beside a figure its claim may stand, no more
        for output in [output for output in cell.outputs if output not in claimed]:
            assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")


SAME = 0.98  # the frame and the empty ground alone make two charts alike


def alike(*pngs):
    """How much two pictures look alike at the size of a thumbnail: their correlation."""
    small = [Image.open(io.BytesIO(png)).convert("L").resize((96, 64), Image.Resampling.BOX) for png in pngs]
    return np.corrcoef(*(np.asarray(each, float).ravel() for each in small))[0, 1]


def test_no_chart_is_shown_twice(notebook):
    shown = [o.data["image/png"] for o in outputs(notebook) if "image/png" in o.get("data", {})]
    assert all(alike(*map(base64.b64decode, two)) < SAME for two in combinations(shown, 2))


def test_a_chart_drawn_again_looks_the_same_and_with_another_curve_it_does_not():
    figure, ax = plt.subplots()
    ax.plot([1, 3, 2])
    first, other = io.BytesIO(), io.BytesIO()
    figure.savefig(first)
    again = base64.b64decode(notebooks.slim(base64.b64encode(first.getvalue()).decode()))
    ax.plot([3, 2, 1])
    figure.savefig(other)
    assert alike(first.getvalue(), again) > SAME > alike(first.getvalue(), other.getvalue())


def test_cells_are_short_and_none_ends_in_a_semicolon(notebook):
    for cell in code_cells(notebook):
        ast.parse(cell.source)
        assert not cell.source.rstrip().endswith(";")
        assert len([line for line in cell.source.splitlines() if line.strip()]) <= 12


def test_no_number_of_a_machine_is_committed(path):
    text = path.read_text(encoding="utf-8")
    assert "/home/" not in text and "/root/" not in text and "/work/" not in text and "/tmp/" not in text


def test_claims_compared_in_both_lanes_hold(notebook):
    compared = [cell for cell in code_cells(notebook) if "nbval-check-output" in cell.metadata.get("tags", [])]
    assert compared
    for cell in compared:
        assert [o.data["text/plain"][0] for o in cell.outputs] == ["✓"]


def test_what_is_said_in_short_is_carried_by_claims_that_hold(path, notebook):
    held = {output.data.get("text/plain") for output in outputs(notebook) if "data" in output}
    carrying = [cell for cell in notebook.cells if "**In short.**" in cell.source]
    assert carrying or path.stem not in measure.SECOND_EDITION
    for cell in carrying:
        said = re.search(r"\*\*In short\.\*\* (.+)", cell.source)[1]
        assert not re.search(r"\d[.,]?\d|%", said)  # no number of a run: a digit's name is one figure
        assert len(cell.metadata.carried_by) == len(re.findall(r"\.(?= |$)", said)) == 3  # a list for each sentence
        for claimed in cell.metadata.carried_by:
            assert claimed and {f"✓ {sentence}" for sentence in claimed} <= held


def test_every_claim_is_found_by_the_demo(notebook):
    checks = sum(cell.source.count("kd.claims.check(") for cell in code_cells(notebook))
    assert len(notebooks.claims(notebook)) == checks


def test_the_demo_prints_every_verdict_with_its_reason_and_no_table_of_them():
    made = [
        claims.Claim("One.", "✓", why="not said"),
        claims.Claim("Two.", "✗"),
        claims.Claim("Three.", "?", why="a < b"),
    ]
    shown = [*made, claims.Table(tuple(made))]
    data = [{"text/plain": repr(claim), "text/html": claim._repr_html_()} for claim in shown]
    outputs = [nbformat.v4.new_output("execute_result", one) for one in [*data, {"text/plain": "?what"}]]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("…", outputs=outputs)])
    assert notebooks.claims(notebook) == ["✓ One.", "✗ Two.", "? Three.\n      Why it stays open: a < b"]


def test_recipe_cells_stand_alone_and_name_what_the_notebook_trains(monkeypatch):
    from kdviz.publish import reference

    monkeypatch.setenv("KDVIZ_DATASET", "digits")
    recipes = reference.recipes_of(notebooks.FOLDER / "02_dark_knowledge.ipynb")
    assert len(recipes) > 100 and len({recipe.key for recipe in recipes}) == len(recipes)


def pictures(environment):
    """How many pictures a notebook of one figure shows in a kernel of this environment."""
    cells = [new_code_cell("import matplotlib.pyplot as plt\nimport kdviz as kd\n\nkd.figures.use_style()")]
    cells.append(new_code_cell("plt.plot([1, 2])"))
    client = NotebookClient(new_notebook(cells=cells), kernel_name="python3", timeout=120)
    shown = client.execute(env=environment).cells[1].outputs
    return sum("image/png" in output.get("data", {}) for output in shown)


@pytest.mark.filterwarnings("ignore")
def test_a_backend_in_the_environment_loses_no_picture(monkeypatch):
    assert pictures({**os.environ, "MPLBACKEND": "Agg"}) == 1
    monkeypatch.setenv("MPLBACKEND", "Agg")
    with notebooks.lane("digits") as environment:
        assert "MPLBACKEND" not in environment
