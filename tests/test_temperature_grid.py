"""Notebook 01 follows the temperatures that one writes into its table cell."""

import nbformat

from kdviz.publish import notebooks, reference

WRITTEN = "TEMPERATURES = sorted({1, 2.5, 4, 8, 20, 50})"


def taught(path, width):
    """The temperatures at which students of a width are taught without labels."""
    recipes = [recipe for recipe in reference.recipes_of(path) if recipe.model.hidden == (width, width)]
    students = [recipe for recipe in recipes if getattr(recipe.objective, "hard_weight", 1) == 0]
    return {recipe.objective.temperature for recipe in students}


def test_the_recipes_follow_the_grid_in_any_order(tmp_path, monkeypatch):
    monkeypatch.setenv("KDVIZ_DATASET", "digits")
    (path,) = notebooks.chosen("01")
    notebook = nbformat.read(path, as_version=4)
    (cell,) = [cell for cell in notebook.cells if WRITTEN in cell.source]
    assert taught(path, 24) == {1, 2.5, 4, 8, 20, 50}
    cell.source = cell.source.replace(WRITTEN, "TEMPERATURES = sorted({10, 3, 1})")
    nbformat.write(notebook, tmp_path / "01_changed.ipynb")
    assert taught(tmp_path / "01_changed.ipynb", 24) == {1, 3, 10}
    mixed = {
        recipe.objective.temperature
        for recipe in reference.recipes_of(tmp_path / "01_changed.ipynb")
        if getattr(recipe.objective, "hard_weight", 0) == 1
    }
    assert mixed == {1, 2, 3, 4, 10, 20}  # 2 against 20 is asked whatever the grid, and the weights at 4
