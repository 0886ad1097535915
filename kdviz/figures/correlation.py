"""How the logits of the classes go together: maps, trees, and what one cell is made of."""

from collections.abc import Mapping, Sequence
from numbers import Real

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from scipy.cluster import hierarchy
from torch import Tensor

from kdviz import measures
from kdviz.arguments import finite, indices, names, number, tensor, tensors, told, whole
from kdviz.arguments import logits as given_logits
from kdviz.figures.look import COLOURS, check_colours, on, plain

NAMED = 20  # classes: the rows of a map of more have no names
PAIR = ("#E69F00", "#7B4FA3")  # examples of a pair's first and second class


def heat_map(
    matrix: Tensor,
    classes: Sequence[str] | None = None,
    *,
    order: Sequence[int] | None = None,
    limit: float = 1.0,
    ax: Axes | None = None,
) -> Axes:
    """A correlation or a difference of two as colours, white at zero; :func:`shared_bar` says what they mean.

    Parameters
    ----------
    matrix : Tensor, shape (C, C)
    classes : names of the C classes, optional
        Written beside the rows and columns of at most 20 classes.
    order : permutation of the C classes, optional
        Of rows and columns, as :func:`kdviz.measures.class_order` gives it.
    limit : float
        Where the colours end, at both sides of zero.
    """
    ax = on(ax)
    matrix, limit = tensor("matrix", matrix, "C C"), number("limit", limit)
    if not limit > 0:
        raise ValueError(f"limit must be above 0, not {limit:g}: the colours end there at both sides of 0")
    classes = classes if classes is None else names(classes, len(matrix))
    rows = in_order(order, len(matrix))
    ax.imshow(matrix[rows][:, rows].numpy(), cmap="RdBu_r", vmin=-limit, vmax=limit)
    ax.grid(False)
    ax.spines[:].set(visible=True, color="0.6", linewidth=0.8)
    ax.tick_params(length=0, labelsize=8)
    if classes is None or len(rows) > NAMED:
        ax.set(xticks=[], yticks=[], xlabel=f"{len(rows)} classes")
        return ax
    beside = [classes[row] for row in rows]
    ax.set_xticks(range(len(rows)), beside, rotation=90 if max(map(len, beside)) > 2 else 0, parse_math=False)
    ax.set_yticks(range(len(rows)), beside, parse_math=False)
    return ax


def in_order(order: Sequence[int] | None, classes: int) -> list[int]:
    """A permutation of the classes, by default as they are."""
    rows = list(range(classes)) if order is None else tensor("order", order, "C", {"C": classes}).tolist()
    if sorted(rows) != list(range(classes)):
        raise ValueError(f"order must name each of the classes 0..{classes - 1} once, not {told(rows)}: {rows}")
    return rows


def heat_maps(
    maps: Mapping[str, Tensor],
    classes: Sequence[str] | None = None,
    *,
    label: str,
    axes: Sequence[Axes],
    order: Sequence[int] | None = None,
) -> Sequence[Axes]:
    """A :func:`heat_map` for each name, all to one limit, the largest number in them, with one bar beside the last.

    Parameters
    ----------
    maps : mapping of title to Tensor of shape (C, C)
    classes : names of the C classes, optional
    label : str
        What the colours say.
    axes : one for each map
    order : permutation of the C classes, optional
    """
    maps = tensors("maps", maps, "C C")
    axes = axes_of(axes, len(maps))
    limit = max(matrix.abs().max().item() for matrix in maps.values())
    for ax, (title, matrix) in zip(axes, maps.items(), strict=True):
        heat_map(matrix, classes, order=order, limit=limit, ax=ax)
        ax.set_title(title, loc="center", fontsize=11, parse_math=False)
    shared_bar(axes, label)
    return axes


def shared_bar(axes: Axes | Sequence[Axes], label: str) -> Colorbar:
    """One colour bar, as high as the last map of ``axes`` and beside it; all maps must end at the same limit.

    Parameters
    ----------
    axes : Axes, or a sequence of them
        Where :func:`heat_map` drew.
    label : str
        What the colours say: "r", or "r of the teacher − r of the student".
    """
    axes = axes_of(axes)
    if not all(ax.images for ax in axes):
        raise ValueError("a bar says what a map's colours mean: draw kdviz.figures.heat_map on these axes first")
    limits = {ax.images[0].get_clim() for ax in axes}
    if len(limits) > 1:
        raise ValueError(f"maps that end at {sorted(high for _, high in limits)} cannot share a bar: give one limit")
    bar = axes[-1].figure.colorbar(axes[-1].images[0], cax=axes[-1].inset_axes([1.03, 0, 0.05, 1]), label=label)
    bar.ax.tick_params(labelsize=9)
    return bar


def pair_of(given: tuple[int, int], classes: int) -> tuple[int, int]:
    """Two classes that are not the same."""
    first, second = indices("pair", given, "2", {"2": 2}, classes).tolist()
    if first == second:
        raise ValueError(f"a pair is of two classes, not of {first} twice")
    return first, second


