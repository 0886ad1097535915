"""Single examples: images, and what a network answers to them."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from kdviz.figures.look import COLOURS


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


def two_opinions(teacher: Tensor, student: Tensor, classes: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """What teacher and student answer to one example at T = 1, as bars to the left and to the right.

    Parameters
    ----------
    teacher, student : Tensor, shape (C,)
        Their logits.
    """
    ax = ax or plt.gca()
    for name, logits, side in (("teacher", teacher, -1), ("student", student, 1)):
        ax.barh(range(len(classes)), side * logits.softmax(-1).numpy(), color=COLOURS[name], label=name)
    ax.set(xlim=(-1, 1), xticks=[-1, 0, 1], xticklabels=["1", "0", "1"], yticks=range(len(classes)))
    ax.set_yticklabels(classes, fontsize=8)
    ax.invert_yaxis()
    ax.axvline(0, color="0.3", lw=0.8)
    ax.grid(False)
    return ax
