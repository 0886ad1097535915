"""Single examples: images, and what a network answers to them."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from kdviz.figures.look import COLOURS

IMAGES, TEXTS = 6, 3  # that `mistaken` shows


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
        colour = COLOURS["right"] if right[i] else COLOURS["wrong"]
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


def sentences(
    texts: Sequence[str], answers: Mapping[str, Sequence[tuple[str, bool]]], *, width: int = 90, ax: Axes | None = None
) -> Axes:
    """Texts one below the other, two lines of each at most, and what was answered: a gallery for texts.

    Parameters
    ----------
    texts : sequence of N str
    answers : mapping of who answered to N pairs (answer, whether it is right)
        Green where it is, red where not.
    width : int
        Characters in a line; an answer has half of it.
    """
    ax = ax or plt.gca()
    line, plain = 0.0, {"va": "top", "parse_math": False}  # a price in dollars is no formula
    for i, text in enumerate(texts):
        told = textwrap.wrap(" ".join(text.split()), width, max_lines=2, placeholder=" …")
        ax.text(0, line, "\n".join(told), fontsize=8.5, **plain)
        line += len(told)
        for place, (who, said) in enumerate(answers.items()):
            answer, right = said[i]
            answer = answer if len(answer) <= width // 2 else answer[: width // 2 - 1] + "…"
            shade = COLOURS["right" if right else "wrong"]
            ax.text(0.02 + place / len(answers), line, f"{who}: {answer}", fontsize=7.5, color=shade, **plain)
        line += 1.3
    ax.set(xlim=(0, 1), ylim=(max(line, 1.0), 0))
    ax.set_axis_off()
    return ax


def mistaken(
    pair: tuple[int, int],
    teacher: Tensor,
    student: Tensor,
    examples: Tensor | Sequence[str],
    labels: Tensor,
    classes: Sequence[str],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Some examples of one class, first those that teacher or student take for another, and how many there are.

    Under each the teacher's answer, then the student's: green where right, red where wrong.

    Parameters
    ----------
    pair : the examples' class, and the other
    teacher, student : Tensor, shape (N,)
        What they predict.
    examples : Tensor of shape (N, 1, H, W), or sequence of N str
    labels : Tensor, shape (N,)
    classes : names of the C classes
    """
    ax = ax or plt.gca()
    own, other = pair
    rows = (labels == own).nonzero().squeeze(1)
    by_teacher, by_student = teacher[rows] == other, student[rows] == other
    pictures = isinstance(examples, Tensor)
    shown = rows[(by_teacher | by_student).long().argsort(descending=True, stable=True)]
    shown = shown[: IMAGES if pictures else TEXTS].tolist()
    answers = {
        who: [(classes[predicted[row]], bool(predicted[row] == own)) for row in shown]
        for who, predicted in (("teacher", teacher), ("student", student))
    }
    if pictures:
        captions, right = ([said[part] for said in answers["teacher"]] for part in (0, 1))
        gallery(examples[shown], captions, right, columns=IMAGES, ax=ax).set_anchor("W")
        for text, (answer, right) in zip(list(ax.texts), answers["student"], strict=True):
            below = ax.annotate(answer, text.get_position(), xytext=(0, -12), textcoords="offset points", fontsize=9)
            below.set(color=COLOURS["right" if right else "wrong"], ha="center", va="top")
    else:
        sentences([examples[row] for row in shown], answers, ax=ax)
    said = f"{classes[own]}: of {len(rows):,}, the teacher takes {by_teacher.sum()} for {classes[other]}, "
    ax.set_title(textwrap.fill(f"{said}the student {by_student.sum()}", 95), y=1, fontsize=9, fontweight="normal")
    return ax
