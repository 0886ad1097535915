"""A deck: the cells that are marked for it, each on one slide, at most fifteen, none of them empty."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from kdviz.publish import notebooks, slides
from kdviz.publish.deck import MOST, marked, slides_of
from kdviz.publish.text import shortened

PATHS = sorted(notebooks.FOLDER.glob("*.ipynb"))
PNG = {"image/png": "iVBORw0KGgo=\n", "text/plain": "<Figure>"}


def code(mark=None, data=None, source="draw()"):
    outputs = [new_output("display_data", data)] if data else []
    return new_code_cell(source, outputs=outputs, metadata={"alt": "A line."} | ({"slide": mark} if mark else {}))


def text(source, mark=None):
    return new_markdown_cell(source, metadata={"slide": mark} if mark else {})


def claim(sentence, mark=None):
    shown = f"<p><b>✓</b> {sentence}<br><small>by 1</small></p>"
    return code(mark, {"text/plain": f"✓ {sentence}", "text/html": shown})


def talk(*more):
    return new_notebook(
        cells=[
            text("# Ice\n\nIt is cold.", {"say": "Does it melt?"}),
            text("How to freeze."),
            text("That was the frost.\n\n## Does it melt?\n\nPerhaps."),
            code(source="melt()"),
            claim("It melts.", "next"),
            code({"ask": "At which $T$?", "say": "At zero."}, PNG),
            claim("Always.", "last"),
            text("The line rises."),
            code({"title": "The loss", "say": "Four lines."}, source="def loss(z):\n    return z"),
            *more,
        ]
    )


def test_a_marked_cell_is_a_slide_with_what_it_displays():
    first, second, third = slides_of(talk())
    assert (first.title, first.say, first.shown) == ("Ice", "Does it melt?", [])
    assert (second.title, second.ask, second.say) == ("Does it melt?", "At which $T$?", "At zero.")
    assert [each.kind for each in second.shown] == ["image/png", "text/html", "text/html"]
    assert ["It melts." in each.data for each in second.shown[1:]] == [True, False]
    assert third.title == "The loss" and third.shown[0].kind == "code"


def test_the_speaker_has_the_texts_around():
    first, second, third = slides_of(talk())
    assert first.notes == ["# Ice\n\nIt is cold.", "How to freeze.", "That was the frost."]
    assert second.notes == ["## Does it melt?\n\nPerhaps.", "The line rises."] and third.notes == []


def test_several_slides_of_one_text():
    one, two = slides_of(talk(text("## Theory", [{"title": "A", "say": "a"}, {"title": "B", "say": "b"}])))[3:]
    assert (one.title, two.title, one.notes, two.notes) == ("A", "B", ["## Theory"], [])


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (text("## End", {"title": "Nothing"}), "the slide 'Nothing' is empty"),
        (text("## End", {"heading": "x"}), 'it is "next", "last", or texts under title, ask, say'),
        (text("## End", {"say": 3}), "below 'End'"),
        (text("## End", "slide"), "below 'End'"),
        (claim("So.", "next"), "no slide comes after it"),
        (code({"say": "word " * 61}, PNG), "says 61 words, 60 at most"),
        (code({"say": "x"}, source="x = 1\n" * 15), "16 lines of code, 14 at most"),
        (text("## End", [{"say": "one"}] * (MOST - 2)), "16 slides: a deck has at most 15"),
    ],
)
def test_what_makes_no_slide_is_said(cell, said):
    with pytest.raises(ValueError, match=said):
        slides_of(talk(cell))


def test_only_outputs_of_marked_cells_are_kept():
    notebook = talk(code(None, PNG))
    assert len(marked(notebook).cells[-1].outputs) == 0 and len(notebook.cells[-1].outputs) == 1
    assert sum(len(cell.get("outputs", [])) for cell in marked(notebook).cells) == 3


def test_a_notebook_without_marks_has_no_deck(tmp_path):
    nbformat.write(new_notebook(cells=[text("# Ice")]), tmp_path / "ice.ipynb")
    assert slides.write([tmp_path / "ice.ipynb"], tmp_path / "slides") == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_walkthrough_is_told_on_six_to_fifteen_slides(path):
    found = slides_of(nbformat.read(path, as_version=4))
    assert 6 <= len(found) <= MOST
    first, *others = found
    assert first.say and not first.shown and all(slide.title for slide in others)


def test_text_is_cut_between_sentences():
    assert shortened("One of many. " + "More of it. " * 30) == "One of many." + " More of it." * 16
