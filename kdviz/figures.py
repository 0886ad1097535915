"""Static figures: tensors, arrays and data frames in, matplotlib Axes out; nothing is changed at import.

Every function draws on ``ax`` (default: the current Axes) and returns it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter
from matplotlib.transforms import ScaledTranslation
from torch import Tensor

from kdviz import measures

STYLE = Path(__file__).with_name("kdviz.mplstyle")
# One colour for each actor in every notebook (Okabe and Ito's colour-blind safe set).
COLOURS = {
    "teacher": "#0072B2",
    "student": "#D55E00",
    "hard labels": "#666666",
    "weak teacher": "#56B4E9",
    "student of the weak teacher": "#E69F00",
    "right": "#009E73",
}


def use_style() -> None:
    """Use kdviz's look for the figures that follow in this session."""
    plt.style.use(STYLE)


def image(pixels: Tensor, *, title: str = "", ax: Axes | None = None) -> Axes:
    """One image, dark on white.

    Parameters
    ----------
    pixels : Tensor, shape (C, H, W) or (H, W), in [0, 1]
    """
    ax = ax or plt.gca()
    ax.imshow(pixels.squeeze().numpy(), cmap="gray_r", vmin=0, vmax=1)
    ax.set_title(title, loc="center", fontweight="normal", fontsize=10)
    ax.set_axis_off()
    return ax


def soft_target(
    logits: Tensor, classes: Sequence[str], temperatures: Sequence[float], *, ax: Axes | None = None
) -> Axes:
    """The soft target of one example at several temperatures, as bars; the hotter the lighter.

    Parameters
    ----------
    logits : Tensor, shape (C,)
    """
    ax = ax or plt.gca()
    width = 0.85 / len(temperatures)
    for i, temperature in enumerate(temperatures):
        place = np.arange(len(classes)) + (i - (len(temperatures) - 1) / 2) * width
        probabilities = torch.softmax(logits / temperature, -1).numpy()
        shade = 1 - 0.6 * i / max(1, len(temperatures) - 1)
        ax.bar(place, probabilities, width, color=COLOURS["teacher"], alpha=shade, label=f"T = {temperature:g}")
    ax.set(xticks=range(len(classes)), xticklabels=classes, ylim=(0, 1), ylabel="probability")
    return ax


def by_seed(
    groups: Mapping[str, Sequence[float]],
    *,
    reported: Mapping[str, float] | None = None,
    colours: Mapping[str, str] = COLOURS,
    ax: Axes | None = None,
) -> Axes:
    """A value for each seed in each group, with mean, 95 % interval over seeds, and what the paper reported.

    Parameters
    ----------
    groups : mapping of name to values
    reported : mapping of name to value, optional
    colours : mapping of name to colour
    """
    ax = ax or plt.gca()
    for row, (name, values) in enumerate(groups.items()):
        mean, half = measures.mean_and_interval(values)
        colour = colours.get(name, "0.3")
        ax.plot(values, [row] * len(values), "o", color=colour, alpha=0.45, markersize=6)
        ax.errorbar(mean, row - 0.22, xerr=half, fmt="s", color=colour, capsize=4, markersize=6)
        ax.annotate(f"{mean:.1f}", (mean, row - 0.22), xytext=(0, 6), textcoords="offset points", ha="center")
        if reported and name in reported:
            ax.plot(reported[name], row, "D", color="none", markeredgecolor="black", markersize=9)
    ax.set(yticks=range(len(groups)), yticklabels=list(groups), ylim=(len(groups) - 0.5, -0.75))
    ax.grid(axis="x")
    ax.plot([], [], "o", color="0.5", alpha=0.6, label="one seed")
    ax.plot([], [], "s", color="0.3", label="mean, 95 % interval over seeds")
    if reported:
        ax.plot([], [], "D", color="none", markeredgecolor="black", label="paper")
    below = ax.transAxes + ScaledTranslation(0, -0.55, ax.figure.dpi_scale_trans)  # inches, whatever the height
    ax.legend(loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below, ncols=3)
    return ax


