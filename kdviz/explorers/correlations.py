"""The explorer of notebook 03: which ties between classes a student keeps, and the examples behind them."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import product

import ipywidgets as widgets
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures, measures
from kdviz.arguments import called, finite, indices, mapping, several
from kdviz.arguments import names as given_names
from kdviz.explorers.explorer import Explorer
from kdviz.figures.correlation import NAMED, in_order
from kdviz.figures.examples import examples_of


def correlations(
    matrices: Mapping[str, Mapping[str, Sequence[Tensor]]],
    predictions: Callable[[str, int], Tensor],
    examples: Tensor | Sequence[str],
    labels: Tensor,
    classes: Sequence[str],
    *,
    order: Sequence[int] | None = None,
) -> Explorer:
    """Where a student's logit correlation leaves its teacher's; a pair of classes, by name or by click, shows its tie.

    Parameters
    ----------
    matrices : mapping of kind ("centred", "raw") to mapping of name to Tensors of shape (C, C), one a seed
        One name is "teacher", the others are methods, all with as many seeds; seed s has teacher s modulo their number.
    predictions : callable
        ``predictions(name, seed)`` gives what that teacher or student predicts, shape (N,).
    examples : Tensor of shape (N, 1, H, W) or (N, 3, H, W), or sequence of N str
    labels : Tensor, shape (N,)
    classes : names of the C classes
    order : permutation of the C classes, optional
        Of the map's rows; by default as in the first teacher's tree.
    """
    sizes: dict[str, int] = {}
    kinds = mapping("matrices", matrices, "{name: matrices, one a seed}")
    matrices = {kind: _of_kind(kind, of, sizes) for kind, of in kinds.items()}
    classes = given_names(classes, sizes["C"])
    labels, examples = indices("labels", labels, "N", sizes, sizes["C"]), examples_of(examples, sizes)
    called("predictions", predictions, "predictions(name, seed)")

    def predict(name: str, seed: int) -> Tensor:
        return indices("what predictions gives", predictions(name, seed), "N", sizes, sizes["C"])

    known = next(iter(matrices.values()))
    teachers, methods = len(known["teacher"]), [name for name in known if name != "teacher"]
    seeds, *others = {len(of[name]) for of in matrices.values() for name in methods}
    if others:
        raise ValueError(f"every method needs as many seeds as the others, not {sorted([seeds, *others])}")
    order = measures.class_order(known["teacher"][0]) if order is None else in_order(order, sizes["C"])
    keys = product(matrices, methods, range(seeds))
    both = {(kind, m, s): (matrices[kind]["teacher"][s % teachers], matrices[kind][m][s]) for kind, m, s in keys}
    apart = {key: (teacher - student).abs().max().item() for key, (teacher, student) in both.items()}
    limits = {kind: max(most for (of, *_), most in apart.items() if of == kind) for kind in matrices}

    def draw(figure: Figure, matrix: str, method: str, seed: int, first: int, second: int) -> None:
        left, right = figure.subfigures(1, 2, width_ratios=[5, 6])
        difference = torch.sub(*both[matrix, method, seed])
        ax = figures.heat_map(difference, classes, order=order, limit=limits[matrix], ax=left.subplots())
        figures.shared_bar(ax, "r of the teacher − r of the student")
        _mark((first, second), classes, order, ax)
        said = f"{matrix} logits, mean |difference| {measures.mean_off_diagonal(difference):.3f}"
        told = f"teacher minus {method}, seed {seed}\n{said}"
        ax.set_title(told, fontsize=11, y=1, parse_math=False)  # y given: laid out faster
        if first == second:
            right.text(0.5, 0.5, "A tie is between two classes: choose another.", ha="center", color="0.4")
            return
        above, below = right.subfigures(2, 1, height_ratios=[0.8 + 0.2 * len(known), 3])
        rs = {name: [each[first, second].item() for each in of] for name, of in matrices[matrix].items()}
        ax = figures.ties({name: rs[name] for name in methods}, rs["teacher"], seed=seed, ax=above.subplots())
        ax.set(xlim=(-1.03, 1.03), xlabel="")
        said = f"r of {classes[first]} and {classes[second]}, a dot a seed (ringed: {seed})"
        look = {"x": 0.01, "ha": "left", "fontsize": 10, "fontweight": "bold", "parse_math": False}
        above.suptitle(textwrap.fill(said, 72), **look)
        answers = predict("teacher", seed % teachers), predict(method, seed)
        for pair, ax in zip(((first, second), (second, first)), below.subplots(2, 1), strict=True):
            figures.mistaken(pair, *answers, examples, labels, classes, ax=ax)

    names, pair = [(name, c) for c, name in enumerate(classes)], measures.strongest_pairs(known["teacher"][0], 1)[0]
    fifth = {"width": "20%"}
    controls = {
        "matrix": widgets.Dropdown(options=list(matrices), description="logits", layout=fifth),
        "method": widgets.Dropdown(options=methods, description="student", layout=fifth),
        "seed": widgets.Dropdown(options=range(seeds), description="seed", layout=fifth),
        "first": widgets.Dropdown(options=names, value=pair[0], description="class", layout=fifth),
        "second": widgets.Dropdown(options=names, value=pair[1], description="and", layout=fifth),
    }
    explorer = Explorer(draw, (12, 5.7), lambda: _chart(both, limits, classes, order, explorer), **controls)
    return explorer


def _of_kind(kind: str, given: Mapping[str, Sequence[Tensor]], sizes: dict[str, int]) -> dict[str, list[Tensor]]:
    named = mapping(f"{kind!r} of matrices", given, "matrices, one a seed")
    if "teacher" not in named or len(named) < 2:
        raise ValueError(f"{kind!r} of matrices must name the 'teacher' and a method or more, not {', '.join(named)}")
    return {
        name: [finite(f"a matrix of {name}", each, "C C", sizes) for each in several(name, of, "matrices, one a seed")]
        for name, of in named.items()
    }


def _mark(pair: Sequence[int], classes: Sequence[str], order: list[int], ax: Axes) -> None:
    """A ring around the pair's cell, and the pair's names where the map has none."""
    row, column = (order.index(c) for c in pair)
    ax.plot(column, row, "o", color="none", markeredgecolor="black", markersize=11, markeredgewidth=2)
    if len(order) > NAMED:
        ax.set_yticks([row], [classes[pair[0]]], rotation=90, va="center", parse_math=False)
        ax.set_xticks([column], [classes[pair[1]]], parse_math=False)


def _chart(
    both: Mapping, limits: Mapping, classes: Sequence[str], order: list[int], explorer: Explorer
) -> widgets.Widget:
    """The map in plotly: hovering tells a cell's numbers, a click chooses its pair, and it follows the controls."""
    import plotly.graph_objects as go

    figure = go.FigureWidget(layout={"width": 620, "height": 500, "margin": {"t": 20, "b": 20}})
    figure._config = {"showSendToCloud": False}  # nothing leaves this machine
    names = [classes[c] for c in order]
    ticks = {"tickvals": [*range(len(names))], "ticktext": names, "visible": len(names) <= NAMED, "constrain": "domain"}
    figure.update_layout(xaxis=ticks, yaxis={**ticks, "autorange": "reversed", "scaleanchor": "x"})
    figure.add_heatmap(colorscale="RdBu", reversescale=True, text=[[f"{a}, {b}" for b in names] for a in names])
    figure.add_scatter(mode="markers", marker={"symbol": "circle-open", "size": 16, "color": "black"}, hoverinfo="skip")
    cells, marks = figure.data
    numbers = "teacher %{customdata[0]:+.2f}<br>student %{customdata[1]:+.2f}<br>difference %{z:+.2f}"
    cells.hovertemplate = f"%{{text}}<br>{numbers}<extra></extra>"

    def show_map(change: object = None) -> None:
        kind, method, seed, *_ = explorer.values.values()
        teacher, student = (each[order][:, order].numpy() for each in both[kind, method, seed])
        with figure.batch_update():
            cells.update(z=teacher - student, customdata=np.dstack([teacher, student]).tolist())
            cells.update(zmin=-limits[kind], zmax=limits[kind])

    def show_pair(change: object = None) -> None:
        *_, first, second = explorer.values.values()
        marks.update(x=[order.index(second)], y=[order.index(first)])

    def choose(trace: object, clicked: object, state: object) -> None:
        first, second = (order[round(place)] for place in (*clicked.ys, *clicked.xs))
        if first != second:  # the diagonal is no pair
            explorer.choose(first=first, second=second)

    show_map()
    show_pair()
    cells.on_click(choose)
    for name, control in explorer.controls.items():
        control.observe(show_pair if name in ("first", "second") else show_map, "value")
    return figure
