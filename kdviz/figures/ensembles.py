"""Ensembles and what one student keeps of them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from torch import Tensor

from kdviz import measures
from kdviz.arguments import finite, number
from kdviz.figures.correlation import axes_of, heat_map, shared_bar
from kdviz.figures.curves import by_setting
from kdviz.figures.likeness import log_ticks
from kdviz.figures.look import COLOURS, on, plain

APART = 8  # points
TOGETHER, ONE = "the nets, asked together", "one student of them"


def errors_by_nets(
    counts: Sequence[int],
    nets: Tensor,
    students: Tensor,
    controls: Mapping[str, Sequence[float]],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Errors of n nets that are asked together, and of one student of them, against n: means, intervals, seeds.

    A dotted line is a control's mean, the band its interval. A student costs as much to ask as the one net at the left.

    Parameters
    ----------
    counts : sequence of K numbers of nets
    nets, students : Tensor, shape (seeds, K)
        In % of the test images.
    controls : mapping of name to a value a seed
    """
    ax = on(ax)
    for (name, values), shade in zip(controls.items(), ("0.35", "#882255", "#44AA99"), strict=False):
        mean, half = measures.mean_and_interval(finite(f"{name!r} of controls", values, "seeds").tolist())
        ax.axhline(mean, color=shade, ls=":", label=name)
        ax.axhspan(mean - half, mean + half, color=shade, alpha=0.12, lw=0, zorder=0)
    colours = {TOGETHER: COLOURS["teacher"], ONE: COLOURS["student"]}
    by_setting(counts, {TOGETHER: nets, ONE: students}, colours, apart=APART, ax=ax)
    log_ticks(counts, ax=ax).set(xlabel="nets", ylabel="% of the test images wrong")
    return ax


def gain_kept(counts: Sequence[int], kept: Tensor, reported: float, *, ax: Axes | None = None) -> Axes:
    """The share of the largest ensemble's gain that students keep, against the number of nets that taught them.

    Parameters
    ----------
    counts : sequence of K numbers of nets
    kept : Tensor, shape (seeds, K)
        In %.
    reported : float
        What the paper's student keeps of its ensemble's gain, in %.
    """
    ax = on(ax)
    ax.axhline(number("reported", reported), color="0.35", ls="--", label="the paper's student, table 1")
    by_setting(counts, {"students": kept}, {"students": COLOURS["student"]}, ax=ax)
    log_ticks(counts, ax=ax).set(xlabel="nets that taught", ylabel="share of the gain kept, %")
    ax.set_ylim(min(0, *ax.get_ylim()), None)
    plain(ax.legend(loc="lower right"))
    return ax


def prediction_maps(
    maps: Mapping[str, Tensor], classes: Sequence[str], order: Sequence[int], *, axes: Sequence[Axes]
) -> Sequence[Axes]:
    """Covariances of predictions as colours, each to its own limit: the largest off the diagonal.

    The diagonal, the variances, may lie beyond that, and has the darkest colour then.

    Parameters
    ----------
    maps : mapping of title to Tensor of shape (C, C)
        As :func:`kdviz.measures.prediction_covariance` gives them.
    classes : names of the C classes
    order : permutation of the C classes
    axes : one for each map
    """
    for ax, (title, matrix) in zip(axes_of(axes, len(maps)), maps.items(), strict=True):
        apart = matrix - matrix.diagonal().diag()
        heat_map(matrix, classes, order=order, limit=apart.abs().max().item(), ax=ax)
        ax.tick_params(labelsize=10)
        ax.set_title(title, loc="center", fontsize=12, parse_math=False)
        shared_bar(ax, "covariance").ax.ticklabel_format(scilimits=(-2, 2))
    return axes


def groups_of_pairs(maps: Mapping[str, Sequence[Sequence[int]]], *, axes: Sequence[Axes]) -> Sequence[Axes]:
    """A hundred digit pairs as a square: the first digit down, the second across, groups in colours and numbered.

    The largest is 1. A pair that is a group by itself is left white.

    Parameters
    ----------
    maps : mapping of title to groups of the classes 0 to 99
        As :func:`kdviz.measures.confused_groups` gives them: at most 20 of two or more.
    axes : one for each map
    """
    for ax, (title, groups) in zip(axes_of(axes, len(maps)), maps.items(), strict=True):
        if sorted(c for group in groups for c in group) != list(range(100)):
            raise ValueError(f"{title!r} of maps must hold each of the 100 pairs in one group")
        together = [group for group in groups if len(group) > 1]
        shades = colormaps["tab20"].colors
        if len(together) > len(shades):
            raise ValueError(f"{title!r} of maps: {len(together)} groups are more than the colours, {len(shades)}")
        square = np.ones((100, 3))
        for rank, (group, shade) in enumerate(zip(together, shades, strict=False), 1):
            square[list(group)] = shade
            for pair in group:
                ax.text(pair % 10, pair // 10, rank, ha="center", va="center", fontsize=8)
        ax.imshow(square.reshape(10, 10, 3))
        ax.set(xticks=range(10), yticks=range(10), xlabel="second digit", ylabel="first digit")
        ax.set_xticks(np.arange(9) + 0.5, minor=True)
        ax.set_yticks(np.arange(9) + 0.5, minor=True)
        ax.grid(False)
        ax.grid(which="minor", color="white", lw=1)
        ax.tick_params(which="both", length=0)
        ax.set_title(title, loc="center", fontsize=12, parse_math=False)
    return axes
