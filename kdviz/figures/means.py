"""Mean logits of one class, teacher's beside students'."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from kdviz.arguments import finite, names, whole
from kdviz.figures.look import COLOURS, on


def class_means(
    teacher: Tensor, students: Tensor, classes: Sequence[str], unseen: int, *, ax: Axes | None = None
) -> Axes:
    """The mean logit of one class on the images of each class, student's against teacher's: on the line they agree.

    A class is written at the students' mean, and each student is a dot; the class they never saw has their colour.

    Parameters
    ----------
    teacher : Tensor, shape (C,)
        Mean logit of the unseen class, by the images' label.
    students : Tensor, shape (students, C)
    classes : names of the C classes
    unseen : int
    """
    ax = on(ax)
    sizes: dict[str, int] = {}
    theirs = finite("teacher", teacher, "C", sizes).double().numpy()
    ours = finite("students", students, "students C", sizes).double().numpy()
    classes, unseen = names(classes, sizes["C"]), whole("unseen", unseen, 0)
    ends = [min(theirs.min(), ours.min()), max(theirs.max(), ours.max())]
    ax.plot(ends, ends, "--", color=COLOURS["teacher"], lw=1.2, label="as the teacher")
    order = ours.mean(0).argsort().argsort()
    for i, name in enumerate(classes):
        aside = (11, -12) if order[i] % 2 else (-11, 3)  # below the line and above it in turn: neighbours keep apart
        colour = COLOURS["student"] if i == unseen else "0.35"
        ax.plot(np.full(len(ours), theirs[i]), ours[:, i], ".", color=colour, alpha=0.6, markersize=6)
        look = {"fontsize": 15 if i == unseen else 11, "fontweight": "bold", "color": colour, "parse_math": False}
        ax.annotate(name, (theirs[i], ours[:, i].mean()), xytext=aside, textcoords="offset points", ha="center", **look)
    falls = {"arrowstyle": "->", "color": COLOURS["student"], "lw": 1.6}
    ax.annotate("", (theirs[unseen], ours[:, unseen].mean()), (theirs[unseen], theirs[unseen]), arrowprops=falls)
    ax.set(xlabel=f"teacher: mean logit of {classes[unseen]}", ylabel=f"students: mean logit of {classes[unseen]}")
    ax.legend(loc="upper left")
    return ax
