"""Many submissions, marked side by side."""

import io
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import torch

from kdviz.marking.assignment import Assignment
from kdviz.marking.judging import Marked, mark
from kdviz.marking.remote import USUAL, Limits


@dataclass(frozen=True)
class Handed:
    """One notebook that was handed in."""

    student: str
    assignment: Assignment
    path: Path


def handed_in(folder: Path, assignments: Sequence[Assignment]) -> tuple[list[Handed], list[Path]]:
    """What lies as ``STUDENT/NAME.ipynb`` or, as nbgrader has it, ``STUDENT/NAME/NAME.ipynb``; and what does not."""
    known, found, strange = {one.name: one for one in assignments}, [], []
    for path in sorted(folder.rglob("*.ipynb")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") for part in parts):
            continue
        fits = len(parts) == 2 or (len(parts) == 3 and parts[1] == path.stem)
        fits = fits and path.resolve().is_relative_to(folder.resolve())  # no link to what lies elsewhere
        if path.stem in known and fits:
            found.append(Handed(parts[0], known[path.stem], path))
        else:
            strange.append(path)
    return found, strange


def mark_all(
    handed: Sequence[Handed], salt: str, values: Callable[[Handed], dict], inside: bool, say: Callable[[str], None],
    workers: int | None = None, limits: Limits = USUAL,
) -> list[Marked]:  # fmt: skip
    """Mark what was handed in.

    Parameters
    ----------
    salt : str
        What hidden inputs are drawn from.
    values : callable
        The own values of who handed it in.
    inside : bool
        Whether walls stand around each process.
    say : callable
        Hears of each that is done.
    workers : int, optional
        How many at a time; by default one a processor.
    """
    begun, done = time.monotonic(), []

    def one(each: Handed) -> Marked:
        torch.set_num_threads(1)
        marked = mark(each.student, each.path, each.assignment, values(each), salt, inside, limits)
        done.append(marked)
        took = time.monotonic() - begun
        points = sum(points or 0 for points in marked.points.values())
        most = sum(task.points for task in each.assignment.tasks if not task.by_hand)
        say(f"{len(done)}/{len(handed)}  {took:.0f} s  {each.student}  {each.assignment.name}: {points:g} of {most:g}")
        return marked

    pool = ThreadPoolExecutor(side_by_side(workers))
    with pool, redirect_stdout(io.StringIO()):  # a check's ✓ is for the student
        try:
            return list(pool.map(one, handed))
        except BaseException:  # stopped by hand: those that wait are not begun
            pool.shutdown(cancel_futures=True)
            raise


def side_by_side(workers: int | None) -> int:
    """How many processes at a time."""
    return workers or max(1, min(os.cpu_count() or 1, 8))