def by_class(groups: Mapping[str, Tensor], classes: Sequence[str], colours: Mapping, *, ax: Axes | None = None) -> Axes:
    """A value for each class in each group: a bar for the mean, a dot for each seed.

    Parameters
    ----------
    groups : mapping of name to Tensor of shape (seeds, C)
    """
    ax = ax or plt.gca()
    width = 0.85 / len(groups)
    for i, (name, values) in enumerate(groups.items()):
        place = np.arange(len(classes)) + (i - (len(groups) - 1) / 2) * width
        ax.bar(place, values.double().mean(0).numpy(), width, color=colours[name], label=name)
        dots = np.linspace(-0.3, 0.3, len(values))[:, None] * width
        ax.plot(place + dots, values.numpy(), ".", color="black", alpha=0.6, markersize=4, clip_on=False)
    ax.set(xticks=range(len(classes)), xticklabels=classes, ylim=(0, None))
    ax.legend()
    return ax


def errors_by_bias(biases: Tensor, errors: Mapping[str, Tensor], colours: Mapping, *, ax: Axes | None = None) -> Axes:
    """Errors (logarithmic) against the bias added to the omitted class: a line a seed.

    Parameters
    ----------
    biases : Tensor, shape (B,)
    errors : mapping of name to Tensor of shape (seeds, B)
    """
    ax = ax or plt.gca()
    for name, curves in errors.items():
        for i, curve in enumerate(curves.numpy()):
            ax.plot(biases.numpy(), curve, color=colours[name], lw=1.2, alpha=0.8, label=name if i == 0 else None)
    ax.set(yscale="log", xlabel="bias added to the omitted class's logit", ylabel="errors on the test set")
    ax.yaxis.set_major_formatter(LogFormatter())
    ax.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.5)))
    return ax


def gallery(
    images: Tensor, captions: Sequence[str], right: Sequence[bool], *, columns: int = 12, ax: Axes | None = None
):
    """A montage of images with a caption under each, green where ``right`` and red where not.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W), in [0, 1]
    captions : sequence of N str
    right : sequence of N bool
    """
    ax = ax or plt.gca()
    n, _, height, width = images.shape
    rows, step_y, step_x = -(-n // columns), height * 1.45, width * 1.15
    for i in range(n):
        top, left = (i // columns) * step_y, (i % columns) * step_x
        ax.imshow(
            images[i].squeeze().numpy(), cmap="gray_r", vmin=0, vmax=1, extent=(left, left + width, top + height, top)
        )
        colour = COLOURS["right"] if right[i] else "#C1272D"
        ax.text(left + width / 2, top + height * 1.06, captions[i], ha="center", va="top", fontsize=9, color=colour)
    ax.set(xlim=(-1, min(n, columns) * step_x), ylim=(rows * step_y, -1))
    ax.set_axis_off()
    return ax


def taken_for(counts: Tensor, classes: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """How many examples of each class (row) were taken for which other (column), as a heat map.

    Parameters
    ----------
    counts : Tensor, shape (C, C), int64
    """
    ax = ax or plt.gca()
    numbers = counts.numpy()
    text = np.where(numbers > 0, numbers.astype(str), "")
    bar = {"label": "test images", "shrink": 0.8}
    sns.heatmap(numbers, annot=text, fmt="", cmap="cividis", square=True, ax=ax, cbar_kws=bar)
    ax.set(xlabel="predicted", ylabel="omitted digit", xticklabels=classes, yticklabels=classes)
    ax.tick_params(length=0, rotation=0)
    return ax


def errors_by_temperature(table: pd.DataFrame, hue: str = "model", *, ax: Axes | None = None) -> Axes:
    """Errors against temperature, a line for each value of ``hue``: mean and 95 % interval over seeds.

    Parameters
    ----------
    table : DataFrame
        Columns ``temperature``, ``errors``, ``seed`` and ``hue``, as :meth:`kdviz.Runs.table` gives them.
    """
    ax = ax or plt.gca()
    table = table.dropna(subset="temperature")  # a student on labels has none
    shades = sns.color_palette("crest", table[hue].nunique())
    for colour, (name, rows) in zip(shades, table.groupby(hue, sort=False), strict=True):
        spread = [measures.mean_and_interval(part) for _, part in rows.groupby("temperature").errors]
        means, halves = zip(*spread, strict=True)
        at = sorted(rows.temperature.unique())
        ax.errorbar(at, means, halves, fmt="o-", color=colour, capsize=4, label=name)
    ax.set(xscale="log", xlabel="temperature T", ylabel="errors on the test set")
    ax.set_xticks(sorted(table.temperature.unique()), [f"{t:g}" for t in sorted(table.temperature.unique())])
    ax.minorticks_off()
    if table[hue].nunique() > 1:
        ax.legend(title=hue)
    return ax
