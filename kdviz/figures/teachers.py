"""What students make of their teachers."""

from collections.abc import Collection, Mapping
from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from kdviz import measures
from kdviz.arguments import columns
from kdviz.figures.look import check_colours, on, plain

BESIDE = [(x, y, "left" if x > 0 else "right", "bottom" if y > 0 else "top") for x in (7, -7) for y in (5, -5)]
BESIDE += [(0, y, "center", "bottom" if y > 0 else "top") for y in (10, -10)]


def students_by_teacher(
    table: pd.DataFrame,
    against: str,
    colours: Mapping[str, str],
    *,
    named: bool = True,
    apart: Collection[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """The students' error against a number of their teachers: a dot a teacher, the mean of its seeds.

    The bars are 95 % intervals of the students' mean over seeds. Teachers of one group are joined in the order in
    which they stand, and called by their names, each on that side of its dot where it hides least.

    Parameters
    ----------
    table : DataFrame
        A row a student: ``group``, ``teacher`` (its name), ``student`` (its error, %), and the column ``against``.
    against : str
    colours : mapping of group to colour
    named : bool
        Whether the teachers' names are written beside the dots.
    apart : collection of str
        Groups whose teachers have no order: they are not joined.
    """
    ax = on(ax)
    columns("table", table, ("group", "teacher", "student", against))
    check_colours(colours, table.group.unique())
    called, lines = [], []
    for group, rows in table.groupby("group", sort=False):
        by = rows.groupby("teacher", sort=False)
        x, (means, halves) = by[against].mean(), zip(*map(measures.mean_and_interval, _each(by)), strict=True)
        ax.errorbar(
            x,
            means,
            halves,
            fmt="o" if group in apart else "o-",
            color=colours[group],
            capsize=4,
            markersize=8,
            lw=1.6,
            label=group,
        )
        dots = list(zip(x, means, strict=True))
        called += [(str(name), dot, colours[group]) for name, dot in zip(x.index, dots, strict=True)]
        lines += [[(of, mean - half), (of, mean + half)] for of, mean, half in zip(x, means, halves, strict=True)]
        lines += [] if group in apart else map(list, pairwise(dots))
    if named:
        _call(ax, called, lines)
    ax.set(ylabel="student's error, %")
    plain(ax.legend())
    return ax


def _call(ax: Axes, called: Collection[tuple[str, tuple[float, float], str]], lines: Collection[list]) -> None:
    """Write names beside their dots: on no other name or dot if that can be, and on few lines."""
    ax.autoscale_view()
    drawn = [Path(ax.transData.transform(line)) for line in lines]
    dots = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in ax.transData.transform([dot for _, dot, _ in called])]
    taken: list[Bbox] = []
    for name, dot, colour in called:
        look = {"textcoords": "offset points", "color": colour, "fontsize": 12, "parse_math": False}
        tried = []
        for x, y, across, along in BESIDE:
            text = ax.annotate(name, dot, (x, y), ha=across, va=along, **look)
            box = text.get_window_extent()
            hidden = 5 * box.count_overlaps(taken) + 3 * box.count_overlaps(dots)
            hidden += 3 * (box.x1 > ax.bbox.x1 or box.x0 < ax.bbox.x0)
            hidden += sum(line.intersects_bbox(box, filled=False) for line in drawn)
            tried.append((hidden, len(tried), text, box))
        *_, chosen, box = min(tried, key=lambda one: one[:2])
        for *_, text, _ in tried:
            _ = text is chosen or text.remove()
        taken.append(box)


def _each(by) -> list[list[float]]:
    return [rows.tolist() for _, rows in by.student]
