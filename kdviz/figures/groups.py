"""Values by group: a mark for each seed, the mean, and how sure it is."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from torch import Tensor

from kdviz import measures
from kdviz.arguments import finite, mapping, names, number, tensor, tensors, told
from kdviz.figures.look import COLOURS, check_colours, on, plain, under

DASHES = ("--", ":", "-.")  # of lines that all groups are compared with


def by_seed(
    groups: Mapping[str, Sequence[float]],
    *,
    reported: Mapping[str, float] | None = None,
    colours: Mapping[str, str] = COLOURS,
    unit: str = "seed",
    middle: str = "mean",
    digits: int = 1,
    lines: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A value for each seed in each group, with mean, 95 % interval over seeds, and what the paper reported.

    Values in two heaps have no such interval: then ``middle="median"`` draws a bar at the median, and no interval.

    Parameters
    ----------
    groups : mapping of name to values
    reported : mapping of name to value, optional
    colours : mapping of name to colour
    unit : str
        What a value is of, for the legend, where that is not a seed: a draw, a net, a teacher.
    middle : {"mean", "median"}
    digits : int
        Decimals of the middles.
    lines : mapping of name to value, optional
        What all groups are compared with, chance say: a broken line each.
    """
    ax = on(ax)
    check_colours(colours)
    if middle not in ("mean", "median"):
        raise ValueError(f"middle is 'mean' or 'median', not {told(middle)}")
    (unit,) = names([unit], 1, "unit")
    reported = mapping("reported", reported, "number") if reported else {}
    reported = {name: number(f"{name!r} of reported", one) for name, one in reported.items()}
    groups = {name: values.tolist() for name, values in tensors("groups", groups, "seeds").items()}
    for row, (name, values) in enumerate(groups.items()):
        mean, half = measures.mean_and_interval(values)
        colour = colours.get(name, "0.3")
        ax.plot(values, [row] * len(values), "o", color=colour, alpha=0.45, markersize=6)
        if middle == "median":
            mean = float(np.median(values))
            ax.plot(mean, row, "|", color=colour, markersize=20, markeredgewidth=2.4)
        else:
            ax.errorbar(mean, row - 0.22, xerr=half, fmt="s", color=colour, capsize=4, markersize=6)
        text = ax.annotate(f"{mean:.{digits}f}", (mean, row - 0.22), (0, 6), textcoords="offset points", ha="center")
        text.set_path_effects([withStroke(linewidth=3, foreground="white")])  # a line behind it does not cross it
        if name in reported:
            ax.plot(reported[name], row, "D", color="none", markeredgecolor="black", markersize=9)
    ax.set_yticks(range(len(groups)), list(groups), parse_math=False)
    ax.set_ylim(len(groups) - 0.5, -0.75)
    ax.grid(axis="x")
    ax.plot([], [], "o", color="0.5", alpha=0.6, label=f"one {unit}")
    if middle == "median":
        ax.plot([], [], "|", color="0.3", markersize=14, markeredgewidth=2.4, label=f"median of the {unit}s")
    else:
        ax.plot([], [], "s", color="0.3", label=f"mean, 95 % interval over {unit}s")
    compared_with(lines, ax.axvline)
    if reported:
        ax.plot([], [], "D", color="none", markeredgecolor="black", label="paper")
    ax.legend(ncols=3, **under(ax))
    return ax


def compared_with(lines: Mapping[str, float] | None, draw: Callable[..., object]) -> None:
    """A broken line for each of ``lines``, what all groups are compared with: by ``axvline`` or ``axhline``."""
    named = mapping("lines", lines, "number") if lines else {}
    for (name, at), dash in zip(named.items(), cycle(DASHES), strict=False):
        draw(number(f"{name!r} of lines", at), color="0.4", ls=dash, lw=1.4, zorder=0, label=name)


def by_class(groups: Mapping[str, Tensor], classes: Sequence[str], colours: Mapping, *, ax: Axes | None = None) -> Axes:
    """A value for each class in each group: a bar for the mean, a dot for each seed.

    Parameters
    ----------
    groups : mapping of name to Tensor of shape (seeds, C)
    """
    ax = on(ax)
    sizes: dict[str, int] = {}
    groups = tensors("groups", groups, "seeds C", sizes, tensor)
    classes = names(classes, sizes["C"])
    check_colours(colours, groups)
    width = 0.85 / len(groups)
    for i, (name, values) in enumerate(groups.items()):
        place = np.arange(len(classes)) + (i - (len(groups) - 1) / 2) * width
        ax.bar(place, values.double().mean(0).numpy(), width, color=colours[name], label=name)
        dots = np.linspace(-0.3, 0.3, len(values))[:, None] * width
        ax.plot(place + dots, values.numpy(), ".", color="black", alpha=0.6, markersize=4, clip_on=False)
    ax.set_xticks(range(len(classes)), classes, parse_math=False)
    ax.set_ylim(0, None)
    plain(ax.legend())
    return ax


def taken_for(counts: Tensor, classes: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """How many examples of each class (row) were taken for which other (column), as a heat map.

    Parameters
    ----------
    counts : Tensor, shape (C, C), int64
    """
    ax = on(ax)
    numbers = finite("counts", counts, "C C").numpy()
    classes = names(classes, len(numbers))
    text = np.where(numbers > 0, numbers.astype(str), "")
    bar = {"label": "test images", "shrink": 0.8}
    sns.heatmap(numbers, annot=text, fmt="", cmap="cividis", square=True, ax=ax, cbar_kws=bar)
    ax.set(xlabel="predicted", ylabel="omitted digit")
    ax.set_xticklabels(classes, parse_math=False)
    ax.set_yticklabels(classes, parse_math=False)
    ax.tick_params(length=0, rotation=0)
    return ax
