"""The explorer of notebook 03: which ties between classes a student keeps, and the examples behind them."""

import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures, measures
from kdviz.arguments import called, finite, indices, mapping, several
from kdviz.arguments import names as given_names
from kdviz.explorers.view import View, packed, sprite
from kdviz.figures.correlation import NAMED, in_order, pair_of
from kdviz.figures.examples import examples_of
from kdviz.figures.look import colours_of

EXAMPLES, EACH = 90, 6  # that a page carries, in all and of a pair
EXACT = 20  # classes; of more, r is carried in steps of 1/127
POINTS, LOGITS = 200, 60_000  # of a scatter, and logits that a page carries in all


def correlations(
    matrices: Mapping[str, Mapping[str, Sequence[Tensor]]],
    predictions: Callable[[str, int], Tensor],
    examples: Tensor | Sequence[str],
    labels: Tensor,
    classes: Sequence[str],
    *,
    order: Sequence[int] | None = None,
    pair: tuple[int, int] | None = None,
) -> View:
    """Where a student's logit correlation leaves its teacher's; a pair of classes, by name or by click, shows its tie.

    Parameters
    ----------
    matrices : mapping of kind ("centred", "raw") to mapping of name to Tensors of shape (C, C), one a seed
        One name is "teacher", the others are methods, all with as many seeds; seed s has teacher s modulo their number.
    predictions : callable
        ``predictions(name, seed)`` gives what that teacher or student predicts, shape (N,), or its logits, (N, C). With
        logits the page also draws those of a pair: teacher and student side by side, a point an example.
    examples : Tensor of shape (N, 1, H, W) or (N, 3, H, W), or sequence of N str
    labels : Tensor, shape (N,)
    classes : names of the C classes
    order : permutation of the C classes, optional
        Of the map's rows; by default as in the first teacher's tree.
    pair : two classes, optional
        Shown at first; by default the first teacher's strongest pair.
    """
    sizes: dict[str, int] = {}
    kinds = mapping("matrices", matrices, "{name: matrices, one a seed}")
    matrices = {kind: _of_kind(kind, of, sizes) for kind, of in kinds.items()}
    classes = given_names(classes, sizes["C"])
    labels, examples = indices("labels", labels, "N", sizes, sizes["C"]), examples_of(examples, sizes)
    called("predictions", predictions, "predictions(name, seed)")

    def answer(name: str, seed: int) -> Tensor:
        """Logits or predictions."""
        given = predictions(name, seed)
        if isinstance(given, Tensor) and given.ndim == 2:
            return finite("what predictions gives", given, "N C", sizes)
        return indices("what predictions gives", given, "N", sizes, sizes["C"])

    def predict(name: str, seed: int) -> Tensor:
        return _called(answer(name, seed))

    known = next(iter(matrices.values()))
    teachers, methods = len(known["teacher"]), [name for name in known if name != "teacher"]
    seeds, *others = {len(of[name]) for of in matrices.values() for name in methods}
    if others:
        raise ValueError(f"every method needs as many seeds as the others, not {sorted([seeds, *others])}")
    order = measures.class_order(known["teacher"][0]) if order is None else in_order(order, sizes["C"])
    nets = [("teacher", s) for s in range(teachers)] + [(m, s) for m in methods for s in range(seeds)]
    limits = {
        kind: max((of["teacher"][s % teachers] - of[m][s]).abs().max().item() for m in methods for s in range(seeds))
        for kind, of in matrices.items()
    }

    def still(figure: Figure, matrix: str, method: str, seed: int, first: int, second: int, **_) -> None:
        left, right = figure.subfigures(1, 2, width_ratios=[5, 6])
        difference = matrices[matrix]["teacher"][seed % teachers] - matrices[matrix][method][seed]
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
        which = f"a dot a seed (ringed: {seed})" if seeds > 1 else f"seed {seed}"
        said = f"r of {classes[first]} and {classes[second]}, {which}"
        look = {"x": 0.01, "ha": "left", "fontsize": 10, "fontweight": "bold", "parse_math": False}
        above.suptitle(textwrap.fill(said, 72), **look)
        answers = predict("teacher", seed % teachers), predict(method, seed)
        for pair, ax in zip(((first, second), (second, first)), below.subplots(2, 1), strict=True):
            figures.mistaken(pair, *answers, examples, labels, classes, ax=ax)

    found = [answer(*net) for net in nets]
    answers = torch.stack([_called(each) for each in found])
    confused, rows = _confused(answers, labels)
    colours = colours_of(["teacher", *methods])
    data = {
        "classes": classes,
        "order": order,
        "kinds": {kind: _lower([of[name][s] for name, s in nets]) for kind, of in matrices.items()},
        "limits": limits,
        "methods": methods,
        "seeds": seeds,
        "teachers": teachers,
        "colours": colours,
        "counts": torch.bincount(labels, minlength=len(classes)).tolist(),
        "confused": confused,
        **({"sample": _sample(found, labels)} if all(each.ndim == 2 for each in found) else {}),
        **(
            {"images": sprite(examples[rows])}
            if isinstance(examples, Tensor)
            else {"texts": [examples[r] for r in rows]}
        ),
    }
    strongest = measures.strongest_pairs(known["teacher"][0], 1)[0]
    first, second = strongest if pair is None else pair_of(pair, len(classes))
    start = {"matrix": next(iter(matrices)), "method": methods[0], "seed": 0, "first": first, "second": second}
    return View("correlations", data, still, (11, 5.3), **start, shown="difference", tree=True)


