"""How like its teacher a student is: agreement by images answered, and confidence against the teacher's."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from torch import Tensor

from kdviz import measures
from kdviz.arguments import columns, finite, mapping, several
from kdviz.figures.curves import by_setting
from kdviz.figures.look import COLOURS, check_colours, on, plain

EDGES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)  # log-odds of the teacher's confidence
TOLD = (0.5, 0.7, 0.9, 0.97, 0.99, 0.999)  # probabilities written on both axes
FEW = 20  # images: a bin with fewer says nothing


def confidences(
    groups: Mapping[str, Sequence[tuple[Tensor, Tensor]]], colours: Mapping[str, str], *, ax: Axes | None = None
) -> Axes:
    """Mean confidence of students by the confidence of their teacher: on the dashed line they are as sure as it is.

    Both are log-odds of the probability that each gives to its own answer, written as probabilities. A mark is the mean
    over the images of one bin, then over seeds, with its 95 % interval over seeds.

    Parameters
    ----------
    groups : mapping of name to a sequence of (student's, teacher's), one pair a seed
        Confidences, each a Tensor of shape (N,).
    colours : mapping of name to colour
    """
    ax = on(ax)
    groups = mapping("groups", groups, "pairs (student's, teacher's)")
    check_colours(colours, groups)
    ends = [-0.3, EDGES[-1]]
    ax.plot(ends, ends, "--", color=COLOURS["teacher"], lw=1.2, label="as sure as the teacher")
    for place, (name, given) in enumerate(groups.items()):
        pairs = several(f"{name!r} of groups", given, "pairs (student's, teacher's), one a seed")
        x, y = (torch.stack(parts) for parts in zip(*(_bins(name, pair) for pair in pairs), strict=True))
        told = [(x[:, b].mean().item(), *measures.mean_and_interval(y[:, b].tolist())) for b in _full(y)]
        at, mean, half = np.array(told).T
        aside = 0.06 * (place - (len(groups) - 1) / 2)  # so that intervals do not hide one another
        ax.errorbar(at + aside, mean, half, fmt="o-", color=colours[name], capsize=3, markersize=5, lw=1.4, label=name)
    ticks = [float(torch.logit(torch.tensor(p, dtype=torch.float64))) for p in TOLD]
    ax.set_xticks(ticks, [f"{p:g}" for p in TOLD])
    ax.set_yticks(ticks, [f"{p:g}" for p in TOLD])
    ax.set(xlim=ends, ylim=ends, aspect="equal", xlabel="teacher's confidence", ylabel="student's confidence (mean)")
    plain(ax.legend(loc="upper left"))
    return ax


def _bins(name: str, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Mean log-odds of teacher and student in each bin of the teacher's; not a number where few images are."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"{name!r} of groups must be a list of pairs (student's, teacher's), one a seed")
    sizes: dict[str, int] = {}
    ours, theirs = (
        measures.confidence_odds(finite(f"{who} of {name!r}", one, "N", sizes))
        for who, one in zip(("student", "teacher"), pair, strict=True)
    )
    bins = torch.bucketize(theirs, torch.tensor(EDGES[1:-1], dtype=theirs.dtype), right=True)
    bins[theirs >= EDGES[-1]] = len(EDGES)  # as sure as can be told: no bin
    means = torch.full((2, len(EDGES) - 1), torch.nan, dtype=theirs.dtype)
    for b in range(len(EDGES) - 1):
        if (bins == b).sum() >= FEW:
            means[:, b] = torch.stack([theirs[bins == b].mean(), ours[bins == b].mean()])
    return means[0], means[1]


def _full(y: Tensor) -> list[int]:
    return y.isfinite().all(0).nonzero().squeeze(1).tolist()


def copies(tables: Mapping[float, pd.DataFrame], two: float, *, ax: Axes | None = None) -> Axes:
    """Agreement with its own teacher, and with the others', by how many images a student saw its teacher answer.

    Parameters
    ----------
    tables : mapping of a number of images to DataFrame
        Columns ``own`` and ``other``, in %, a row a teacher (:func:`kdviz.measures.likeness`).
    two : float
        What two of the teachers agree on, in %: a dotted line.
    """
    ax, amounts = on(ax), list(tables)
    for amount, table in tables.items():
        columns(f"the table of {amount} images", table, ("own", "other"))
    drawn = {"with its own teacher": ("own", "student"), "with another teacher": ("other", "another teacher")}
    values = {
        name: torch.tensor([tables[n][column].tolist() for n in amounts]).T for name, (column, _) in drawn.items()
    }
    by_setting(amounts, values, {name: COLOURS[actor] for name, (_, actor) in drawn.items()}, ax=ax)
    ax.axhline(two, color=COLOURS["teacher"], ls=":", lw=2, label="two teachers")
    ax.set(xlabel="images it saw its teacher answer", ylabel="agreement, % of the test images")
    ax.legend(loc="center right")
    return log_ticks(amounts, ax=ax)


def near_all(ax: Axes) -> Axes:
    """Stretch the x axis, in %, towards 100: about as wide from 75 to 90 as from 90 to 95.

    By log(102 − x), so that 100 % is still on it.
    """

    def stretched(share: np.ndarray) -> np.ndarray:
        return -np.log(np.maximum(102 - np.asarray(share, dtype=float), 1e-3))

    def back(place: np.ndarray) -> np.ndarray:
        return 102 - np.exp(-np.asarray(place, dtype=float))

    ax.set_xscale("function", functions=(stretched, back))
    ax.set_xticks([0, 50, 75, 90, 95, 98, 100])
    return ax


def log_ticks(values: Sequence[float], *, ax: Axes | None = None) -> Axes:
    """Make the x axis logarithmic and write these values on it, and no others.

    Parameters
    ----------
    values : sequence of V numbers above 0
    """
    ax = on(ax)
    values = finite("values", values, "V").tolist()
    if min(values) <= 0:
        raise ValueError(f"a logarithmic axis has values above 0, not {min(values):g}")
    ax.set_xscale("log")
    ax.set_xticks(values, [f"{value:,g}" for value in values])
    ax.minorticks_off()
    return ax
