"""How long a main path is, and that the notebooks of the second edition keep the limits."""

from dataclasses import astuple

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from kdviz.publish import __main__ as command
from kdviz.publish import measure, notebooks


def picture():
    return new_output("display_data", {"image/png": "", "text/plain": "<Figure>"})


def test_words_are_those_that_are_read():
    assert measure.words("## One *two*, [three](https://four.five/six) $x + y$ and `a.b(c)`") == 6
    assert measure.words("$$\na\\,b\n$$ 97.5 % of the well-known") == 5


def test_what_stands_under_deeper_or_is_left_out_of_pages_does_not_count():
    told = new_output("execute_result", {"text/markdown": "made of runs"}, execution_count=1)
    cells = [
        new_markdown_cell("# Two words"),
        new_code_cell("a = 1\n\nb = 2\nc = 3", outputs=[picture(), told]),
        new_code_cell("x = 1\n" * 20, metadata={"tags": ["remove-cell"]}),
        new_code_cell("a"),
    ]
    deeper = [new_markdown_cell("## Deeper\n\nmuch more"), new_code_cell("d = 1\n" * 9, outputs=[picture()])]
    found = measure.Length(words=5, cells=2, lines=3, figures=1)
    assert measure.length(new_notebook(cells=cells + deeper)) == found
    assert measure.length(new_notebook(cells=cells)) == found


@pytest.mark.parametrize("name", measure.SECOND_EDITION)
def test_a_main_path_keeps_the_limits(name):
    found = measure.length(nbformat.read(notebooks.FOLDER / f"{name}.ipynb", as_version=4))
    assert all(n <= most for n, most in zip(astuple(found), astuple(measure.MOST), strict=True)), found
    assert found.figures and found.words > 500


def test_the_command_prints_a_line_a_notebook_and_marks_what_is_too_long(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path)
    nbformat.write(new_notebook(cells=[new_markdown_cell("word " * 1601)]), tmp_path / "06_long.ipynb")
    assert command.main(["measure"]) == 0
    _, row, _ = capsys.readouterr().out.splitlines()
    assert row.split() == ["06_long", "1,601*", "0", "0", "0"]
