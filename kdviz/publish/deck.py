"""Which cell of a notebook is a slide, and what of it is shown: a deck is a notebook that nbconvert shows as slides.

A cell's own ``slideshow.slide_type`` wins. Where it has none the structure decides: a heading begins a slide, a figure
or a table is shown without its code, one a slide, claims come one after another, and what trains or prepares is left
out. Text is shown by its first sentences; what is shortened stands whole in the speaker's notes.
"""

import math
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from kdviz.publish.text import NEEDED, VERDICTS, blocks_of, lines, shortened

ROOM = 15.0  # lines of text that a slide holds beside its heading
FIGURE, CAPTION = 10.0, 2.6  # lines that a figure needs at least, and that it leaves for text


@dataclass
class Slide:
    """What is shown at once, what comes one after another, and what only the speaker sees."""

    start: str
    heading: str
    shown: list[str | NotebookNode] = field(default_factory=list)
    later: list[NotebookNode] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    room: float = ROOM

    @property
    def drawn(self) -> bool:
        """Whether it shows a figure or a table already."""
        return any(not isinstance(part, str) for part in self.shown)


def picture(cell: NotebookNode) -> NotebookNode | None:
    """The output that a code cell shows on a slide: its figure, else its table or claim, else its rendered text."""
    for kind in ("image/png", "text/html", "text/markdown"):
        for output in cell.get("outputs", []):
            if kind in output.get("data", {}):
                return NotebookNode(output, data=NotebookNode({kind: output.data[kind]}))
    return None


def is_claim(cell: NotebookNode) -> bool:
    """Whether a cell displays a decided sentence."""
    return any(o.get("data", {}).get("text/plain", "").startswith(VERDICTS) for o in cell.get("outputs", []))


def height(output: NotebookNode | None) -> float:
    """About how many lines a figure, a table, a claim with its numbers or a rendered text takes."""
    data = output.data if output else {}
    if "image/png" in data:
        return FIGURE
    if 'class="kdviz-place"' in data.get("text/html", ""):
        return ROOM  # an explorer stands alone
    if "<tr" in data.get("text/html", ""):
        return 1 + 1.15 * data["text/html"].count("<tr")
    sentence, *numbers = re.sub("<(?!br)[^>]*>", "", data.get("text/html", data.get("text/markdown", ""))).split("<br>")
    return lines(sentence) + sum(0.9 * math.ceil(len(part) / 115) for part in numbers)


def slide_type(cell: NotebookNode) -> str:
    """A cell's own slide type where it has one, else what its kind makes of it; ``-`` goes on where there is room."""
    own = cell.metadata.get("slideshow", {}).get("slide_type")
    if own:
        return own
    if cell.cell_type == "markdown":
        return _start(cell.source) if re.match("#+ ", cell.source) else "-"
    if cell.cell_type != "code" or "recipes" in cell.metadata.get("tags", []) or picture(cell) is None:
        return "skip"
    return "fragment" if is_claim(cell) else "-"


def _start(heading: str) -> str:
    return "slide" if re.match("##? ", heading) else "subslide"


def slides_of(notebook: NotebookNode) -> tuple[list[Slide], list[str]]:
    """The slides of a notebook, and the slide type that each of its cells got on the way."""
    slides, types = [Slide("slide", "")], []
    for cell in notebook.cells:
        kind = slide_type(cell)
        if kind == "notes":
            slides[-1].notes.append(cell.source)
        elif cell.cell_type == "markdown" and kind != "skip":
            kind = tell_cell(slides, cell.source, kind)
        elif kind == "-" and "text/markdown" in (picture(cell) or {"data": {}})["data"]:
            tell(slides, [picture(cell).data["text/markdown"]], always=True)
        elif kind != "skip":
            kind = show(slides, cell, kind)
        types.append(kind)
    return [slide for slide in slides if slide.shown or slide.later], types


def sections(source: str) -> Iterator[tuple[str, list[str]]]:
    """The headings of a Markdown cell, each with its blocks; text before the first has the heading ``""``."""
    heading, blocks = "", []
    for block in blocks_of(source):
        if re.match("#+ ", block):
            if heading or blocks:
                yield heading, blocks
            heading, blocks = block, []
        else:
            blocks.append(block)
    yield heading, blocks


