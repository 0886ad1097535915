"""What an assignment asks, read from its solution notebook: given cells, answers, checks, rubrics.

* *Given* are code cells tagged ``given``, or else the first that is not tagged ``remove-cell``: they are run before the
  answers, so none of them trains.
* An *answer* is a cell that nbgrader's metadata call a solution.
* A *check* is a code cell with points. It is marked by its hidden tests, if it has a region of them, or else by itself.
* A text with points is marked by hand: the tables at the end of its solution are its rubric and common partial answers.
"""

import ast
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from kdviz.marking import variants

BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
REGION = re.compile(rf"^[ \t]*{BEGIN_HIDDEN}\n(.*?)^[ \t]*{END_HIDDEN}[ \t]*(?:\n|$)", re.DOTALL | re.MULTILINE)
RUBRIC, PARTIAL = "**Points**", "**Common partial answers**"
ROW = re.compile(r"^\| *(\d+) *\| *(.*?) *\|$", re.MULTILINE)


@dataclass(frozen=True)
class Task:
    """What has points: a check of code, or a text that is marked by hand."""

    name: str
    points: float
    title: str
    source: str = ""  # of a check
    model: str = ""  # of a text, as are these: (points, what they are for)
    rubric: tuple[tuple[int, str], ...] = ()
    partial: tuple[tuple[int, str], ...] = ()
    of_code: bool = False  # marked by hand, although it has a check

    @property
    def by_hand(self) -> bool:
        return not self.source


@dataclass(frozen=True)
class Assignment:
    name: str
    title: str
    given: tuple[str, ...]
    answers: dict[str, str]  # of code: the solution's source, by the cell's grade_id
    tasks: tuple[Task, ...]
    options: dict[str, list]  # of each name that a course varies, what it may be

    def given_to(self, values: dict) -> tuple[str, ...]:
        """The given cells of a student whose own values these are."""
        return tuple(variants.with_values(source, values) for source in self.given)

    def with_by_hand(self, names: Collection[str]) -> "Assignment":
        """The same, with the checks of these names run by a person, and their points given by hand."""
        tasks = [_by_hand(task) if task.name in names and task.source else task for task in self.tasks]
        return replace(self, tasks=tuple(tasks))

    @property
    def points(self) -> float:
        return sum(task.points for task in self.tasks)


def read(path: Path, notebook: NotebookNode | None = None) -> Assignment:
    """What the solution notebook at ``path`` asks."""
    notebook = notebook or nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    given = [cell for cell in code if "given" in cell.metadata.get("tags", [])]
    given = given or [cell for cell in code if "remove-cell" not in cell.metadata.get("tags", [])][:1]
    answers = {_said(cell)["grade_id"]: cell.source for cell in code if _said(cell).get("solution")}
    title = re.search(r"^# (?:Assignment \d+: )?(.*)$", notebook.cells[0].source, re.MULTILINE)
    sources = tuple(cell.source for cell in given)
    tasks = tuple(_tasks(path.stem, notebook))
    options = variants.options(notebook)
    return Assignment(path.stem, title[1] if title else path.stem, sources, answers, tasks, options)


def _by_hand(task: Task) -> Task:
    criterion = int(task.points), "its check says ✓ when you run it in the notebook that was handed in"
    return replace(task, source="", model=task.source, rubric=(criterion,), of_code=True)


def _said(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def _tasks(name: str, notebook: NotebookNode):
    heading = ""
    for cell in notebook.cells:
        found = re.findall(r"^## (.*)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else []
        heading = found[-1] if found and not _said(cell) else heading
        said = _said(cell)
        if not said.get("grade"):
            continue
        task = dict(name=said["grade_id"], points=said["points"], title=heading)
        if cell.cell_type == "code":
            yield Task(**task, source=marking_source(cell.source))
            continue
        model, has_rubric, rest = cell.source.partition(RUBRIC)
        rubric, _, partial = rest.partition(PARTIAL)
        criteria = tuple((int(points), text) for points, text in ROW.findall(rubric))
        if not has_rubric:
            criteria = ((int(said["points"]), "as you judge it: this text has no rubric yet"),)
        total = sum(points for points, _ in criteria)
        if total != said["points"]:
            raise ValueError(
                f"{name}: the rubric of {said['grade_id']} gives {total} points, and the cell {said['points']}: after "
                f"{RUBRIC} stands a table of rows | points | for |"
            )
        model = re.sub(r"### (BEGIN|END) SOLUTION", "", model).strip()
        partly = tuple((int(points), text) for points, text in ROW.findall(partial))
        yield Task(**task, model=model, rubric=criteria, partial=partly)


def marking_source(source: str) -> str:
    """What marks a check: its hidden tests, if it has any, or else the whole cell."""
    hidden = REGION.findall(source)
    return "".join(hidden).rstrip("\n") if hidden else source


def asked_names(source: str) -> list[str]:
    """The names that a check reads."""
    return sorted({node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)})
