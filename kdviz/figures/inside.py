"""Where an encoder's places look, and what depth and width cost in time."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from torch import Tensor

from kdviz.arguments import columns, finite, mapping, tensors
from kdviz.figures.correlation import axes_of
from kdviz.figures.groups import by_seed, compared_with
from kdviz.figures.look import COLOURS, check_colours, on, plain

HELD, LOST = "#332288", COLOURS["student"]  # a start that holds its teacher's first layer, one that does not
COPIED = {  # one colour for each way to copy a teacher
    "teacher": COLOURS["teacher"],
    "teacher, trained on": COLOURS["teacher"],
    "bag of words": "#8B5A2B",
    "labels": COLOURS["hard labels"],
    "soft targets": COLOURS["student"],
    "all at once": COLOURS["hints"],
    "layer by layer": "#332288",
    "stacked": COLOURS["DIST"],
    "labels and masked words": COLOURS["hints"],
    "masked words first": COLOURS["DIST"],
    **dict.fromkeys(("all of it", "no hidden vectors", "no soft targets", "no labels"), LOST),
    **dict.fromkeys(("even layers", "even layers, 4×", "last half"), LOST),
    **dict.fromkeys(("first half", "first half, 4×", "odd layers"), HELD),
    **dict.fromkeys(("random start", "random start, 4×", "random start, 12×"), COLOURS["another teacher"]),
    "ready-made": COLOURS["another teacher"],
    "pruned while taught": "#882255",
    "pruned at once": "#882255",
    "half the depth": COLOURS["student"],
    "half the width": COLOURS["another teacher"],
    "narrow": COLOURS["weak teacher"],
}


def attention_map(attention: Tensor, words: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """One head's attention: a row is a place, a column what it looks at, from 0 (white) to 1.

    Parameters
    ----------
    attention : Tensor, shape (L, L)
        Each row a distribution.
    words : sequence of L str
    """
    ax = on(ax)
    numbers = finite("attention", attention, "L L").double().numpy()
    if len(words) != len(numbers):
        raise ValueError(f"words must be {len(numbers)}, one for each row of attention, not {len(words)}")
    ax.imshow(numbers, cmap="Blues", vmin=0, vmax=1)
    size = 9 if len(words) < 16 else 7
    ax.set_xticks(range(len(words)), words, rotation=90, fontsize=size, parse_math=False)
    ax.set_yticks(range(len(words)), words, fontsize=size, parse_math=False)
    ax.tick_params(length=0)
    ax.grid(False)
    return ax


def attention_maps(maps: Mapping[str, Tensor], words: Sequence[str], *, axes: Sequence[Axes]) -> Sequence[Axes]:
    """The same head's attention in several nets, on the same sentence: :func:`attention_map`, a panel each.

    Parameters
    ----------
    maps : mapping of title to Tensor of shape (L, L)
    words : sequence of L str
    axes : sequence of as many Axes
    """
    maps = mapping("maps", maps, "attention")
    axes = axes_of(axes, len(maps))
    for place, (ax, (name, attention)) in enumerate(zip(axes, maps.items(), strict=True)):
        attention_map(attention, words, ax=ax).set_title(name, loc="center", fontsize=11, parse_math=False)
        ax.tick_params(axis="y", labelleft=place == 0)
    return axes


def by_choice(
    values: Mapping[tuple[int, ...], Sequence[float]], layer: int, *, lines: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """A value for each choice of layers: a dot a teacher, a bar at the median, the choices in the order of medians.

    Parameters
    ----------
    values : mapping of layers to values, one a teacher
    layer : int
        Choices that hold it have a colour of their own.
    lines : mapping of name to value, optional
        What all are compared with: a broken line each.
    """
    ax = on(ax)
    values = {
        choice: np.asarray(of) for choice, of in tensors("values", mapping("values", values, "values"), "N").items()
    }
    order = sorted(values, key=lambda choice: np.median(values[choice]))
    for place, choice in enumerate(order):
        colour = HELD if layer in choice else LOST
        ax.plot([place] * len(values[choice]), values[choice], "o", color=colour, alpha=0.45, markersize=5)
        ax.plot(place, np.median(values[choice]), "_", color=colour, markersize=16, markeredgewidth=2.4)
    compared_with(lines, ax.axhline)
    for colour, said in ((HELD, f"layer {layer} among them"), (LOST, f"without layer {layer}")):
        ax.plot([], [], "o", color=colour, label=said)
    ax.set_xticks(range(len(order)), [" ".join(map(str, choice)) for choice in order], rotation=90)
    ax.set(xlabel="layers copied; a dot: one teacher, a bar: their median", xlim=(-0.5, len(order) - 0.5))
    plain(ax.legend(loc="upper left", bbox_to_anchor=(0.02, 0.9)))
    return ax


def apart_inside(
    apart: Mapping[str, pd.DataFrame], colours: Mapping[str, str] = COPIED, *, axes: Sequence[Axes]
) -> Sequence[Axes]:
    """How far students are from their teachers inside: attention rows and hidden vectors, a dot a teacher.

    Parameters
    ----------
    apart : mapping of name to DataFrame
        As :func:`kdviz.runs.insides.insides` gives it, a row a teacher.
    axes : two Axes
    """
    told = {"attention": "KL of attention rows, nats", "hidden": "1 − cosine of hidden vectors"}
    axes = axes_of(axes, 2)
    for ax, (part, said) in zip(axes, told.items(), strict=True):
        for name, table in mapping("apart", apart, "data frame").items():
            columns(f"{name!r} of apart", table, told)
        parts = {name: table[part] for name, table in apart.items()}
        by_seed(parts, colours=colours, unit="teacher", middle="median", digits=2, ax=ax)
        ax.set(xlabel=f"{said}, test sequences", xlim=(0, None))
        ax.get_legend().set_visible(ax is axes[0])
    axes[1].tick_params(axis="y", labelleft=False)
    return axes


def answer_times(
    times: Mapping[str, Tensor], batches: Sequence[int], colours: Mapping[str, str] = COLOURS, *,
    ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """How long each net takes to answer batches, as a share of the first net's time: a bar for each net and batch.

    A bar is the fastest round, as others may use the machine, too; a dot is a round, those far slower are left out.

    Parameters
    ----------
    times : mapping of name to Tensor of shape (rounds, B)
        In milliseconds, a column for each batch.
    batches : sequence of B int
    colours : mapping of name to colour
    """
    ax = on(ax)
    sizes = {"B": len(batches)}
    times = tensors("times", mapping("times", times, "milliseconds"), "rounds B", sizes)
    check_colours(colours, times)
    width, first = 0.8 / len(times), next(iter(times.values())).double().amin(0)
    for i, (name, values) in enumerate(times.items()):
        place = np.arange(len(batches)) + (i - (len(times) - 1) / 2) * width
        shares = (values.double() / first).numpy()
        ax.bar(place, shares.min(0), width, color=colours[name], label=name)
        ax.plot(place, shares.T, ".", color="black", alpha=0.6, markersize=4)
        for x, value in zip(place, values.amin(0).tolist(), strict=True):
            said = f"{value:.1f} ms", (x, 0), (0, 5)  # at the foot of its bar, where no dot lies
            ax.annotate(
                *said,
                textcoords="offset points",
                ha="center",
                path_effects=[withStroke(linewidth=3, foreground="white")],
            )
    ax.set_xticks(range(len(batches)), [f"{batch} at a time" for batch in batches])
    top = max(float((values.amin(0) / first).max()) for values in times.values())
    ax.set(ylabel=f"time, {next(iter(times))} = 1", ylim=(0, 1.3 * top))
    ax.plot([], [], ".", color="black", alpha=0.6, label="one round; bar: fastest")
    plain(ax.legend(loc="upper left", bbox_to_anchor=(1, 1)))
    return ax
