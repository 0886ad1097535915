"""Deep networks: which of them train, how a hint attaches, and where the layers of several networks look."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from kdviz.arguments import finite, mapping, number, tensor, whole
from kdviz.figures.correlation import axes_of
from kdviz.figures.examples import image
from kdviz.figures.look import COLOURS, check_colours, on, plain
from kdviz.measures import FAILS

DEEP = {  # one colour for each way to train a deep network
    "labels": COLOURS["hard labels"],
    "soft targets": COLOURS["soft targets"],
    "hints, then soft targets": COLOURS["hints"],
    "hints, then labels": COLOURS["one-stage hints"],
    "hints, then fading targets": COLOURS["CRD + soft targets"],
    "untrained hints, then labels": COLOURS["never shown it, labels alone"],
    "untrained hints with He's start, then labels": COLOURS["another teacher"],
    "hint and labels in one stage": COLOURS["student"],
    "labels, rate 0.03": COLOURS["weak teacher"],
    "soft targets, rate 0.03": COLOURS["student of the weak teacher"],
    "AdamW": COLOURS["CRD"],
    "torch's start": COLOURS["hard labels"],
    "He's start": COLOURS["another teacher"],
    "shortcuts": COLOURS["teacher"],
    "BatchNorm": COLOURS["CRD"],
}


def trained_by_depth(
    wrong: Mapping[str, Mapping[int, Sequence[float]]], colours: Mapping[str, str] = DEEP, *, ax: Axes | None = None
) -> Axes:
    """% of the training images wrong against depth: a dot a network, a line through the medians, and where one fails.

    Parameters
    ----------
    wrong : mapping of way to mapping of depth to % wrong, one a seed
    colours : mapping of way to colour
    """
    ax = on(ax)
    check_colours(colours, mapping("wrong", wrong, "percentages by depth"))
    aside = 0.012 * (max(map(max, wrong.values())) - min(map(min, wrong.values())) or 1)
    for place, (name, by_depth) in enumerate(wrong.items()):
        shift = aside * (place - (len(wrong) - 1) / 2)
        found = {whole("a depth", d): finite(f"{name!r} at {d}", of, "seeds").tolist() for d, of in by_depth.items()}
        ax.plot(
            [d + shift for d in found], [float(np.median(of)) for of in found.values()], lw=2.4, color=colours[name]
        )
        for depth, values in found.items():
            ax.plot([depth + shift] * len(values), values, "o", ms=5, alpha=0.55, color=colours[name])
        ax.plot([], [], "o-", lw=2.4, color=colours[name], label=name)
    ax.axhspan(FAILS, 100, color="0.93", zorder=0)
    said = {"ha": "right", "va": "top", "color": "0.4", "transform": ax.get_yaxis_transform()}
    ax.text(0.99, 99, "fails: half or more are wrong", **said)
    ax.set(xlabel="layers", ylabel="% of training images wrong", ylim=(-3, 100))
    ax.set_xticks(sorted({d for of in wrong.values() for d in of}))
    ax.grid(axis="x", visible=False)
    plain(ax.legend())
    return ax


def spreads(by_layer: Mapping[str, Tensor], colours: Mapping[str, str] = DEEP, *, ax: Axes | None = None) -> Axes:
    """What is left of the differences between inputs, by layer, logarithmic: a line a network.

    Parameters
    ----------
    by_layer : mapping of name to Tensor of shape (networks, layers)
        As :func:`kdviz.measures.spread_by_layer` gives them.
    colours : mapping of name to colour
    """
    ax = on(ax)
    check_colours(colours, mapping("by_layer", by_layer, "spreads"))
    for name, values in by_layer.items():
        lines = finite(f"spreads of {name!r}", values, "networks layers").double().clamp(min=1e-8)
        for line in lines.tolist():
            ax.plot(range(1, len(line) + 1), line, color=colours[name], lw=1, alpha=0.5)
        ax.plot([], [], color=colours[name], lw=2.4, label=name)
    least = min(float(of.min()) for of in by_layer.values())
    ax.set(yscale="log", xlabel="layer", ylabel="spread of images / size of values", ylim=(max(least, 1e-8) / 3, 2))
    plain(ax.legend())
    return ax


def hint_sketch(depth: int, teacher: int, student: int, *, at: int, ax: Axes | None = None) -> Axes:
    """Teacher and student as rows of layers, the hint, the guided layer, and the regressor between them.

    Parameters
    ----------
    depth : int
        Layers of the student, more than the teacher's four.
    teacher, student : int
        Their widths.
    at : int
        The student's guided layer, from 1; the hint is the teacher's second.
    """
    ax = on(ax)
    if not 1 <= at <= whole("depth", depth, 5):
        raise ValueError(f"the guided layer is one of the {depth} of the student, not {at}")
    span = 10.0
    places = {"teacher": np.linspace(0, span, 4 + 2), "student": np.linspace(0, span, depth + 2)}
    for name, height, half, width in (("teacher", 2.6, 0.62, teacher), ("student", 0.0, 0.34, student)):
        xs, chosen = places[name], {"teacher": 2, "student": at}[name]
        for i, x in enumerate(xs):
            edge = name if 0 < i < len(xs) - 1 else ""
            _layer(ax, x, height, half if edge else 0.3, COLOURS.get(edge, "0.5"), filled=i == chosen)
            if i:
                ax.annotate("", (x - 0.16, height), (xs[i - 1] + 0.16, height), arrowprops={"arrowstyle": "->"})
        ax.text(-0.4, height, f"{name}\n{len(xs) - 2} layers\nof {width}", ha="right", va="center", color=COLOURS[name])
        ax.text(xs[0], height - 0.5, "image", ha="center", va="top", color="0.4")
        ax.text(xs[-1], height - 0.5, "answer", ha="center", va="top", color="0.4")
    hint, guided = places["teacher"][2], places["student"][at]
    arrow = {"arrowstyle": "-|>", "lw": 3, "color": COLOURS["hints"]}
    ax.annotate("", (hint, 1.9), (guided, 0.45), arrowprops=arrow)
    said = f"regressor: {(student + 1) * teacher:,} weights,\ndropped after stage one"
    ax.text(max(hint, guided) + 0.3, 1.2, said, va="center", color=COLOURS["hints"], fontweight="bold")
    ax.text(hint, 3.4, "hint", ha="center", color=COLOURS["hints"], fontweight="bold")
    ax.text(guided, -0.75, "guided layer", ha="center", color=COLOURS["hints"], fontweight="bold")
    ax.plot([-0.15, guided + 0.2], [-1.05, -1.05], color=COLOURS["hints"], lw=3)
    ax.text((guided + 0.2) / 2, -1.42, "stage one trains these", ha="center", color=COLOURS["hints"])
    ax.plot([-0.15, span + 0.2], [-1.75, -1.75], color=COLOURS["student"], lw=3)
    ax.text(span / 2, -2.12, "stage two trains all, on labels and soft targets", ha="center", color=COLOURS["student"])
    ax.set(xlim=(-2.1, span + 0.6), ylim=(-2.35, 3.8))
    ax.set_axis_off()
    return ax


def _layer(ax: Axes, x: float, y: float, half: float, colour: str, *, filled: bool) -> None:
    face = COLOURS["hints"] if filled else "white"
    box = FancyBboxPatch((x - 0.09, y - half), 0.18, 2 * half, boxstyle="round,pad=0.03", fc=face, ec=colour, lw=2)
    ax.add_patch(box)


def looks(
    images: Tensor, maps: Mapping[str, Mapping[str, Tensor]], layers: Sequence[str], *, axes: np.ndarray
) -> np.ndarray:
    """Images in the first row, and under each where the networks look, a row a network and layer.

    Parameters
    ----------
    images : Tensor, shape (N, D, H, W), in [0, 1]
    maps : mapping of network to mapping of layer to Tensor of shape (N, h, w)
        As :func:`kdviz.runs.deep.attention_maps` gives them. Each is drawn from 0 to its largest.
    layers : sequence of the L layers that are shown, of each network
    axes : array of Axes, shape (1 + L · networks, N)
    """
    images = tensor("images", images, "N D H W")
    rows = [(f"{name}\n{layer}", of[layer]) for layer in layers for name, of in mapping("maps", maps, "maps").items()]
    flat = axes_of(list(np.ravel(axes)), (1 + len(rows)) * len(images))
    grid = np.array(flat, dtype=object).reshape(1 + len(rows), len(images))
    for ax, pixels in zip(grid[0], images, strict=True):
        image(pixels, ax=ax)
    for row, (said, of) in zip(grid[1:], rows, strict=True):
        for ax, one in zip(row, tensor(said, of, "N h w"), strict=True):
            ax.imshow(one.numpy(), cmap="magma", vmin=0, vmax=max(number("largest", one.max().item()), 1e-9))
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(said, rotation=0, ha="right", va="center", parse_math=False)
    return grid
