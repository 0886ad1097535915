"""How far students do what their teachers do."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from kdviz import measures
from kdviz.figures.look import COLOURS


def agreement_against_accuracy(
    table: pd.DataFrame,
    teacher_accuracy: float,
    *,
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
    controls : mapping of name to (accuracy, agreement), optional
        Points to read the others by, each with a mark of its own.
    """
    ax = ax or plt.gca()
    for colour, (name, rows) in zip(hues(table.varied.nunique()), table.groupby("varied", sort=False), strict=True):
        ax.plot(100 * rows.accuracy, 100 * rows.agreement, "o", color=colour, alpha=0.75, markersize=6, label=name)
    for mark, (name, place) in zip("X*PD", (controls or {}).items(), strict=False):
        ax.plot(*(100 * share for share in place), mark, color="black", markersize=11, label=name)
    shares = np.linspace(*np.array(ax.get_xlim()) / 100, 200).clip(0, 1)
    low, high = np.array([measures.agreement_bounds(share, teacher_accuracy) for share in shares]).T
    bottom = ax.get_ylim()[0]
    ax.fill_between(100 * shares, 100 * low, 100 * high, color="0.93", zorder=0, label="possible")
    ax.axvline(100 * teacher_accuracy, color=COLOURS["teacher"], ls=":", label="teacher's accuracy")
    ax.set(xlim=(100 * shares[0], 100 * shares[-1]), ylim=(bottom, 100.5))
    ax.set(xlabel="accuracy, % of the test set", ylabel="agreement with the teacher, %")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def hues(n: int) -> list:
    """A colour for each of ``n`` things that were varied, told apart by the colour-blind too."""
    return sns.color_palette("colorblind", n) if n <= 10 else sns.color_palette("husl", n)
