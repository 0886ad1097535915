"""How long a notebook's main path is: what a group reads and looks at before the heading *Deeper*."""

import re
from dataclasses import astuple, dataclass
from pathlib import Path

import nbformat

SECOND_EDITION = [
    "00_start_here",
    "01_temperature",
    "02_dark_knowledge",
    "03_logit_correlations",
    "04_agreement_vs_accuracy",
    "05_bench",
    "06_label_smoothing",
    "07_ensembles_and_specialists",
    "08_which_teacher",
    "09_prune_while_distilling",
    "10_quantise",
    "11_compress_a_generator",
    "12_deep_and_thin",
    "13_inside_a_transformer",
    "14_without_a_teacher",
    "15_self_distillation",
]
NOT_READ = {"remove-cell"}  # tags of cells that pages leave out


@dataclass(frozen=True)
class Length:
    """Words of prose, code cells, lines of the longest of them, and pictures."""

    words: int
    cells: int
    lines: int
    figures: int


MOST = Length(words=1600, cells=25, lines=8, figures=8)


def main_path(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The cells that stand before the heading *Deeper*, all of them where there is none."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(r"^#+ Deeper\b", cell.source, re.MULTILINE):
            break
        if not NOT_READ & {*cell.metadata.get("tags", [])}:
            cells.append(cell)
    return cells


def length(notebook: nbformat.NotebookNode) -> Length:
    """Of the main path. A formula counts as one word, an address and a mark of Markdown as none."""
    cells = main_path(notebook)
    code = [cell for cell in cells if cell.cell_type == "code"]
    shown = [output.get("data", {}) for cell in code for output in cell.get("outputs", [])]
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    prose += ["".join(data["text/markdown"]) for data in shown if "text/markdown" in data]
    return Length(
        words=sum(map(words, prose)),
        cells=len(code),
        lines=max((sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in code), default=0),
        figures=sum("image/png" in data for data in shown),
    )


def words(markdown: str) -> int:
    """Words of a Markdown text."""
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`", " formula ", markdown, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", " ", re.sub(r"\]\([^)]*\)", "]", text))
    return len(re.findall(r"\w[\w'’.,–-]*", text))


def table(paths: list[Path]) -> str:
    """A line for each notebook; what is over its limit is marked."""
    rows = [f"{'':28}{'words':>8}{'cells':>8}{'lines':>8}{'figures':>9}"]
    for path in paths:
        found = astuple(length(nbformat.read(path, as_version=4)))
        marked = [f"{n:,}{'*' if n > most else ''}" for n, most in zip(found, astuple(MOST), strict=True)]
        rows.append(f"{path.stem:28}{marked[0]:>8}{marked[1]:>8}{marked[2]:>8}{marked[3]:>9}")
    rows.append(f"main path, before Deeper; lines of the longest cell; * above {', '.join(map(str, astuple(MOST)))}")
    return "\n".join(rows)
