"""What a course keeps of a marking: tables, a page a student, a page to mark texts by, nbgrader's table of grades."""

import csv
import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from kdviz.marking.assignment import Assignment, Task
from kdviz.marking.judging import Marked

MARKS, BY_HAND, GRADES, TASKS = "marks.json", "by_hand.csv", "grades.csv", "marks.csv"
HAND = ("student", "assignment", "task", "criterion", "for", "of", "points", "note")
NBGRADER = ("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
            "late_submission_penalty", "score", "max_score")  # fmt: skip
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.3rem .7rem;border-bottom:1px solid #ccc;text-align:left;"
    "vertical-align:top}pre{white-space:pre-wrap;background:#f4f4f4;padding:.7rem;font-size:14px}"
)
NOT_BEGUN, NO_ANSWER = ("", "YOUR ANSWER HERE"), "no answer"


def write(folder: Path, marked: Sequence[Marked], assignments: Sequence[Assignment]) -> None:
    """Write all of it; a table of points by hand that is there already keeps what was filled in."""
    folder.mkdir(parents=True, exist_ok=True)
    filled = read_by_hand(folder, assignments)
    (folder / MARKS).write_text(json.dumps([asdict(one) for one in marked], indent=1), encoding="utf-8")
    known = {one.name: one for one in assignments}
    rows = []
    for one in marked:
        for task, number, criterion in _criteria(known[one.assignment]):
            key = one.student, one.assignment, task.name, number
            points, note = filled.get(key, (None, ""))
            if note == NO_ANSWER:  # of a marking before this
                points, note = None, ""
            if one.texts[task.name].strip() in NOT_BEGUN and points is None:
                points, note = 0.0, note or NO_ANSWER
            rows.append([*key, criterion[1], criterion[0], "" if points is None else f"{points:g}", note])
    _table(folder / BY_HAND, HAND, rows)
    for assignment in known.values():
        of_it = [one for one in marked if one.assignment == assignment.name]
        if of_it and any(task.by_hand for task in assignment.tasks):
            _page(folder / f"to_read_{assignment.name}.html", assignment.title, _reading(assignment, of_it))
    hand_back(folder, assignments)


def hand_back(folder: Path, assignments: Sequence[Assignment]) -> list[str]:
    """Write pages and grades from the marks and the points by hand; who still waits for some, in words."""
    marked = [Marked(**one) for one in json.loads((folder / MARKS).read_text(encoding="utf-8"))]
    waiting = {(one.assignment, task) for one in marked for task, points in one.points.items() if points is None}
    assignments = [one.with_by_hand([task for name, task in waiting if name == one.name]) for one in assignments]
    known, filled = {one.name: one for one in assignments}, read_by_hand(folder, assignments)
    open_, rows, grades, pages = [], [], [], {}
    for one in marked:
        assignment, total, waits = known[one.assignment], 0.0, False
        for task in assignment.tasks:
            points = _points(one, task, filled)
            waits, total = waits or points is None, total + (points or 0)
            look = "look at it" if task.name in one.look else ""
            given, by = "" if points is None else f"{points:g}", "hand" if task.by_hand else "check"
            said = one.said.get(task.name, "")
            rows.append([one.student, one.assignment, task.name, given, f"{task.points:g}", by, said, look])
        open_ += [f"{one.student}, {one.assignment}"] * waits
        grades.append([one.assignment, "", f"{datetime.now():%Y-%m-%d %H:%M:%S}", one.student, "", "", "",
                       f"{total:g}", "0", f"{total:g}", f"{assignment.points:g}"])  # fmt: skip
        pages.setdefault(one.student, []).append(_feedback(one, assignment, filled, total, waits))
    _table(folder / TASKS, ("student", "assignment", "task", "points", "of", "by", "said", "look"), rows)
    _table(folder / GRADES, NBGRADER, grades)
    used: set[str] = set()
    for student, parts in pages.items():
        name = tidy(student)
        while name in used:
            name += "_"
        used.add(name)
        (folder / "feedback").mkdir(exist_ok=True)
        _page(folder / "feedback" / f"{name}.html", student, "".join(parts))
    return open_


def read_by_hand(folder: Path, assignments: Sequence[Assignment]) -> dict[tuple, tuple[float | None, str]]:
    """Points and note of each criterion that somebody filled in; ValueError where they cannot be."""
    if not (folder / BY_HAND).exists():
        return {}
    most = {(one.name, task.name, number): criterion[0]
            for one in assignments for task, number, criterion in _criteria(one)}  # fmt: skip
    found = {}
    with open(folder / BY_HAND, newline="", encoding="utf-8-sig") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            try:
                key = unguarded(row["student"]), row["assignment"], row["task"], int(row["criterion"])
                points = float(row["points"].replace(",", ".")) if row["points"].strip() else None
                if points is not None and not 0 <= points <= most[key[1:]]:
                    raise ValueError(f"{points:g} points of {most[key[1:]]}")
            except (KeyError, TypeError, AttributeError, ValueError) as problem:
                raise ValueError(f"{BY_HAND}, line {line}: {problem}") from None
            found[key] = points, row.get("note") or ""
    return found


