"""What *In short* says and a lane does not bear out: said on top of the page made there."""

import re
from copy import deepcopy

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from kdviz.publish.text import VERDICTS

SAID = re.compile(r"\*\*In short\.\*\* (.+)")
ENDS = re.compile(r"(?<=\.) ")


def unheld(notebook: NotebookNode) -> list[tuple[str, list[str]]]:
    """The sentences of *In short* that a claim which does not hold carries, each with these claims and their marks.

    Parameters
    ----------
    notebook : NotebookNode
        Executed; the cell of *In short* names the claims in ``carried_by``, a list for each sentence.

    Returns
    -------
    list of (sentence, claims)
        A claim as its text shows it, ``"✗ …"`` or ``"? …"``; with ``"–"`` one that this run never decided.

    Raises
    ------
    ValueError
        Other than one list of claims for each sentence.
    """
    shown = [output.get("data", {}).get("text/plain", "") for c in notebook.cells for output in c.get("outputs", [])]
    marks = {text[2:]: text[0] for text in shown if text.startswith(VERDICTS)}
    found = []
    for cell in notebook.cells:
        if "carried_by" not in cell.metadata or not (said := SAID.search(cell.source)):
            continue
        sentences, carrying = ENDS.split(said[1].strip()), cell.metadata["carried_by"]
        if len(sentences) != len(carrying):
            raise ValueError(
                f"{len(sentences)} sentences in short, and {len(carrying)} lists of claims that carry them"
            )
        for sentence, claims in zip(sentences, carrying, strict=True):
            failing = [f"{marks.get(claim, '–')} {claim}" for claim in claims if marks.get(claim) != "✓"]
            found += [(sentence, failing)] * bool(failing)
    return found


def noted(notebook: NotebookNode, where: str = "these small data") -> NotebookNode:
    """A copy with a note below *In short* of what does not hold on ``where``; the same notebook where all holds."""
    found = unheld(notebook)
    if not found:
        return notebook
    lines = [f"> **On {where}, not all of this holds.** The claims at the end say by how much.", ">"]
    for sentence, claims in found:
        lines.append(f"> * *{sentence}*<br>" + "<br>".join(claims))
    copy = deepcopy(notebook)
    at = next(i for i, cell in enumerate(copy.cells) if SAID.search(cell.source))
    copy.cells.insert(at + 1, new_markdown_cell("\n".join(lines)))
    return copy
