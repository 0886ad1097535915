"""The look of every figure: one style, and one colour for each actor. Nothing is changed at import."""

import os
from collections.abc import Iterable, Mapping
from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
from IPython import get_ipython
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import ScaledTranslation

from kdviz.arguments import told

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
    "CRD + soft targets": "#8577D9",
    "one-stage hints": "#882255",
    "DIST": "#44AA99",
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
    """Use kdviz's look for the figures that follow in this session.

    In a notebook whose environment says ``MPLBACKEND=Agg`` no figure would be shown: they are shown below their cells.
    """
    plt.style.use(STYLE)
    shell = get_ipython()
    if (
        hasattr(shell, "kernel")
        and os.environ.get("MPLBACKEND", "").lower() == "agg"
        and plt.get_backend().lower() == "agg"
    ):
        shell.enable_matplotlib("inline")
        plt.style.use(STYLE)


def on(ax: Axes | None) -> Axes:
    """Where to draw: by default the current Axes."""
    if ax is not None and not isinstance(ax, Axes):
        raise ValueError(f"ax must be matplotlib Axes, such as figure.subplots() gives, not {told(ax)}")
    return ax or plt.gca()


def plain(*artists: Artist) -> None:
    """Show the texts of these as they are written: a name with two dollar signs is no formula."""
    for artist in artists:
        for text in artist.findobj(Text):
            text.set_parse_math(False)


def check_colours(colours: Mapping, names: Iterable[str] = ()) -> None:
    """Raise ValueError unless ``colours`` is a mapping that has one for each of ``names``."""
    if not isinstance(colours, Mapping):
        raise ValueError(f"colours must be a mapping of name to colour, not {told(colours)}")
    if missing := [name for name in names if name not in colours]:
        raise ValueError(f"colours has none for {', '.join(map(repr, missing))}: kdviz.figures.COLOURS has the actors'")


def under(ax: Axes) -> dict:
    """Where a legend stands below the x axis and its label, however high the axes are: ``ax.legend(**under(ax))``."""
    below = ax.transAxes + ScaledTranslation(0, -0.55, ax.figure.dpi_scale_trans)  # inches
    return {"loc": "upper left", "bbox_to_anchor": (0, 0), "bbox_transform": below}
