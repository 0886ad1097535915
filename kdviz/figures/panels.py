"""Several scores of the same groups side by side, a panel each: what one of them wins, another may lose."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from kdviz import measures
from kdviz.arguments import mapping, told
from kdviz.figures.look import check_colours, colours_of, plain

# Score: what its axis is called, its factor, decimals of the means, and which way is better.
PANELS = {
    "accuracy": ("accuracy, %", 100, 1, "→"),
    "agreement": ("agreement with the teacher, %", 100, 1, "→"),
    "correlation": ("ties lost: mean |correlation difference|", 1, 3, "←"),
    "kl": ("KL from the teacher, nats", 1, 3, "←"),
    "ece": ("calibration error (ECE), %", 100, 1, "←"),
}


def score_panels(
    groups: Mapping[str, Sequence[Mapping[str, float]]],
    scores: Sequence[str] = ("accuracy", "agreement", "correlation"),
    *,
    colours: Mapping[str, str] | None = None,
    axes: Sequence[Axes] | None = None,
) -> Sequence[Axes]:
    """A panel a score and a row a group: a dot for each seed, the mean, and its 95 % interval over seeds.

    Parameters
    ----------
    groups : mapping of name to one :func:`kdviz.measures.scores` a seed
    scores : sequence of str
        Which: among accuracy, agreement, correlation, kl and ece. An arrow says which way is better.
    colours : mapping of name to colour, optional
    axes : sequence of Axes, one a score
        By default those of a new figure, beside each other.

    Raises
    ------
    ValueError
        An unknown score, a group that lacks one, or other than one Axes a score.
    """
    groups = mapping("groups", groups, "scores, one a seed")
    if unknown := [name for name in scores if name not in PANELS]:
        raise ValueError(f"no panel for {told(unknown[0])}: choose among {', '.join(PANELS)}")
    if axes is None:
        axes = plt.subplots(1, len(scores), figsize=(4.3 * len(scores), 1.6 + 0.5 * len(groups)), sharey=True)[1]
    axes = np.atleast_1d(np.asarray(axes, dtype=object)).tolist()
    if len(axes) != len(scores):
        raise ValueError(f"{len(scores)} scores need as many axes, and {len(axes)} were given")
    colours = colours_of(groups) if colours is None else colours
    check_colours(colours, groups)
    for ax, score in zip(axes, scores, strict=True):
        said, factor, digits, better = PANELS[score]
        for row, (name, seeds) in enumerate(groups.items()):
            if lacking := [one for one in seeds if score not in one]:
                raise ValueError(f"{name!r} has no {score!r}: {told(lacking[0])}")
            _row(ax, row, [factor * one[score] for one in seeds], digits, colours[name])
        ax.set(xlabel=f"{said}  ({better} better)", ylim=(len(groups) - 0.5, -0.75))
        ax.margins(x=0.12)
        ax.grid(axis="x")
    axes[0].set_yticks(range(len(groups)), list(groups))
    plain(axes[0])
    return axes


def _row(ax: Axes, row: int, values: Sequence[float], digits: int, colour: str) -> None:
    mean, half = measures.mean_and_interval(values)
    ax.plot(values, [row] * len(values), "o", color=colour, alpha=0.45, markersize=6)
    ax.errorbar(mean, row - 0.24, xerr=half, fmt="s", color=colour, capsize=4, markersize=6)
    ax.annotate(f"{mean:.{digits}f}", (mean, row - 0.24), xytext=(0, 6), textcoords="offset points", ha="center")
