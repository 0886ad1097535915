"""How far students do what their teachers do."""

from collections.abc import Iterable, Mapping
from itertools import cycle

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from kdviz import measures
from kdviz.arguments import columns, several, share, tensors
from kdviz.figures.look import COLOURS, check_colours, on, plain

VARIED = ("#222222", "#E69F00", "#009E73", "#7B4FA3", "#CC79A7", "#8B5A2B", "#56B4E9", "#999999", "#B8B000")


def agreement_against_accuracy(
    table: pd.DataFrame,
    teacher_accuracy: float,
    *,
    colours: Mapping[str, tuple] | None = None,
    controls: Mapping[str, tuple[float, float]] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Top-1 agreement with the teacher against accuracy, a point a student, and the room that the accuracies leave.

    Parameters
    ----------
    table : DataFrame
        Columns ``accuracy``, ``agreement`` and ``varied``, which gives the colour.
    teacher_accuracy : float
        In [0, 1]; the shaded region is :func:`kdviz.measures.agreement_bounds` of it.
    colours : mapping of what was varied to colour, optional
        :func:`hues` of the table, unless a larger one's are to be kept.
    controls : mapping of name to (accuracy, agreement), optional
        Points to read the others by, each with a mark of its own.
    """
    ax = on(ax)
    columns("table", table, ("accuracy", "agreement", "varied"))
    teacher_accuracy = share("teacher_accuracy", teacher_accuracy)
    controls = tensors("controls", controls, "2", {"2": 2}) if controls else {}
    colours = hues(table.varied) if colours is None else colours
    check_colours(colours, table.varied.unique())
    for name, rows in table.groupby("varied", sort=False):
        ax.plot(100 * rows.accuracy, 100 * rows.agreement, "o", color=colours[name], alpha=0.75, label=name)
    for mark, (name, place) in zip(cycle("X*PDvh"), controls.items(), strict=False):
        ax.plot(*(100 * share for share in place.tolist()), mark, color="black", markersize=11, label=name)
    ax.axvline(100 * teacher_accuracy, color=COLOURS["teacher"], ls=":", label="teacher's accuracy")
    shares = np.linspace(*np.array(ax.get_xlim()) / 100, 200).clip(0, 1)
    low, high = np.array([measures.agreement_bounds(share, teacher_accuracy) for share in shares]).T
    bottom = ax.get_ylim()[0]
    ax.fill_between(100 * shares, 100 * low, 100 * high, color="0.93", zorder=0, label="possible")
    ax.set(xlim=(100 * shares[0], 100 * shares[-1]), ylim=(bottom, 100.5))
    ax.set(xlabel="accuracy, % of the test set", ylabel="agreement with the teacher, %")
    plain(ax.legend(loc="upper left", bbox_to_anchor=(1, 1)))
    return ax


def hues(varied: Iterable[str]) -> dict[str, tuple]:
    """A colour for each thing that was varied, none of them the teacher's or the student's own."""
    names = list(dict.fromkeys(several("varied", varied, "names")))
    palette = VARIED if len(names) <= len(VARIED) else sns.color_palette("husl", len(names))
    return dict(zip(names, map(to_rgb, palette), strict=False))
