"""Which cells of a notebook are slides, and what of them is shown: what their metadata say under ``slide``.

``{"title", "ask", "say"}``, each of them optional, is one slide, with what the cell displays; of several in a list the
last has it. ``"next"`` and ``"last"`` put what a cell displays on the slide of the next or of the last marked cell.
What is not marked is on no slide; its text stands in the speaker's notes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbformat.v4 import new_notebook

MOST = 15  # slides of a deck
WORDS, ALONE = 60, 100  # of ``say`` beside something shown, and without
LINES = 14  # of code
KEYS = {"title", "ask", "say"}
JOINS = ("next", "last")
SHOWN = ("image/png", "text/html", "text/markdown")  # the first of these that an output has


@dataclass
class Slide:
    """A heading; what is asked before anything is shown; what is shown; what is said of it; the speaker's notes.

    What is shown is an output with one kind of data, or a cell whose code is.
    """

    title: str
    ask: str = ""
    say: str = ""
    shown: list[NotebookNode] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def slides_of(notebook: NotebookNode) -> list[Slide]:
    """The slides of a notebook, in order; none where no cell is marked.

    Raises
    ------
    ValueError
        Where a mark is not understood, where a slide would open empty or holds too much, and where there are more
        than 15. It names the slide.
    """
    slides, waiting, notes, heading = [], [], [], ""
    for cell in notebook.cells:
        mark = cell.metadata.get("slide")
        if cell.cell_type == "markdown":
            heading = _told(cell, heading, slides, notes)
        if mark == "last" and slides:
            slides[-1].shown += _shown(cell)
        elif mark == "next":
            waiting += _shown(cell)
        elif mark is not None:
            made = [_made(each, heading) for each in (mark if isinstance(mark, list) else [mark])]
            made[-1].shown += [*_shown(cell), *waiting]
            made[0].notes, waiting, notes = notes, [], []
            slides += made
    if waiting:
        raise ValueError(f'"slide": "next" in the last marked cell below {heading!r}: no slide comes after it')
    if len(slides) > MOST:
        raise ValueError(f"{len(slides)} slides: a deck has at most {MOST}")
    for slide in slides:
        _check(slide)
    return slides


def marked(notebook: NotebookNode) -> NotebookNode:
    """The notebook with the outputs of its marked cells alone."""
    cells = [
        NotebookNode(cell, outputs=cell.outputs if "slide" in cell.metadata else [])
        if cell.cell_type == "code"
        else cell
        for cell in notebook.cells
    ]
    return new_notebook(cells=cells, metadata=notebook.metadata)


def picture(cell: NotebookNode) -> NotebookNode | None:
    """The output that a code cell shows on a slide: its figure, else its table or claim, else its rendered text."""
    outputs = cell.get("outputs", [])
    found = ((kind, each.data[kind]) for kind in SHOWN for each in outputs if kind in each.get("data", {}))
    return next((NotebookNode(kind=kind, data=data, metadata=cell.metadata) for kind, data in found), None)


def _shown(cell: NotebookNode) -> list[NotebookNode]:
    if cell.cell_type != "code":
        return []
    return [picture(cell) or NotebookNode(kind="code", data=cell.source, metadata=cell.metadata)]


def _told(cell: NotebookNode, heading: str, slides: list[Slide], notes: list[str]) -> str:
    """Put a cell's text in the notes: what begins with a heading in those of the next slide, else of the last one."""
    for part in re.split(r"\n+(?=##? )", cell.source.strip()):
        if found := re.match(r"##? (.+)", part):
            heading = found[1].strip()
        (notes if found or notes or not slides else slides[-1].notes).append(part)
    return heading


def _made(mark: object, heading: str) -> Slide:
    if not isinstance(mark, dict) or not set(mark) <= KEYS or not all(isinstance(each, str) for each in mark.values()):
        raise ValueError(f'below {heading!r}, "slide": {mark!r}: it is "next", "last", or texts under title, ask, say')
    return Slide(**{"title": heading, **{key: text.strip() for key, text in mark.items()}})


def _check(slide: Slide) -> None:
    """That a slide opens with something, and has room for what it holds."""
    if not (slide.ask or slide.say or slide.shown):
        raise ValueError(f"the slide {slide.title!r} is empty: nothing is asked, said or shown")
    if (words := len(slide.say.split())) > (most := WORDS if slide.shown else ALONE):
        raise ValueError(f"the slide {slide.title!r} says {words} words, {most} at most")
    for each in _codes(slide):
        if (lines := each.data.count("\n") + 1) > LINES:
            raise ValueError(f"the slide {slide.title!r} shows {lines} lines of code, {LINES} at most")


def _codes(slide: Slide) -> Iterator[NotebookNode]:
    return (each for each in slide.shown if each.kind == "code")
