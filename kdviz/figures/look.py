"""The look of every figure: one style, and one colour for each actor. Nothing is changed at import."""

from collections.abc import Iterable
from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt

STYLE = Path(__file__).with_name("kdviz.mplstyle")
# One colour for each actor in every notebook (Okabe and Ito's colour-blind safe set, and a gold and an indigo that
# keep apart from it).
COLOURS = {
    "teacher": "#0072B2",
    "student": "#D55E00",
    "hard labels": "#666666",
    "weak teacher": "#56B4E9",
    "student of the weak teacher": "#E69F00",
    "right": "#009E73",
    "wrong": "#C1272D",
    "soft targets": "#D55E00",  # a student as notebooks 00 to 02 know it
    "hints": "#CC79A7",
    "attention transfer": "#E6B800",
    "CRD": "#332288",
    "labels alone": "#666666",
    "another teacher": "#009E73",
    "never shown it": "#CC79A7",
    "never shown it, labels alone": "#8B5A2B",
}
BESIDE = ("#332288", "#E6B800", "#882255", "#44AA99", "#999933")  # for what has no colour of its own


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """Each name's own colour, and for the others one after another of :data:`BESIDE`."""
    others = cycle(BESIDE)
    return {name: COLOURS[name] if name in COLOURS else next(others) for name in names}


def use_style() -> None:
    """Use kdviz's look for the figures that follow in this session."""
    plt.style.use(STYLE)
