"""Networks that grow smaller: how far from the teacher on the way, how wide at the end, on what grid of weights."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from kdviz.arguments import finite, mapping, several
from kdviz.figures.curves import by_setting
from kdviz.figures.look import COLOURS, check_colours, on, plain

SMALLER = {  # one colour for each way to a smaller network
    "pruned while taught": COLOURS["student"],
    "cut at the first step": "#332288",
    "fair cut": "#E6B800",
    "random start": COLOURS["another teacher"],
    "small net": COLOURS["hints"],
    "in half the time": "#999933",
    "train, prune, fine-tune": "#8B5A2B",
    "very short": "#44AA99",
    "stretched": "#882255",
    "late": "#8577D9",
}
SCORED = {  # who chooses the neurons, on the slow way; that of sensitivity is the main one
    "sensitivity": COLOURS["student"],
    "PLATON": "#8577D9",
    "magnitude": "#44AA99",
    "random": "#882255",
}
TAUGHT = {  # what teaches, on the slow way
    "teacher's answers": COLOURS["student"],
    "answers and labels": "#8577D9",
    "answers and hidden layer": "#44AA99",
    "labels alone": COLOURS["hard labels"],
}
ROUNDED = {  # and to one of fewer bits
    "rounded after training": "#332288",
    "rounded after training, a scale per row": COLOURS["weak teacher"],
    "trained rounded, on labels": COLOURS["hard labels"],
    "trained rounded, on its old self": COLOURS["student"],
    "levels at quantiles, not learned": "#AA4499",
    "levels learned, weights left": "#E6B800",
    "levels learned, a tenth of the rate": "#999933",
    "C start, labels alone": COLOURS["hard labels"],
    "C start, old self": COLOURS["student"],
    "C start, labels and old self": COLOURS["student"],
    "C start, labels and larger net": COLOURS["another teacher"],
    "B start, labels and larger net": COLOURS["another teacher"],
    "A, with larger net": COLOURS["another teacher"],
    "B start, labels alone": COLOURS["hard labels"],
    "labels alone": COLOURS["hard labels"],
    "labels and larger net": COLOURS["another teacher"],
}


ASIDE = 1.025  # neighbours at one setting of a logarithmic axis stand this factor apart


def discrepancy(
    histories: Mapping[str, Sequence[Mapping]], colours: Mapping[str, str] = SMALLER, *, ax: Axes | None = None
) -> Axes:
    """KL(teacher ‖ student) along the training, logarithmic: a faint line a seed, their mean in bold.

    Parameters
    ----------
    histories : mapping of name to one :attr:`kdviz.Run.history` a seed
        Each with ``kl_epoch`` and ``train_kl``, the same times within a name.
    colours : mapping of name to colour
    """
    ax = on(ax)
    histories = mapping("histories", histories, "histories")
    check_colours(colours, histories)
    for name, seeds in histories.items():
        seeds = several(f"{name!r} of histories", seeds, "run.history, one a seed")
        if not all(isinstance(one, Mapping) and one.get("train_kl") for one in seeds):
            raise ValueError(f"{name!r} of histories has no train_kl: its students have no teacher, or an old run")
        curves = finite(f"train_kl of {name!r}", [one["train_kl"] for one in seeds], "seeds times").double()
        for curve in curves.tolist():
            ax.plot(seeds[0]["kl_epoch"], curve, color=colours[name], lw=0.8, alpha=0.35)
        ax.plot(seeds[0]["kl_epoch"], curves.mean(0).tolist(), color=colours[name], lw=2.6, label=name)
    ax.set(yscale="log", xlabel="epoch", ylabel="KL from the teacher, nats")
    plain(ax.legend())
    return ax


def on_grid(weights: Tensor, rounded: Tensor, *, colour: str = COLOURS["student"], ax: Axes | None = None) -> Axes:
    """A histogram of weights, and how many of the rounded ones lie on each level; few levels have a bar each.

    The bins follow the weights in full precision alone, so that beside other rounded ones they look the same.

    Parameters
    ----------
    weights, rounded : Tensor, of any shape
        Of one layer: as they were in full precision, and as they are used.
    colour : of the levels
    """
    ax = on(ax)
    before, after = (np.asarray(finite(name, each.flatten(), "weights")) for name, each in
                     (("weights", weights), ("rounded", rounded)))  # fmt: skip
    most = 1.05 * max(np.abs(before).max(), np.abs(after).max())
    own = 1.05 * np.abs(before).max() or most or 1.0  # 81 bins; where the rounded ones reach further, more as wide
    bins = 2 * int(np.ceil(40.5 * most / own - 0.5)) + 1
    counts, edges = np.histogram(before, bins=bins, range=(-bins * own / 81, bins * own / 81))
    ax.stairs(100 * counts / len(before), edges, fill=True, color="0.75", label="full precision")
    levels, many = np.unique(after, return_counts=True)
    if len(levels) <= 31:
        ax.vlines(levels, 0, 100 * many / len(after), color=colour, lw=4, label="on its level")
    else:
        counts, _ = np.histogram(after, bins=edges)
        ax.stairs(100 * counts / len(after), edges, color=colour, lw=1.6, label="rounded")
    ax.set(xlim=(-most, most), ylim=(0, None), xlabel="weight", ylabel="% of the weights")
    return ax


def by_bits(
    bits: Sequence[int], groups: Mapping[str, Tensor], colours: Mapping[str, str] = ROUNDED, *, ax: Axes | None = None
) -> Axes:
    """A share in % against the bits of a weight, logarithmic; groups stand side by side, so that none hides another.

    Parameters
    ----------
    bits : sequence of B numbers
    groups : mapping of name to Tensor of shape (nets, B)
    colours : mapping of name to colour
    """
    ax, apart = on(ax), 0.07
    for place, (name, values) in enumerate(mapping("groups", groups, "values by bits").items()):
        aside = apart * (place - (len(groups) - 1) / 2)
        by_setting([b + aside for b in bits], {name: values}, colours, ax=ax)
    ax.set(yscale="log", xlabel="bits of a weight")
    plain(ax.legend(title="mean, 95 % interval over nets, a dot a net", alignment="left"))
    return plain_ticks(ax, bits)


def plain_ticks(ax: Axes, settings: Sequence[float]) -> Axes:
    """Ticks of x at the settings, and of a logarithmic y at 1, 2 and 5 times powers of ten, as plain numbers."""
    ax.set_xticks(list(settings), [f"{one:g}" for one in settings])
    if ax.get_yscale() == "log":
        low, high = ax.get_ylim()
        marks = [m * 10.0**e for e in range(-4, 6) for m in (1, 2, 5) if low <= m * 10.0**e <= high]
        ax.set_yticks(marks, [f"{mark:g}" for mark in marks])
    ax.minorticks_off()
    return ax


def side_by_side(
    settings: Sequence[float],
    groups: Mapping[str, Tensor],
    colours: Mapping[str, str] = SMALLER,
    *,
    ax: Axes | None = None,
) -> Axes:
    """As :func:`kdviz.figures.by_setting` on a logarithmic axis, the groups a little beside each other at each setting.

    Parameters
    ----------
    settings : sequence of S positive numbers
    groups : mapping of name to Tensor of shape (seeds, S)
    colours : mapping of name to colour

    Raises
    ------
    ValueError
        A setting that is not above 0; a name without a colour.
    """
    ax, settings = on(ax), finite("settings", settings, "S").double()
    if not (settings > 0).all():
        raise ValueError(f"settings stand on a logarithmic axis and must be above 0, not {settings.min().item():g}")
    check_colours(colours, mapping("groups", groups, "tensors"))
    for i, (name, values) in enumerate(groups.items()):
        by_setting((settings * ASIDE ** (i - (len(groups) - 1) / 2)).tolist(), {name: values}, colours, ax=ax)
    ax.set_xscale("log")
    plain_ticks(ax, settings.tolist())
    ax.legend(title="mean, 95 % interval; a dot a seed")
    return ax


def layers(
    networks: Mapping[str, Sequence[int]], colours: Mapping[str, str], whole: Sequence[int], *, ax: Axes | None = None
) -> Axes:
    """Hidden layers drawn as wide as they are, a network a row; pale behind each, what the whole network has.

    Parameters
    ----------
    networks : mapping of name to neurons of each hidden layer
    colours : mapping of name to colour
    whole : neurons of each hidden layer of the network that all come from
    """
    ax = on(ax)
    check_colours(colours, networks)
    for row, (name, sizes) in enumerate(mapping("networks", networks, "numbers of neurons").items()):
        for depth, (size, most) in enumerate(zip(sizes, whole, strict=True)):
            place = row + 0.36 * (depth - (len(whole) - 1) / 2)
            ax.barh(place, most, 0.3, left=-most / 2, color="0.92")
            ax.barh(place, size, 0.3, left=-size / 2, color=colours[name])
            ax.annotate(f"{size}", (size / 2, place), xytext=(4, 0), textcoords="offset points", va="center")
    ax.set_yticks(range(len(networks)), list(networks), parse_math=False)
    ax.set(ylim=(len(networks) - 0.4, -0.6), xticks=[], xlabel="neurons of each hidden layer")
    return ax
