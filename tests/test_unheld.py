"""Pages made on embedded data say on top which sentence of *In short* does not hold there."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from kdviz.publish import notebooks, page, unheld

SHORT = "# Title\n\n**Question.** Who?\n\n**In short.** One is so. Two are so. Three may be.\n\n**Paper.** None."
CARRIED = [["A holds."], ["A holds.", "B holds."], ["C holds."]]


def notebook(marks, carried=CARRIED):
    first = new_markdown_cell(SHORT, metadata={"carried_by": carried})
    shown = [new_output("execute_result", {"text/plain": f"{mark} {claim}"}) for claim, mark in marks.items()]
    return new_notebook(cells=[first, new_code_cell("…", outputs=shown)])


def test_a_sentence_is_named_with_the_claims_that_fail_it_and_no_other():
    found = unheld.unheld(notebook({"A holds.": "✓", "B holds.": "✗", "C holds.": "?"}))
    assert found == [("Two are so.", ["✗ B holds."]), ("Three may be.", ["? C holds."])]


def test_a_claim_that_was_never_decided_does_not_hold():
    assert unheld.unheld(notebook({"A holds.": "✓", "B holds.": "✓"})) == [("Three may be.", ["– C holds."])]


def test_the_note_stands_right_below_in_short_and_the_notebook_stays_as_it_was():
    before = notebook({"A holds.": "✓", "B holds.": "✗", "C holds.": "✓"})
    after = unheld.noted(before)
    assert len(before.cells) == 2 and len(after.cells) == 3
    assert "*Two are so.*<br>✗ B holds." in after.cells[1].source and "One is so" not in after.cells[1].source
    html = page.html(after, "name")
    assert html.index("Three may be.") < html.index("not all of this holds") < html.index("B holds.")


def test_where_all_holds_nothing_is_added():
    held = notebook(dict.fromkeys(["A holds.", "B holds.", "C holds."], "✓"))
    assert unheld.noted(held) is held


def test_a_sentence_without_its_claims_is_refused():
    with pytest.raises(ValueError, match="3 sentences in short, and 2 lists"):
        unheld.unheld(notebook({}, CARRIED[:2]))


def test_the_committed_notebooks_bear_out_what_they_say_in_short():
    for path in notebooks.chosen(""):
        assert unheld.unheld(nbformat.read(path, as_version=4)) == [], path.name


def test_the_demo_writes_the_note_on_the_page_and_prints_the_sentence(tmp_path, monkeypatch, capsys):
    made = notebook({"A holds.": "✓", "B holds.": "✗", "C holds.": "✓"})
    monkeypatch.setattr(notebooks, "BUILD", tmp_path)
    monkeypatch.setattr(notebooks, "show_committed", lambda folder: None)
    monkeypatch.setattr(notebooks, "chosen", lambda beginning: [tmp_path / "01_name.ipynb"])
    monkeypatch.setattr(notebooks, "execute", lambda path, environment: made)
    monkeypatch.setattr(notebooks, "claims", lambda notebook: [])
    notebooks.demo()
    assert "does not hold here: Two are so." in capsys.readouterr().out
    assert "not all of this holds" in (tmp_path / "01_name.html").read_text(encoding="utf-8")
