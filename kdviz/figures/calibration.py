"""Whether confidence can be believed."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from kdviz import measures
from kdviz.arguments import finite, mapping, several, tensor, whole
from kdviz.figures.look import COLOURS, check_colours, on, plain

FEW = 20  # examples: a bin with fewer says nothing


def reliability(
    groups: Mapping[str, Sequence[tuple[Tensor, Tensor]]],
    *,
    bins: int = 15,
    colours: Mapping[str, str] = COLOURS,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy against confidence, with the ECE in the legend (Guo et al. 2017, figure 1).

    A line joins the bins of all seeds' examples taken together, those with fewer than 20 left out; the ECE is the mean
    over seeds with its 95 % interval. Below the diagonal a classifier is surer than it is right.

    Parameters
    ----------
    groups : mapping of name to a sequence of (confidence, right), one pair a seed
        Each a Tensor of shape (N,): the predicted class's probability, and whether it was the label.
    bins : int
    colours : mapping of name to colour
    """
    ax = on(ax)
    check_colours(colours)
    bins = whole("bins", bins, 1)
    ax.plot([0, 1], [0, 1], ":", color="0.4", lw=1.2)
    for name, given in mapping("groups", groups, "pairs (confidence, right)").items():
        seeds = [_pair(name, pair) for pair in several(f"{name!r} of groups", given, "pairs (confidence, right)")]
        mean, half = measures.mean_and_interval([100 * measures.calibration_error(*pair, bins) for pair in seeds])
        told = f"{name}: ECE {mean:.2f}" + (f" ± {half:.2f} %" if len(seeds) > 1 else " %")
        pooled = [torch.cat(parts) for parts in zip(*seeds, strict=True)]
        confidence, accuracy, count = measures.reliability_bins(*pooled, bins)
        said = count >= FEW
        at = confidence[said].numpy(), accuracy[said].numpy()
        ax.plot(*at, "o-", color=colours.get(name), markersize=5, lw=1.5, label=told)
    ax.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal", xlabel="confidence", ylabel="accuracy")
    plain(ax.legend(loc="lower right", fontsize=9, labelspacing=0.3))
    return ax


def _pair(name: str, given: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"{name!r} of groups must be a list of pairs (confidence, right), one a seed")
    sizes: dict[str, int] = {}
    return finite("confidence", given[0], "N", sizes), tensor("right", given[1], "N", sizes)
