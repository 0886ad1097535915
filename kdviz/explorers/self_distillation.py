"""An explorer of notebook 15: a curve refitted to its own answers, round after round."""

import math

import torch
from matplotlib.figure import Figure

from kdviz import figures, measures
from kdviz.arguments import number, whole
from kdviz.explorers.view import View, packed

TOLERANCES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.15, 0.2]
DRAWS, POINTS, MOST = 12, 30, 12


def self_distillation(
    *, rounds: int = 2, tolerance: float = 0.045, noise: float = 0.5, points: int = 11, draw: int = 0
) -> View:
    """Noisy points of a sine, fitted in rounds as :func:`kdviz.measures.self_distilled` does, and what each leaves.

    Parameters
    ----------
    rounds : int
        Shown at first; from 1 to 12.
    tolerance : float
        ε; one of ``TOLERANCES``.
    noise : float
        Standard deviation of the noise on the points, from 0 to 1.
    points : int
        From 5 to 30, evenly between 0 and 1.
    draw : int
        Which of twelve draws of the noise.
    """
    spread = torch.randn(DRAWS, POINTS, generator=torch.Generator().manual_seed(0))
    if tolerance not in TOLERANCES:
        raise ValueError(f"tolerance is one of {', '.join(f'{e:g}' for e in TOLERANCES)}, not {tolerance!r}")
    turned = (("rounds", rounds, 1, MOST), ("points", points, 5, POINTS), ("draw", draw, 0, DRAWS - 1))
    for name, given, low, high in turned:
        if not low <= whole(name, given) <= high:
            raise ValueError(f"{name} turns from {low} to {high}, not {given}")
    if not 0 <= number("noise", noise) <= 1:
        raise ValueError(f"noise turns from 0 to 1, not {noise}")

    def still(figure: Figure, round: int, tolerance: float, noise: float, points: int, draw: int) -> None:
        at = torch.arange(1, points + 1).double() / (points + 1)
        y = torch.sin(2 * math.pi * at) + noise * spread[draw, :points]
        line = torch.linspace(0, 1, 201, dtype=torch.float64)
        curves, factors = measures.self_distilled_curves(at, y, tolerance, line, MOST)
        left, right = figure.subplots(1, 2)
        figures.fitted_rounds(line, curves[:round], torch.sin(2 * math.pi * line), (at, y), ax=left)
        left.legend(fontsize=9)
        figures.factors_by_round(factors[:round], ax=right)
        left.set_title(f"Round {round}" if len(curves) >= round else f"Collapsed after {len(curves)} rounds")
        right.set_title("What is left of each eigenvector")

    data = {"noise": packed(spread), "tolerances": TOLERANCES}
    state = dict(round=rounds, tolerance=tolerance, noise=noise, points=points, draw=draw)
    return View("self_distillation", data, still, (10, 3.8), **state)
