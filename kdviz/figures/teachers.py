"""What students make of their teachers."""

from collections.abc import Collection, Mapping

import pandas as pd
from matplotlib.axes import Axes

from kdviz import measures
from kdviz.arguments import columns
from kdviz.figures.look import check_colours, on, plain


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
    which they stand, and called by their names.

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
        for name, place in zip(x.index, zip(x, means, strict=True), strict=True):
            said = {"xytext": (7, 6), "textcoords": "offset points", "color": colours[group], "parse_math": False}
            _ = named and ax.annotate(str(name), place, fontsize=12, **said)
    ax.set(ylabel="student's error, %")
    plain(ax.legend())
    return ax


def _each(by) -> list[list[float]]:
    return [rows.tolist() for _, rows in by.student]
