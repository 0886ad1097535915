"""A course: a folder to hand out, a private one, and the marking of what comes back."""

import csv
import hashlib
import json
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from kdviz.data.sources import ROOT
from kdviz.marking import assignment as reading
from kdviz.marking import batch, judging, reports, variants, walls
from kdviz.publish import assignments

EVERYONE = "everyone"
PACKED = ("kdviz", "pyproject.toml", "constraints.txt", "LICENSE", "CITATION.cff")
HANDED_OUT = """# Assignments

Install the package once, in an environment of Python 3.11 or later: `python -m pip install -c constraints.txt -e .`
Then `jupyter lab assignments`, and open the notebook under your name.

* Write into the cells that say `YOUR CODE HERE` and `YOUR ANSWER HERE`, and leave the others as they are.
* What a function of yours needs, imports too, stands in cells of answers: only those are run when it is marked, and the
  first cell. Functions are then asked about other numbers than here.
* A task asks for a formula: the package's own functions raise when it is marked.
* The values in the cell *yours* are yours alone.
"""


def make(folder: Path, seed: str, students: Sequence[str] = ()) -> Path:
    """Write ``handout/`` and ``private/``; ValueError where the folder holds a course of another seed.

    Parameters
    ----------
    folder : Path
    seed : str
        Each student's own values and the hidden inputs follow from it.
    students : sequence of str
        Names of students or groups, as the folders of what they hand in are called; empty for one notebook for all.
    """
    if not folder.name:
        raise ValueError("a course lies in a folder of its own: DEST=, outside of the repository")
    if not seed:
        raise ValueError("a course has a seed: SEED=, any word that you keep to yourself")
    record = folder / "private" / "course.json"
    if record.exists() and json.loads(record.read_text(encoding="utf-8"))["seed"] != seed:
        raise ValueError(f"{folder} holds a course of another seed: its students' values would change")
    repeated = sorted({one for one in students if [*map(reports.tidy, students)].count(reports.tidy(one)) > 1})
    if repeated:
        raise ValueError(f"names of students must differ as names of folders: {repeated}")
    _hand_out(folder / "handout", seed, students)
    _keep(folder / "private", seed, students)
    return folder


def _hand_out(folder: Path, seed: str, students: Sequence[str]) -> None:
    for name in PACKED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True, ignore=ignored)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    (folder / "README.md").write_text(HANDED_OUT, encoding="utf-8")
    for path, solution in _solutions():
        for student in students or [EVERYONE]:
            written = _of(solution, values_of(seed, student, path.stem, solution, students))
            place = folder / "assignments" / (reports.tidy(student) if students else "") / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(assignments.student_version(written), place)


