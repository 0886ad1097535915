"""The assignments: each a solution notebook, executed, from which the student's version is made.

The markers and the cells' metadata are nbgrader's, so that a course that runs nbgrader uses the solutions as its
``source/`` unchanged; what is written here is what nbgrader's own exporter writes, less its checksums.
"""

import copy
import re

import nbformat
from nbformat import NotebookNode

from kdviz.data import sources
from kdviz.marking.assignment import REGION
from kdviz.publish import notebooks

FOLDER = notebooks.FOLDER / "assignments"
SOLUTIONS = FOLDER / "solutions"
STUBS = {"code": ["# YOUR CODE HERE", "raise NotImplementedError()"], "markdown": ["YOUR ANSWER HERE"]}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


def student_version(solution: NotebookNode) -> NotebookNode:
    """A copy with solutions cut out, outputs cleared, and cells locked as nbgrader locks them; goals stay."""
    notebook = copy.deepcopy(solution)
    for cell in notebook.cells:
        said = cell.metadata.get("nbgrader", {})
        if said.get("grade") and cell.cell_type == "code":
            cell.source = without_hidden_tests(cell.source)
        cut = without_solutions(cell.source, STUBS.get(cell.cell_type, []))
        if (cut != cell.source) != bool(said.get("solution")):
            raise ValueError(f"a solution cell has a solution region, and no other cell has one:\n{cell.source}")
        cell.source = cut
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if said.get("solution"):
            cell.metadata["deletable"] = False
        elif said.get("grade") or said.get("locked"):
            cell.metadata.update(deletable=False, editable=False)
    return notebook


def without_solutions(source: str, stub: list[str]) -> str:
    """``source`` with a stub, indented alike, in the place of each solution region."""
    kept, inside = [], False
    for line in source.split("\n"):
        if line.strip() in (BEGIN, END):
            if inside == (line.strip() == BEGIN):
                raise ValueError(f"{BEGIN} and {END} do not pair:\n{source}")
            inside = not inside
            kept += [line[: len(line) - len(line.lstrip())] + part for part in stub] if inside else []
        elif not inside:
            kept.append(line)
    if inside:
        raise ValueError(f"{BEGIN} without {END}:\n{source}")
    return "\n".join(kept)


def without_hidden_tests(source: str) -> str:
    """``source`` without its regions of hidden tests."""
    return REGION.sub("", source).rstrip("\n")


def executed(solution: NotebookNode) -> NotebookNode:
    """The solution with its pictures in 256 colours, and each cell's ``goal`` attached where a text shows it."""
    notebook = copy.deepcopy(solution)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = notebooks.slim(output.data["image/png"])
        if "goal" in cell.metadata:
            (png,) = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
            name = f"{cell.metadata['goal']}.png"
            (text,) = [other for other in notebook.cells if goals_of(other) == [name]]
            text["attachments"] = {name: {"image/png": png}}
    return notebook


def goals_of(cell: NotebookNode) -> list[str]:
    """The attachments that a text cell shows."""
    return re.findall(r"\(attachment:([^)]*)\)", cell.source) if cell.cell_type == "markdown" else []


def points_of(notebook: NotebookNode) -> float:
    """The points a student can reach."""
    graded = [cell.metadata["nbgrader"] for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return sum(said["points"] for said in graded)


def write(execute: bool) -> None:
    """Write the student versions; with ``execute``, run the solutions first and put their figures in as goals."""
    sources.in_repository(SOLUTIONS)
    for path in sorted(SOLUTIONS.glob("*.ipynb")):
        if execute:
            with notebooks.lane("digits") as environment:
                notebook = notebooks.execute(path, environment | {"KDVIZ_STATIC": "1"})
            nbformat.write(executed(notebook), path)
        notebook = student_version(nbformat.read(path, as_version=4))
        nbformat.write(notebook, FOLDER / path.name)
        print(f"{FOLDER.name}/{path.name}  ({points_of(notebook):g} points)")
