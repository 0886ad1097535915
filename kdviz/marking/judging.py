"""The points of a submission: what its answers give to hidden inputs, judged by the assignment's own checks."""

import builtins
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from kdviz.checks import Mistake, hidden
from kdviz.marking import wire
from kdviz.marking.assignment import Assignment, Task, asked_names
from kdviz.marking.remote import USUAL, Gone, Limits, NotStarted, Submission

LARGEST = 30 << 20  # bytes of a notebook


@dataclass
class Marked:
    """What became of one submission: of each task its points, or None where they are given by hand, and a sentence."""

    student: str
    assignment: str
    points: dict[str, float | None] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    look: list[str] = field(default_factory=list)  # tasks that a person should look at


def cells_of(path: Path) -> dict[str, str]:
    """The source of each cell of a notebook that bears a grade_id; of two that bear the same, both, as they were run.

    Raises
    ------
    ValueError
        It is no notebook.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST >> 20} MB")
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found: dict[str, list[str]] = {}
        for cell in cells:
            name = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
            source = cell.get("source", "")
            if isinstance(name, str):
                found.setdefault(name, []).append(source if isinstance(source, str) else "".join(source))
    except Exception as problem:  # whatever a file can be
        raise ValueError(f"The file is no notebook: {wire.text_of(problem)}") from None
    return {name: "\n\n".join(sources) for name, sources in found.items()}


def mark(
    student: str, path: Path, assignment: Assignment, values: dict, salt: str, inside: bool, limits: Limits = USUAL
) -> Marked:
    """Mark a submission.

    Parameters
    ----------
    path : Path
        Its notebook: only the cells of answers are taken from it.
    values : dict
        The student's own: see :mod:`kdviz.marking.variants`.
    salt : str
        Of the hidden inputs.
    inside : bool
        Whether walls stand around the process.
    """
    marked, given = Marked(student, assignment.name), assignment.given_to(values)
    try:
        cells = cells_of(path)
    except ValueError as problem:
        cells, marked.said["file"] = {}, str(problem)
    for task in assignment.tasks:
        if task.by_hand:
            written = "\n\n".join(cells.get(name, "") for name in assignment.answers)
            marked.points[task.name] = None
            marked.texts[task.name] = written if task.of_code else cells.get(task.name, "")
    answers = {name: cells[name] for name in assignment.answers if name in cells}
    waiting = [task for task in assignment.tasks if not task.by_hand]
    scope = scope_of(given) if waiting else {}
    while waiting:
        try:
            waiting = _as_far_as_it_goes(marked, waiting, answers, given, scope, salt, inside, limits)
        except NotStarted as problem:  # the machine's fault, not the student's
            for task in waiting:
                marked.points[task.name], marked.said[task.name] = 0.0, f"Not marked: {problem}"
            marked.look += [task.name for task in waiting]
            break
    return marked


def _as_far_as_it_goes(
    marked: Marked, tasks: list[Task], answers: dict, given: Sequence[str], scope: Mapping, salt: str, inside: bool,
    limits: Limits,
) -> list[Task]:  # fmt: skip
    """Judge ``tasks`` in one process; those left where an answer ends it, which is then dropped, are returned."""
    with Submission(given, inside, limits) as submission:
        for name in list(answers):
            try:
                failed = submission.run(answers[name])
                if failed:
                    marked.said[name] = " ".join(f"Line {line} was passed over: {text}." for line, text in failed[:3])
            except Gone as why:
                marked.said[name] = str(why)
                del answers[name]
                return tasks
            except Exception as problem:
                marked.said[name] = f"The cell cannot be run: {wire.text_of(problem)}"
                del answers[name]
        for place, task in enumerate(tasks):
            submission.begin_task()
            try:
                marked.points[task.name], marked.said[task.name] = _judged(task, submission, scope, salt, marked)
            except Gone as why:
                marked.points[task.name], marked.said[task.name] = 0.0, str(why)
                return tasks[place + 1 :]
    return []


def _judged(task: Task, submission: Submission, scope: Mapping, salt: str, marked: Marked) -> tuple[float, str]:
    wanted = [name for name in asked_names(task.source) if name not in scope and not hasattr(builtins, name)]
    try:
        found = submission.names(wanted)
        missing = [name for name in wanted if name not in found]
        if missing:
            return 0.0, marked.said.get(missing[0]) or f"There is no `{missing[0]}`: is its cell deleted?"
        with hidden(salt):
            exec(compile(task.source, task.name, "exec"), {**scope, **found})
    except Mistake as mistake:
        return 0.0, str(mistake)
    except NotImplementedError:
        return 0.0, "Not answered."
    except Exception as problem:
        marked.look.append(task.name)
        return 0.0, f"The check could not be run on this answer: {wire.text_of(problem)}"
    return float(task.points), "✓"


def scope_of(given: tuple[str, ...]) -> dict:
    """What given cells define."""
    return {**_scope_of(given)}


@cache
def _scope_of(given: tuple[str, ...]) -> dict:
    scope: dict = {"__name__": "__main__"}
    for source in given:
        exec(compile(source, "<given>", "exec"), scope)
    return scope