def _keep(folder: Path, seed: str, students: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    rows = []
    for path, solution in _solutions():
        source = folder / "source" / path.stem / path.name
        source.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(with_hidden_tests(solution, hidden_of(seed)), source)
        known = reading.read(path, solution)
        for student in students or [EVERYONE]:
            values = values_of(seed, student, path.stem, solution, students)
            expected = {**values, **expected_of(known, values)}
            rows += [[student, path.stem, name, value] for name, value in expected.items()]
    with open(folder / "expected.csv", "w", newline="", encoding="utf-8") as file:
        head = ["student", "assignment", "what", "value"]
        csv.writer(file).writerows([head, *([reports.guarded(part) for part in row] for row in rows)])
    said = {"seed": seed, "students": list(students)}
    (folder / "course.json").write_text(json.dumps(said, indent=1), encoding="utf-8")


def _solutions() -> list[tuple[Path, NotebookNode]]:
    return [(path, nbformat.read(path, as_version=4)) for path in sorted(assignments.SOLUTIONS.glob("*.ipynb"))]


def hidden_of(seed: str) -> str:
    """What hidden inputs are drawn from; nbgrader shows it to students with their feedback, so it is not the seed."""
    return hashlib.sha256(f"hidden {seed}".encode()).hexdigest()[:16]


def values_of(seed: str, student: str, name: str, solution: NotebookNode, students: Sequence[str]) -> dict:
    """A student's own values; none where all get the same notebook."""
    return variants.chosen(seed, student, name, variants.options(solution)) if students else {}


def _of(solution: NotebookNode, values: dict) -> NotebookNode:
    written = nbformat.from_dict(solution)
    for cell in written.cells:
        if cell.metadata.get("kdviz", {}).get("variant"):
            cell.source = variants.with_values(cell.source, values)
            del cell.metadata["kdviz"]
    return written


def expected_of(known: reading.Assignment, values: dict) -> dict:
    """What the solution's functions without arguments give with these values."""
    scope = judging.scope_of(known.given_to(values))
    found = {}
    for source in known.answers.values():
        before = {*scope}
        exec(compile(source, "<solution>", "exec"), scope)
        for name in sorted({*scope} - before):
            function = scope[name]
            if getattr(getattr(function, "__code__", None), "co_argcount", None) == 0:
                found[f"{name}()"] = function()
    return found


def with_hidden_tests(solution: NotebookNode, salt: str) -> NotebookNode:
    """The solution with a region of nbgrader's hidden tests in each check: the same questions of other inputs."""
    written = nbformat.from_dict(solution)
    for cell in written.cells:
        said = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and said.get("grade"):
            tests = reading.marking_source(cell.source).replace("\n", "\n    ")
            visible = reading.REGION.sub("", cell.source).rstrip("\n")
            lines = [
                visible,
                reading.BEGIN_HIDDEN,
                f"with checks.hidden({salt!r}):",
                f"    {tests}",
                reading.END_HIDDEN,
            ]
            cell.source = "\n".join(lines)
            cell.outputs, cell.execution_count = [], None
    return written


def mark(submitted: Path, course: Path | None, out: Path, workers: int | None = None) -> None:
    """Mark all that lies in ``submitted`` and write what a course keeps of it to ``out``."""
    say = partial(print, file=sys.stdout, flush=True)  # what a check prints goes elsewhere
    if not submitted.is_dir():
        raise ValueError(f"{submitted} is no folder: it holds STUDENT/1_the_loss.ipynb, as it was handed in")
    kept = {"seed": "", "students": []}
    if course:
        path = next((p for p in (course / "course.json", course / "private" / "course.json") if p.exists()), None)
        if not path:
            raise ValueError(f"{course} holds no course.json: `make course DEST={course} SEED=…` writes one")
        kept = json.loads(path.read_text(encoding="utf-8"))
    else:
        say("No --course: hidden inputs are drawn for this marking alone, and students' own values are the notebooks'.")
    seed = kept["seed"] or secrets.token_hex(8)
    known = [reading.read(path, solution) for path, solution in _solutions()]
    handed, strange = batch.handed_in(submitted, known)
    for path in strange:
        say(f"Passed over: {path.relative_to(submitted)}, which is not STUDENT/ASSIGNMENT.ipynb")
    if not handed:
        raise ValueError(f"nothing was handed in below {submitted}: as STUDENT/{known[0].name}.ipynb")
    if missing := sorted({*kept["students"]} - {each.student for each in handed}):
        say(f"Nothing from: {', '.join(missing)}")
    if strangers := sorted({each.student for each in handed} - {*kept["students"]}) if kept["students"] else []:
        say(f"Not on the course's list, marked all the same: {', '.join(strangers)}")
    inside = bool(walls.bubblewrap())
    say(walls.told(inside))
    values = (lambda each: {}) if not kept["students"] else _own(seed)
    known = [_rehearsed(one, handed, seed, inside, workers, say) for one in known]
    handed, _ = batch.handed_in(submitted, known)
    marked = batch.mark_all(handed, hidden_of(seed), values, inside, say, workers)
    reports.write(out, marked, known)
    say(f"{out}: {reports.TASKS}, {reports.GRADES} (nbgrader's), feedback/; fill in {reports.BY_HAND} beside")
    say(f"to_read_….html, then `python -m kdviz.publish handback {out}`")


def _own(seed: str):
    return lambda each: variants.chosen(seed, each.student, each.assignment.name, each.assignment.options)


def _rehearsed(
    one: reading.Assignment, handed: Sequence[batch.Handed], seed: str, inside: bool, workers: int | None, say: Callable
) -> reading.Assignment:
    """Mark the solution first: that says how long the others will take, and which checks a process cannot be asked."""
    several = sum(each.assignment.name == one.name for each in handed)
    if not several:
        return one
    begun = time.monotonic()
    itself = batch.Handed("the solution", one, assignments.SOLUTIONS / f"{one.name}.ipynb")
    (marked,) = batch.mark_all([itself], hidden_of(seed), lambda each: {}, inside, lambda said: None, 1)
    short = [task.name for task in one.tasks if marked.points[task.name] not in (None, task.points)]
    for name in short:
        say(f"{one.name}: run {name} yourself, its points are given by hand: its own solution gets {marked.said[name]}")
    seconds = time.monotonic() - begun
    whole = seconds * several / batch.side_by_side(workers)
    say(f"{one.name}: {several} handed in, {seconds:.0f} s each, about {max(1, round(whole / 60))} min.")
    return one.with_by_hand(short)


def hand_back(folder: Path, say=print) -> None:
    """Write pages and grades with the points by hand in them."""
    known = [reading.read(path, solution) for path, solution in _solutions()]
    open_ = reports.hand_back(folder, known)
    for who in open_:
        say(f"Texts still to mark: {who}")
    say(f"{folder}: feedback/ and {reports.GRADES} are " + ("as far as they go." if open_ else "complete."))