def axes_of(given: Axes | Sequence[Axes], count: int | None = None) -> list[Axes]:
    """Axes, one or a sequence of them, as a list."""
    axes = list(np.atleast_1d(np.asarray(given, dtype=object)).ravel())
    if not axes or not all(isinstance(ax, Axes) for ax in axes) or len(axes) != (count or len(axes)):
        wanted = f"{count} matplotlib Axes" if count else "matplotlib Axes, one or several"
        raise ValueError(f"axes must be {wanted}, not {told(given)}")
    return axes


def class_tree(correlation: Tensor, classes: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """The tree behind :func:`kdviz.measures.class_order`: two classes, or groups, meet at their mean 1 − r.

    Parameters
    ----------
    correlation : Tensor, shape (C, C)
    classes : names of the C classes
        As large as the height of ``ax`` lets them be: 77 need about nine inches.
    """
    ax = on(ax)
    classes = names(classes, len(finite("correlation", correlation, "C C")))
    room = 72 * ax.get_window_extent().height / ax.figure.dpi / len(classes)  # points
    look = {"orientation": "right", "color_threshold": 0, "above_threshold_color": "0.35"}
    look["leaf_font_size"] = min(10, 0.85 * room)
    hierarchy.dendrogram(measures.class_linkage(correlation), labels=classes, ax=ax, **look)
    plain(*ax.get_yticklabels())
    plt.setp(ax.collections, linewidth=1.2)
    ax.invert_yaxis()  # from the top, as the rows of a map in this order
    ax.grid(False, axis="y")
    ax.grid(True, axis="x")
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("1 − r")
    return ax


def pair_scatter(
    logits: Tensor,
    labels: Tensor,
    pair: tuple[int, int],
    classes: Sequence[str],
    *,
    center: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """The two logits of a pair of classes over all examples: what one cell of the correlation is made of.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
    labels : Tensor, shape (N,)
    pair : two classes
    classes : names of the C classes
    center : bool
        First remove each example's mean logit, as :func:`kdviz.measures.logit_correlation` does.
    """
    ax = on(ax)
    sizes: dict[str, int] = {}
    logits = given_logits("logits", logits, "N C", sizes)
    labels, classes = indices("labels", labels, "N", sizes, sizes["C"]), names(classes, sizes["C"])
    pair = pair_of(pair, sizes["C"])
    r = measures.logit_correlation(logits, center)[pair].item()
    values = logits.double() - (logits.double().mean(-1, keepdim=True) if center else 0)
    first, second = pair
    others = ~torch.isin(labels, torch.tensor(pair))
    groups = [(None, "0.75", others), *((classes[c], PAIR[i], labels == c) for i, c in enumerate(pair))]
    for name, colour, rows in groups:
        x, y = values[rows][:, [first, second]].T.numpy()
        ax.plot(x, y, ".", color=colour, markersize=3, alpha=0.6, label=name)
    ax.plot([], [], ".", color="0.75", markersize=3, label="all others")
    said = ", centred" if center else ""
    ax.set_xlabel(f"logit of {classes[first]}{said}", parse_math=False)
    ax.set_ylabel(f"logit of {classes[second]}{said}", parse_math=False)
    ax.set_aspect("equal", adjustable="datalim")
    corner = "upper left" if r >= 0 else "upper right"  # where the cloud is not
    plain(ax.legend(title=f"r = {r:+.2f}", markerscale=4, fontsize=9, loc=corner, alignment="left"))
    return ax


def ties(
    values: Mapping[str, Sequence[float]],
    teacher: float | Sequence[float],
    *,
    seed: int | None = None,
    colours: Mapping[str, str] = COLOURS,
    ax: Axes | None = None,
) -> Axes:
    """One pair's r: a dot for each seed of the teacher and of every method, means as ticks and numbers.

    The dotted line is the teacher's mean.

    Parameters
    ----------
    values : mapping of method to r, one a seed
    teacher : float or sequence of floats
    seed : int, optional
        To be ringed; the teacher's is ``seed`` modulo the number of teachers.
    colours : mapping of name to colour
    """
    ax = on(ax)
    check_colours(colours)
    if seed is not None:
        seed = whole("seed", seed)
    given = tensors("values", values, "seeds")
    if "teacher" in given:
        raise ValueError("a method cannot be named 'teacher', which is the teacher's own name here: name it otherwise")
    given = tensors("values", {"teacher": [teacher] if isinstance(teacher, Real) else teacher}, "seeds") | given
    rows = {name: seeds.tolist() for name, seeds in given.items()}
    for row, (name, seeds) in enumerate(rows.items()):
        mean, colour = sum(seeds) / len(seeds), colours.get(name, "0.3")
        ax.plot(seeds, [row] * len(seeds), "o", color=colour, alpha=0.6, markersize=6)
        ax.plot(mean, row, "|", color=colour, markersize=15, markeredgewidth=2)
        ax.annotate(
            f"{mean:+.2f}".replace("-", "−"), (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=9
        )
        if seed is not None:
            ax.plot(seeds[seed % len(seeds)], row, "o", color="none", markeredgecolor="black", markersize=10)
        if name == "teacher":
            ax.axvline(mean, color=colour, ls=":", lw=1.2, zorder=0)
    ax.set_yticks(range(len(rows)), list(rows), parse_math=False)
    ax.set(ylim=(len(rows) - 0.5, -0.5), xlabel="r")
    ax.grid(True, axis="x")
    return ax
