"""Errors against a setting that is turned, for several groups of students, beside those who had no such setting."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from kdviz import measures
from kdviz.arguments import finite, mapping
from kdviz.figures.look import check_colours, on, plain


def sweep(
    groups: Mapping[str, pd.DataFrame],
    *,
    colours: Mapping[str, str],
    beside: Mapping[str, Sequence[float]] | None = None,
    zero: str = "",
    apart: float = 1.02,
    scale: str = "log",
    ax: Axes | None = None,
) -> Axes:
    """A value against a setting: mean and 95 % interval over seeds, a line a group.

    Parameters
    ----------
    groups : mapping of name to DataFrame
        A row for each seed, a column for each setting, whose name is a number, above 0 where the axis is logarithmic.
    colours : mapping of name to colour
        Of groups and of those beside.
    beside : mapping of name to values, optional
        Of students without the setting, one a seed: a dashed line for the mean, a band for its interval.
    zero : str
        Of differences: what a line at 0 stands for.
    apart : float
        By which factor a group stands to the right of the one before, so that intervals do not hide one another; on a
        linear axis they stand where they are.
    scale : {"log", "linear"}
        Of the settings' axis.
    """
    ax, groups = on(ax), mapping("groups", groups, "data frame")
    check_colours(colours, [*groups, *(beside or {})])
    for name, values in (beside or {}).items():
        mean, half = measures.mean_and_interval(finite(f"{name!r} of beside", values, "seeds").tolist())
        ax.axhline(mean, color=colours[name], ls="--", lw=1.5, label=name)
        ax.axhspan(mean - half, mean + half, color=colours[name], alpha=0.12, lw=0, zorder=0)
    if zero:
        ax.axhline(0, color="0.4", ls="--", lw=1.5, label=zero)
    for place, (name, table) in enumerate(groups.items()):
        settings = [float(column) for column in table]
        if not settings or (scale == "log" and min(settings) <= 0):
            raise ValueError(f"the columns of {name!r} must be numbers above 0, at least one: {list(table)}")
        means, halves = zip(*(measures.mean_and_interval(table[column].tolist()) for column in table), strict=True)
        factor = apart ** (place - (len(groups) - 1) / 2) if scale == "log" else 1
        at = [setting * factor for setting in settings]
        ax.errorbar(at, means, halves, fmt="o-", color=colours[name], capsize=4, markersize=5, label=name)
    ax.set(xscale=scale, ylabel="errors on the test images")
    if scale == "log":
        every = sorted({float(column) for table in groups.values() for column in table})
        ax.set_xticks(every, [f"{setting:g}" for setting in every])
        ax.minorticks_off()
    plain(ax.legend())
    return ax
