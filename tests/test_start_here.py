"""Notebook 00: what comes first comes first, and what its first lines say is decided in it."""

import nbformat
import pytest

from kdviz.publish import notebooks


@pytest.fixture(scope="module")
def cells():
    return nbformat.read(notebooks.FOLDER / "00_start_here.ipynb", as_version=4).cells


def test_the_omitted_digit_comes_before_anything_is_trained(cells):
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    first = {
        what: next(i for i, source in enumerate(code) if what in source) for what in ("gallery", "pad(", "store=None")
    }
    assert first["gallery"] < first["pad("] < first["store=None"]


def test_its_loss_is_the_packages(cells):
    made = {}
    (written,) = [cell.source for cell in cells if "def soft_target_loss" in cell.source]
    (compared,) = [cell.source for cell in cells if "assert_close" in cell.source]
    exec("import torch\nimport kdviz as kd\n" + written + "\n" + compared, made)
    exec(written.replace("T**2 * ", ""), made)
    with pytest.raises(AssertionError):
        exec(compared, made)


def test_its_claims_are_all_that_the_table_lists(cells):
    (table,) = [cell.outputs[0].data["text/plain"] for cell in cells if cell.source == "kd.claims.table()"]
    shown = [
        output.data["text/plain"] for cell in cells for output in cell.get("outputs", [])
        if output.get("data", {}).get("text/plain", "").startswith(("✓", "✗", "?"))
    ]  # fmt: skip
    assert sorted(table.splitlines()[1:]) == sorted(shown) and len(shown) == 5