def _criteria(assignment: Assignment) -> Iterator[tuple[Task, int, tuple[int, str]]]:
    for task in assignment.tasks:
        for number, criterion in enumerate(task.rubric, 1):
            yield task, number, criterion


def _points(one: Marked, task: Task, filled: dict) -> float | None:
    """None where somebody has still to give some."""
    if not task.by_hand:
        return one.points[task.name]
    given = [filled.get((one.student, one.assignment, task.name, n + 1), (None,))[0] for n in range(len(task.rubric))]
    return None if None in given else sum(given)


def _feedback(one: Marked, assignment: Assignment, filled: dict, total: float, waits: bool) -> str:
    parts = [f"<h2>{_text(assignment.title)}: {total:g} of {assignment.points:g} points</h2>"]
    parts += ["<p>Some points are still to come: texts are marked by hand.</p>"] * waits
    parts += [f"<p>{_text(problem)}</p>" for problem in [one.said.get("file")] if problem] + ["<table>"]
    for task in assignment.tasks:
        points = _points(one, task, filled)
        said = _text(one.said.get(task.name, ""))
        if task.by_hand:
            said = "".join(_criterion(one, task, n, c, filled) for n, c in enumerate(task.rubric, 1))
        shown = "–" if points is None else f"{points:g}"
        parts.append(f"<tr><td>{_text(task.title)}<td>{shown} of {task.points:g}<td>{said}")
    parts.append("</table>")
    notes = [(name, one.said[name]) for name in assignment.answers if name in one.said]
    parts += [f"<p>Cell <code>{name}</code>: {_text(said)}</p>" for name, said in notes]
    return "\n".join(parts)


def _criterion(one: Marked, task: Task, number: int, criterion: tuple[int, str], filled: dict) -> str:
    points, note = filled.get((one.student, one.assignment, task.name, number), (None, ""))
    shown = "–" if points is None else f"{points:g}"
    return f"<div>{shown} of {criterion[0]}: {_text(criterion[1])} <em>{_text(note)}</em></div>"


def _reading(assignment: Assignment, marked: Sequence[Marked]) -> str:
    """All answers to a question under each other, below what they are marked by."""
    parts = ["<p>Fill in the column <code>points</code> of <code>by_hand.csv</code>.</p>"]
    for task in (task for task in assignment.tasks if task.by_hand):
        parts.append(f"<h2>{_text(task.title)} ({task.points:g} points)</h2><table>")
        parts += [f"<tr><td>{n}<td>{c[0]}<td>{_text(c[1])}" for n, c in enumerate(task.rubric, 1)]
        parts.append("</table><details><summary>A model answer, and common partial ones</summary>")
        parts.append(f"<pre>{_text(task.model)}</pre><table>")
        parts += [f"<tr><td>{points}<td>{_text(text)}" for points, text in task.partial]
        parts.append("</table></details>")
        parts += [f"<h3>{_text(one.student)}</h3><pre>{_text(one.texts[task.name])}</pre>" for one in marked]
    return "\n".join(parts)


def _page(path: Path, title: str, body: str) -> None:
    """A page that runs no script and asks nothing of any other."""
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    head = f"<!doctype html><meta charset=utf-8>{policy}<title>{_text(title)}</title><style>{STYLE}</style>"
    path.write_text(f"{head}<h1>{_text(title)}</h1>{body}\n", encoding="utf-8")


def _text(said: str) -> str:
    return html.escape("".join(letter for letter in str(said) if letter.isprintable() or letter in "\n\t"))


def _table(path: Path, head: Sequence[str], rows: Sequence[Sequence]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *([guarded(part) for part in row] for row in rows)])


def guarded(part) -> str:
    """As text to a spreadsheet, which takes what begins with one of these for a formula."""
    return f"'{part}" if str(part)[:1] in ("=", "+", "-", "@", "\t", "\r") else str(part)


def unguarded(part: str) -> str:
    return part[1:] if part[:1] == "'" and guarded(part[1:]) == part else part


def tidy(name: str) -> str:
    """A student's name as part of a file's."""
    return re.sub(r"[^\w.@+-]", "_", name).lstrip(".")[:80] or "_"