def tell_cell(slides: list[Slide], source: str, kind: str) -> str:
    """Put a Markdown cell on slides, each of its headings on a new one; return the type it comes to."""
    if kind == "fragment":
        slides[-1].later.append(new_markdown_cell(source))
        return kind
    start, any_shown = kind, False
    for heading, blocks in sections(source):
        if heading or start in ("slide", "subslide"):
            start = start if start in ("slide", "subslide") else _start(heading)
            slides.append(Slide(start, heading or slides[-1].heading))
        any_shown |= tell(slides, blocks) or bool(heading)
        if heading.startswith("# "):
            slides[-1].room = 0.0  # the title stands alone
        start = "-"
    return kind if any_shown or kind != "-" else "notes"


def tell(slides: list[Slide], blocks: list[str], always: bool = False) -> bool:
    """Put text on the last slide, what must be shown and does not fit on a further one; return whether any is shown."""
    told = False
    for block, after in zip(blocks, [*blocks, ""][1:], strict=True):
        short = shortened(block, generous=always)
        # What ends in a colon stays with what it announces.
        wanted = lines(short) + (lines(shortened(after)) if block.endswith(":") else 0)
        needed = always or NEEDED.match(short) or (short.endswith(":") and not slides[-1].heading.startswith("# "))
        if needed and min(wanted, ROOM) > slides[-1].room:
            slides.append(Slide("subslide", slides[-1].heading))
        last = slides[-1]
        fits = lines(short) <= last.room or last.room == ROOM
        if fits:
            last.shown.append(short)
            last.room = 0.0 if last.drawn else last.room - lines(short)
            told = True
        if not fits or short != block:
            last.notes.append(block)
    return told


def show(slides: list[Slide], cell: NotebookNode, kind: str) -> str:
    """Put what a code cell displays on the last slide where there is room, else on a further one; return its type."""
    output, shown = picture(cell), deepcopy(cell)
    shown.outputs = [output] if output else []
    code = output is None or "show-input" in cell.metadata.get("tags", [])
    shown.metadata["transient"] = {"remove_source": not code}
    needed = height(output) + code * (cell.source.count("\n") + 2) * 0.75
    figure = bool(output) and "image/png" in output.data
    alone = kind != "fragment" and slides[-1].drawn
    if kind in ("slide", "subslide") or alone or min(needed, ROOM) > slides[-1].room:
        kind = kind if kind in ("slide", "fragment") else "subslide"
        slides.append(Slide("slide" if kind == "slide" else "subslide", slides[-1].heading))
    last = slides[-1]
    (last.later if kind == "fragment" else last.shown).append(shown)
    last.room = max(last.room - needed, CAPTION if figure else 0.0)  # a figure shrinks a little
    return kind


def deck(notebook: NotebookNode) -> NotebookNode:
    """The notebook that ``nbconvert`` shows as slides: each slide's cells, its notes, then what comes after."""
    cells, before = [], None
    for number, slide in enumerate(slides_of(notebook)[0]):
        text = slide.heading if slide.heading != before else _again(slide.heading)
        before, parts = slide.heading, []
        for part in slide.shown:
            if isinstance(part, str):
                text += f"\n\n{part}"
            else:
                parts += [new_markdown_cell(text.strip()), part]
                text = ""
        parts += [new_markdown_cell(text.strip())] * bool(text.strip())
        cells.append(_typed(parts[0], slide.start, {"kind": "text" if number else "title"}))
        if slide.notes:
            cells.append(_typed(new_markdown_cell("\n\n".join(slide.notes)), "notes"))
        cells += [_typed(part, "-") for part in parts[1:]] + [_typed(cell, "fragment") for cell in slide.later]
    return new_notebook(cells=cells, metadata=notebook.metadata)


def _again(heading: str) -> str:
    return f'<p class="again">{re.sub("^#+ ", "", heading)}</p>'


def _typed(cell: NotebookNode, kind: str, data: dict | None = None) -> NotebookNode:
    cell.metadata["slideshow"] = NotebookNode(slide_type=kind, data=NotebookNode(data or {}))
    return cell


def mark(path: Path) -> int:
    """Give every cell of a notebook that has no slide type the one it is shown with; return how many that were."""
    notebook = nbformat.read(path, as_version=4)
    unmarked = [(cell, kind) for cell, kind in zip(notebook.cells, slides_of(notebook)[1], strict=True)
                if not cell.metadata.get("slideshow", {}).get("slide_type")]  # fmt: skip
    for cell, kind in unmarked:
        cell.metadata["slideshow"] = {"slide_type": kind}
    nbformat.write(notebook, path)
    return len(unmarked)