def _lower(matrices: Sequence[Tensor]) -> dict:
    """The entries below the diagonal, row after row, a row a net."""
    size = len(matrices[0])
    entries = torch.stack([m[torch.tril_indices(size, size, -1).unbind()] for m in matrices])
    return packed(entries) if size <= EXACT else packed((127 * entries).round(), "int8")


def _called(answers: Tensor) -> Tensor:
    """Predictions, from logits too."""
    return answers.argmax(-1) if answers.ndim == 2 else answers


def _sample(logits: Sequence[Tensor], labels: Tensor) -> dict:
    """Every net's logits on a few examples, as many of each class, in steps of 1/127 of that net's largest."""
    most = max(2, min(POINTS, LOGITS // (len(logits) * logits[0].shape[-1])))
    turn = torch.zeros(len(labels), dtype=torch.long)  # how many of its class stand before an example
    for label in labels.unique():
        turn[labels == label] = torch.arange(int((labels == label).sum()))
    rows = turn.argsort(stable=True)[:most]
    kept = torch.stack([each[rows].double() for each in logits])
    scales = kept.abs().amax((1, 2)).clamp(min=1e-12) / 127
    levels = packed((kept / scales[:, None, None]).round(), "int8")
    return {"values": levels, "scales": scales.tolist(), "labels": labels[rows].tolist()}


def _confused(answers: Tensor, labels: Tensor) -> tuple[dict, list[int]]:
    """Of pairs of classes how many of the one each net takes for the other, with examples; and the rows of these."""
    wrong = answers != labels
    often = Counter(zip(wrong.nonzero()[:, 1].tolist(), answers[wrong].tolist(), strict=True))  # (row, taken for)
    by_pair: dict[tuple[int, int], list[int]] = {}
    for (row, other), _ in often.most_common():
        by_pair.setdefault((labels[row].item(), other), []).append(row)
    # One example of each pair in turn, those of the pairs confused most first, until the page is full.
    turns = sorted((place, i, row) for i, rows in enumerate(by_pair.values()) for place, row in enumerate(rows[:EACH]))
    rows = sorted(set(list(dict.fromkeys(row for *_, row in turns))[:EXAMPLES]))
    place = {row: i for i, row in enumerate(rows)}
    return {
        f"{own},{other}": {
            "by": [int(n) for n in ((answers == other) & (labels == own)).sum(-1)],
            "examples": [{"at": place[r], "by": answers[:, r].tolist()} for r in some[:EACH] if r in place],
        }
        for (own, other), some in by_pair.items()
    }, rows


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
