"""An explorer of notebook 14: how sure must an exit be before an image leaves there, and what that costs."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures
from kdviz.arguments import finite, indices, mapping, names, told
from kdviz.explorers.view import View, packed, sprite

SURE = [0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0]
SHOWN = 40  # images


def exits(
    nets: Mapping[str, tuple[Tensor, Tensor]],
    costs: Sequence[float],
    images: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    *,
    net: str,
    sure: float,
) -> View:
    """Accuracy against the operations an image takes, as the wanted confidence turns; and which images leave where.

    An image leaves at the first exit whose largest probability is at least ``sure``; at 1 all go to the last.

    Parameters
    ----------
    nets : mapping of name to (doubts, predicted), each of shape (exits, N)
        One minus the largest probability, and the class, at each exit, the last one deepest.
    costs : sequence of numbers, one an exit
        Operations up to it, rising.
    images : Tensor, shape (M, 1 or 3, H, W)
        Of the first M of the N examples: 40 of them are shown.
    labels : Tensor, shape (N,)
    classes : names of the C classes
    net, sure : str, float
        Where it opens; ``sure`` one of :data:`SURE`.
    """
    classes, costs = names(classes), finite("costs", costs, "exits").tolist()
    sizes = {"exits": len(costs), "N": len(labels)}
    labels = indices("labels", labels, "N", sizes, len(classes))
    nets = mapping("nets", nets, "(doubts, predicted)")
    if costs != sorted(costs) or costs[0] <= 0:
        raise ValueError(f"costs must be above 0 and rise from exit to exit, not {costs}")
    if net not in nets or sure not in SURE:
        said = ", ".join(f"{one:g}" for one in SURE)
        raise ValueError(f"it opens at one of {', '.join(nets)} and of {said}, not at {told(net)}, {told(sure)}")
    doubts = {name: finite(f"doubts of {name!r}", of[0], "exits N", sizes).float() for name, of in nets.items()}
    called = {
        name: indices(f"predicted of {name!r}", of[1], "exits N", sizes, len(classes)) for name, of in nets.items()
    }
    colours = figures.look.colours_of(nets) | {name: figures.WITHOUT[name] for name in nets if name in figures.WITHOUT}

    def still(figure: Figure, net: str, sure: float) -> None:
        left, right = figure.subplots(1, 2, width_ratios=[1.4, 1])
        for name in nets:
            path = [taken(doubts[name], called[name], labels, costs, one) for one in SURE]
            wide = 2.6 if name == net else 1.2
            left.plot(*zip(*path, strict=True), "o-", ms=3, lw=wide, color=colours[name], label=name)
        left.plot(*taken(doubts[net], called[net], labels, costs, sure), "o", ms=11, color=colours[net], mec="black")
        left.set(xlabel="operations an image, % of all", ylabel="% of images right", title=f"Sure at {sure:g}")
        left.legend()
        counts = np.bincount(leaves_at(doubts[net], sure).numpy(), minlength=len(costs))
        right.bar(range(1, len(costs) + 1), 100 * counts / len(labels), color=colours[net])
        right.set(xlabel="exit", ylabel="% of images that leave there", xticks=range(1, len(costs) + 1), ylim=(0, 100))

    data = {
        "sure": SURE,
        "costs": [round(cost / costs[-1], 5) for cost in costs],
        "nets": {name: {"doubts": packed(doubts[name]), "called": packed(called[name], "uint8")} for name in nets},
        "labels": packed(labels, "uint8"),
        "images": sprite(images[:SHOWN]),
        "classes": classes,
        "colours": colours,
    }
    return View("exits", data, still, (10, 3.8), net=net, sure=sure)


def leaves_at(doubts: Tensor, sure: float) -> Tensor:
    """At which exit, from 0, each example leaves, shape (N,): the first that is sure enough; at 1 the last."""
    enough = doubts <= np.float32(1 - sure) if sure < 1 else torch.zeros_like(doubts, dtype=torch.bool)
    return torch.cat([enough[:-1], torch.ones_like(enough[-1:])]).int().argmax(0)


def taken(doubts: Tensor, called: Tensor, labels: Tensor, costs: Sequence[float], sure: float) -> tuple[float, float]:
    """Operations an example, in % of those up to the last exit, and % of the examples right."""
    at = leaves_at(doubts, sure)
    right = called[at, torch.arange(len(at))] == labels
    share = torch.tensor(costs, dtype=torch.float64)[at].mean().item() / costs[-1]
    return 100 * share, 100 * right.double().mean().item()
