"""Rounds of self-distillation: the curves they fit, and what is left of each eigenvector."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from kdviz.arguments import finite, tensors
from kdviz.figures.look import COLOURS, on


def shades(count: int) -> list:
    """A colour a round, from dark to light: of the map whose lightness rises evenly; up to five are always the same."""
    return [plt.get_cmap("viridis")(share) for share in np.linspace(0, 0.9, max(count, 5))[:count]]


def fitted_rounds(
    x: Sequence[float], curves: Tensor, truth: Tensor, points: tuple[Tensor, Tensor], *, ax: Axes | None = None
) -> Axes:
    """The curve of each round, the points it was fitted to, and the truth.

    Parameters
    ----------
    x : sequence of M numbers
    curves : Tensor, shape (R, M)
        One round a row, the first one first.
    truth : Tensor, shape (M,)
    points : (at, targets), each of shape (N,)
    """
    ax, sizes = on(ax), {}
    x, truth = finite("x", x, "M", sizes), finite("truth", truth, "M", sizes)
    curves = finite("curves", curves, "R M", sizes) if len(curves) else curves  # none: it collapsed at once
    at, targets = (finite("points", part, "N", sizes) for part in points)
    ax.plot(x, truth, color=COLOURS["teacher"], ls="--", lw=1.6, label="truth")
    for i, (curve, shade) in enumerate(zip(curves, shades(len(curves)), strict=True), 1):
        ax.plot(x, curve, color=shade, lw=2.4, label=f"round {i}")
    ax.plot(at, targets, "o", color="black", ms=5, label="given")
    ax.set(xlabel="x", ylabel="y")
    return ax


def factors_by_round(factors: Tensor, *, ax: Axes | None = None) -> Axes:
    """What is left of each eigenvector's coefficient after each round, a line a round.

    Parameters
    ----------
    factors : Tensor, shape (R, N)
        As :func:`kdviz.measures.self_distilled` gives them; eigenvectors in the order of their eigenvalues.
    """
    ax = on(ax)
    factors = finite("factors", factors, "R N") if len(factors) else factors
    places = np.arange(1, factors.shape[1] + 1)
    for i, (left, shade) in enumerate(zip(factors, shades(len(factors)), strict=True), 1):
        ax.plot(places, 100 * left, "o-", color=shade, ms=4, label=f"round {i}")
    ax.set(xlabel="eigenvector: the smoothest is 1", ylabel="% left of its coefficient", ylim=(-3, 103))
    ax.set_xticks(places if len(places) < 15 else places[:: len(places) // 8])
    return ax


def by_round(groups: dict, *, colours: dict, ax: Axes | None = None) -> Axes:
    """A measure by round: a pale line a problem, ending where it collapses, and the mean where all are left.

    Parameters
    ----------
    groups : mapping of name to list of tensors, shape (R,)
        R may differ from problem to problem.
    colours : mapping of name to colour
    """
    ax = on(ax)
    for name, values in groups.items():
        rows = tensors(name, dict(enumerate(values)), "r").values()
        for row in rows:
            ax.plot(range(1, len(row) + 1), row, color=colours[name], alpha=0.22, lw=1)
        shared = min(map(len, rows))
        mean = np.mean([row[:shared].numpy() for row in rows], axis=0)
        ax.plot(range(1, shared + 1), mean, "o-", color=colours[name], lw=2.6, label=f"{name}, mean")
    ax.set_xlabel("round")
    ax.xaxis.get_major_locator().set_params(integer=True)
    return ax
