"""The look of every figure: one style, and one colour for each actor. Nothing is changed at import."""

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
}
BESIDE = ("#666666", "#009E73", "#CC79A7", "#8B5A2B", "#332288", "#E6B800")  # what stands beside a student


def use_style() -> None:
    """Use kdviz's look for the figures that follow in this session."""
    plt.style.use(STYLE)
