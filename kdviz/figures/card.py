"""One student, or its seeds, on one page: the scores, and the four pictures behind them."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import measures
from kdviz.figures.calibration import reliability
from kdviz.figures.correlation import heat_map, shared_bar
from kdviz.figures.fidelity import agreement_against_accuracy
from kdviz.figures.groups import by_class
from kdviz.figures.look import COLOURS, colours_of

MANY = 20  # classes: more are not drawn a bar each


def card(
    scores: Mapping[str, Sequence[Mapping[str, float]]],
    students: Sequence[Tensor],
    teacher: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    *,
    figure: Figure | None = None,
) -> Figure:
    """Scores as a table; agreement against accuracy; calibration; correlation difference; the classes missed.

    Parameters
    ----------
    scores : mapping of name to one :func:`kdviz.measures.scores` a seed
        The student first, under whatever name, then what it is to be read beside.
    students : sequence of Tensor of shape (N, C)
        The student's logits, one a seed.
    teacher : Tensor, shape (N, C)
    labels : Tensor, shape (N,)
    classes : names of the C classes
    figure : Figure, optional
        By default a new one, 12 by 7.5 inches.
    """
    figure = figure or plt.figure(figsize=(12, 7.5))
    names = [textwrap.shorten(name, 14, placeholder="…") if " " in name else name[:14] for name in map(str, classes)]
    table, cloud, reliable, ties, missed = _places(figure, max(map(len, names)) if len(names) <= MANY else 0)
    _table(measures.score_table(scores), table)
    _cloud(scores, measures.accuracy(teacher, labels), cloud)
    answers = {"teacher": [teacher], "student": students}
    reliability({name: [_sure(logits, labels) for logits in some] for name, some in answers.items()}, ax=reliable)
    reliable.set(title="Is it as right as it is sure?")
    _ties(students, teacher, names, ties)
    _missed(answers, labels, names, missed)
    return figure


def _places(figure: Figure, longest: int) -> list[Axes]:
    """Two axes above three, each with its room: a layout that is worked out would take as long as drawing does.

    ``longest`` is the length of the longest class's name, which stands upright below the last two.
    """
    figure.set_layout_engine("none")
    above = figure.add_gridspec(1, 2, width_ratios=[2.1, 1], left=0.02, right=0.985, bottom=0.59, top=0.88, wspace=0.16)
    low = 0.08 + 0.009 * max(longest - 2, 0)
    below = figure.add_gridspec(
        1, 3, width_ratios=[1, 1.15, 1.3], left=0.055, right=0.985, bottom=low, top=0.47, wspace=0.4
    )
    return [figure.add_subplot(place) for grid in (above, below) for place in grid]


def _table(told: pd.DataFrame, ax: Axes) -> None:
    ax.set_axis_off()
    ax.grid(False)
    told = told[(told != "–").any(axis=1)]
    widths = [0.3] + [0.7 / len(told.columns)] * len(told.columns)
    drawn = ax.table(
        [[row, *values] for row, values in zip(told.index, told.to_numpy(), strict=True)],
        colLabels=["", *(textwrap.fill(name, 14) for name in told.columns)], colWidths=widths, cellLoc="center",
        edges="horizontal", bbox=[0, 0, 1, 1],
    )  # fmt: skip
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(9)
    for (row, column), cell in drawn.get_celld().items():
        cell.set_edgecolor("0.85")
        if row == 0:
            cell.set_height(1.6 * cell.get_height())
        if row == 0 or column == 1:
            cell.set_text_props(fontweight="bold")
        if column == 0:
            cell.PAD = 0.01
            cell.set_text_props(ha="left")


def _cloud(scores: Mapping[str, Sequence[Mapping[str, float]]], teacher_accuracy: float, ax: Axes) -> None:
    rows = [{"varied": name, **one} for name, seeds in scores.items() for one in seeds if "agreement" in one]
    agreement_against_accuracy(pd.DataFrame(rows), teacher_accuracy, colours=colours_of(scores), ax=ax)
    ax.set(title="Is it like its teacher?")
    ax.legend(loc="upper left", fontsize=8, labelspacing=0.2)


def _ties(students: Sequence[Tensor], teacher: Tensor, classes: Sequence[str], ax: Axes) -> None:
    ax.set(title="Which ties does it lose?")
    try:
        own, *others = (measures.logit_correlation(logits, center=True) for logits in (teacher, *students))
    except ValueError:  # a logit that is the same for every example
        ax.text(0.5, 0.5, "a class's logit never changes:\nit has no correlation", ha="center", transform=ax.transAxes)
        ax.set_axis_off()
        return
    difference = own - torch.stack(others).mean(0)
    limit = max(difference.abs().max().item(), 0.005)  # what is smaller is white
    heat_map(difference, classes, order=measures.class_order(own), limit=limit, ax=ax)
    ax.set_xlabel("r of the teacher − the student's", fontsize=10)
    shared_bar(ax, "")


def _missed(answers: Mapping[str, Sequence[Tensor]], labels: Tensor, classes: Sequence[str], ax: Axes) -> None:
    """Bars for up to 20 classes; of more, the student's and the teacher's shares against each other."""
    shares = {name: torch.stack([_missed_shares(logits, labels) for logits in some]) for name, some in answers.items()}
    ax.set(title="Which classes does it miss, %?")
    _say_absent(shares["teacher"][0], classes, ax)
    if len(classes) > MANY:
        ax.plot(shares["teacher"][0], shares["student"].mean(0), "o", color=COLOURS["student"], alpha=0.6)
        ax.axline((0, 0), slope=1, color="0.6", ls=":")
        ax.set(xlabel="by the teacher, %", ylabel="by the student, %")
        return
    by_class(shares, classes, COLOURS, ax=ax).legend(ncols=2, loc="upper left")
    ax.set_ylim(0, 1.2 * max(ax.get_ylim()[1], 1))  # the legend stands above the bars
    ax.tick_params(axis="x", rotation=90 if max(map(len, classes)) > 2 else 0)


def _say_absent(shares: Tensor, classes: Sequence[str], ax: Axes) -> None:
    absent = [name for name, share in zip(classes, shares.isnan().tolist(), strict=True) if share]
    if absent:
        told = textwrap.shorten("no example of " + ", ".join(absent), 60, placeholder=" …")
        ax.text(0.98, 0.02, told, ha="right", va="bottom", fontsize=8, transform=ax.transAxes, parse_math=False)


def _missed_shares(logits: Tensor, labels: Tensor) -> Tensor:
    counts = measures.confusion(logits.argmax(-1), labels, logits.shape[-1]).double()
    return 100 * (1 - counts.diagonal() / counts.sum(-1))  # 0 / 0: no number for a class without examples


def _sure(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    confidence, predicted = logits.double().softmax(-1).max(-1)
    return confidence, predicted == labels
