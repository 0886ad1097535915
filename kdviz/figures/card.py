"""One student, or its seeds, on one page: the scores, and the four pictures behind them."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from torch import Tensor

from kdviz import measures
from kdviz.arguments import indices, logits, mapping, several, told
from kdviz.arguments import names as given_names
from kdviz.figures.calibration import reliability
from kdviz.figures.correlation import heat_map, shared_bar
from kdviz.figures.fidelity import agreement_against_accuracy
from kdviz.figures.groups import by_class
from kdviz.figures.look import COLOURS, colours_of, plain

MANY = 20  # classes: more are not drawn a bar each


def card(
    scores: Mapping[str, Sequence[Mapping[str, float]]],
    students: Sequence[Tensor],
    teacher: Tensor | measures.TopK,
    labels: Tensor,
    classes: Sequence[str],
    *,
    against: Sequence[str] = (),
    figure: Figure | None = None,
) -> Figure:
    """Scores as a table; agreement against accuracy; calibration; correlation difference; the classes missed.

    Parameters
    ----------
    scores : mapping of name to one :func:`kdviz.measures.scores` a seed
        The student first, under whatever name, then what it is to be read beside.
    students : sequence of Tensor of shape (N, C)
        The student's logits, one a seed.
    teacher : Tensor, shape (N, C), or TopK
        Of a top k neither calibration nor correlations are drawn: they are of all logits.
    labels : Tensor, shape (N,)
    classes : names of the C classes
    against : sequence of str
        Names among the scores that the student is compared with, a column of verdicts each:
        :func:`kdviz.measures.verdict_table`.
    figure : Figure, optional
        By default a new one, 12 by 7.5 inches.
    """
    if not isinstance(figure, FigureBase | None):
        raise ValueError(f"figure must be a matplotlib Figure, or None for a new one, not {told(figure)}")
    sizes: dict[str, int] = {}
    whole = not isinstance(teacher, measures.TopK)
    teacher = logits("teacher", teacher, "N C", sizes) if whole else teacher
    students = [logits("a student", one, "N C", sizes) for one in several("students", students, "logits, one a seed")]
    labels = indices("labels", labels, "N", sizes, sizes["C"])
    scores = {name: _seeds(name, seeds) for name, seeds in mapping("scores", scores, "scores, one a seed").items()}
    figure = figure or plt.figure(figsize=(12, 7.5))
    classes = given_names(classes, sizes["C"])
    names = [textwrap.shorten(name, 14, placeholder="…") if " " in name else name[:14] for name in classes]
    table, cloud, reliable, ties, missed = _places(figure, max(map(len, names)) if len(names) <= MANY else 0)
    shown = measures.score_table(scores)
    verdicts = measures.verdict_table(scores, against).add_prefix("against ")
    _table(shown.join(verdicts)[(shown != "–").any(axis=1)], len(shown.columns), table)
    _notes(scores, against, table)
    teacher = teacher if whole else teacher.spread(len(classes))
    _cloud(scores, measures.accuracy(teacher, labels), cloud)
    answers = {"teacher": [teacher], "student": students}
    drawn = answers if whole else {"student": students}
    reliability({name: [_sure(logits, labels) for logits in some] for name, some in drawn.items()}, ax=reliable)
    reliable.set(title="Is it as right as it is sure?")
    reliable.legend(loc="lower right", fontsize=7.5, labelspacing=0.2, handlelength=1.2)
    _ties(students, teacher, names, ties)
    _missed(answers, labels, names, missed)
    for ax in (cloud, reliable, ties, missed):
        ax.set_title(ax.get_title(loc="left") or ax.get_title(), fontsize=10)
        ax.set_anchor("N")  # a square one stands at the top of its place: the titles are in one line
        ax.xaxis.label.set_size(9.5)
        ax.yaxis.label.set_size(9.5)
    for ax in figure.axes[1:]:  # the bar of colours among them
        ax.tick_params(axis="y", labelsize=8.5)
    for ax in (cloud, reliable):
        ax.tick_params(axis="x", labelsize=8.5)
    return figure


def _seeds(name: str, given: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    if not isinstance(given, list | tuple) or not given or not all(isinstance(one, Mapping) for one in given):
        raise ValueError(f"{name!r} of scores must be a list of kdviz.measures.scores, one a seed, not {told(given)}")
    return list(given)


def _places(figure: Figure, longest: int) -> list[Axes]:
    """One place above four, each with its room: a layout that is worked out would take as long as drawing does.

    ``longest`` is the length of the longest class's name, which stands upright below the last two.
    """
    figure.set_layout_engine("none")
    above = figure.add_gridspec(1, 1, left=0.02, right=0.985, bottom=0.515, top=0.91)
    apart = 0.42 if longest else 0.68  # of many classes the last two have labels between them
    low = 0.085 + 0.009 * max(longest - 2, 0)
    below = figure.add_gridspec(
        1,
        4,
        width_ratios=[1, 1, 1.1, 1.1],
        left=0.06,
        right=0.985,
        bottom=low,
        top=0.395,
        wspace=apart,
    )
    return [figure.add_subplot(place) for grid in (above, below) for place in grid]


def _table(scores: pd.DataFrame, groups: int, ax: Axes) -> None:
    """The groups' scores, and the verdicts after them, which are written in longer words."""
    ax.set_axis_off()
    ax.grid(False)
    shares = [1.0] * groups + [1.3] * (len(scores.columns) - groups)
    widths = [0.21] + [0.79 * share / sum(shares) for share in shares]
    heads = [textwrap.fill(name, 16 if i < groups else 20) for i, name in enumerate(scores.columns)]
    rows = [[row, *values] for row, values in zip(scores.index, scores.to_numpy(), strict=True)]
    drawn = ax.table(
        rows, colLabels=["", *heads], colWidths=widths, cellLoc="center", edges="horizontal", bbox=[0, 0, 1, 1]
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(min(9.0, 63 / len(scores.columns)))  # seven columns have room for 9 points
    plain(drawn)
    for (row, column), cell in drawn.get_celld().items():
        cell.set_edgecolor("0.85")
        if row == 0:
            cell.set_height(1.6 * cell.get_height())
        if row == 0 or column == 1:
            cell.set_text_props(fontweight="bold")
        if column == 0:
            cell.PAD = 0.01
            cell.set_text_props(ha="left")


def _notes(scores: Mapping[str, Sequence[Mapping[str, float]]], against: Sequence[str], ax: Axes) -> None:
    """What the verdicts mean, and how the temperature was fitted."""
    notes = []
    if against:
        notes.append(
            "better, worse: the 99 % interval of the difference from the student, paired by seed, leaves out 0; else "
            "about how many seeds it would take, were difference and spread as seen."
        )
    if any("fitted" in one for seeds in scores.values() for one in seeds):
        notes.append(
            "one scalar: the temperature that minimises NLL on one half of the test examples (random, stratified, "
            "fixed), scored on the other; both ways, averaged. Of half as many examples the ECE is larger by chance, "
            "so that the verdict beside it compares halves with halves."
        )
    lines = [line for note in notes for line in textwrap.wrap(note, 190)]
    ax.text(0, -0.03, "\n".join(lines), transform=ax.transAxes, va="top", fontsize=7.5, color="0.35", linespacing=1.25)


def _cloud(scores: Mapping[str, Sequence[Mapping[str, float]]], teacher_accuracy: float, ax: Axes) -> None:
    rows = [{"varied": name, **one} for name, seeds in scores.items() for one in seeds if "agreement" in one]
    colours = colours_of(name for name, seeds in scores.items() if any("agreement" in one for one in seeds))
    agreement_against_accuracy(pd.DataFrame(rows), teacher_accuracy, colours=colours, ax=ax)
    ax.set(title="Is it like its teacher?", xlabel="accuracy, %", ylabel="agreement with it, %")
    plain(ax.legend(loc="upper left", fontsize=8, labelspacing=0.2))


def _ties(students: Sequence[Tensor], teacher: Tensor, classes: Sequence[str], ax: Axes) -> None:
    ax.set(title="Which ties does it lose?")
    if not all(logits.isfinite().all() for logits in (teacher, *students)):
        ax.text(0.5, 0.5, "not every class has a logit:\nno correlation", ha="center", transform=ax.transAxes)
        ax.set_axis_off()
        return
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
    ax.set(title="Classes it misses, %")
    _say_absent(shares["teacher"][0], classes, ax)
    if len(classes) > MANY:
        ax.plot(shares["teacher"][0], shares["student"].mean(0), "o", color=COLOURS["student"], alpha=0.6)
        ax.axline((0, 0), slope=1, color="0.6", ls=":")
        ax.set(xlabel="by the teacher, %", ylabel="by the student, %")
        return
    plain(by_class(shares, classes, COLOURS, ax=ax).legend(ncols=2, loc="upper left", fontsize=9))
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
