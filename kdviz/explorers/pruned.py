"""An explorer of notebook 09: how many neurons are left, who chose them, and what that cost on the way."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure

from kdviz import figures
from kdviz.arguments import finite, mapping, number, several, told
from kdviz.explorers.view import View

MOST = 60  # points of a curve in a page


def pruned(
    whole: Sequence[int],
    left: Sequence[int],
    right: Mapping[str, Sequence[Sequence[float]]],
    histories: Mapping[str, Sequence[Sequence[Mapping]]],
    teacher: float,
    *,
    score: str,
    shown: int,
) -> View:
    """Accuracy by size, the discrepancy along the training, and the layers, by the score that chose the neurons.

    Parameters
    ----------
    whole : sequence of int
        Neurons of each hidden layer of the teacher, as many in each.
    left : sequence of K int, descending
        Neurons left in each hidden layer.
    right : mapping of score to K sequences of floats, one a seed
        Shares of the test examples that are right, in [0, 1].
    histories : mapping of score to K sequences of :attr:`kdviz.Run.history`, one a seed
        Each with ``kl_epoch`` and ``train_kl``.
    teacher : float
        The teachers' mean share of right answers.
    score, shown : str, int
        Where it opens: one of the scores, and one of ``left``.
    """
    left, whole = [int(n) for n in finite("left", left, "K")], [int(n) for n in finite("whole", whole, "layers")]
    teacher, sizes = number("teacher", teacher), {"K": len(left)}
    right = {name: finite(f"{name!r} of right", of, "K seeds", dict(sizes)) for name, of in mapping(
        "right", right, "shares").items()}  # fmt: skip
    if score not in right or shown not in left:
        raise ValueError(f"it opens at one of {', '.join(right)} and of {left}, not at {told(score)}, {told(shown)}")
    curves = {name: [[_short(one) for one in several("histories", seeds, "run.history")] for seeds in of]
              for name, of in mapping("histories", histories, "histories").items()}  # fmt: skip
    if curves.keys() != right.keys() or any(len(of) != len(left) for of in curves.values()):
        raise ValueError(f"each of {', '.join(right)} needs histories of {len(left)} sizes")
    shades = figures.compression.SCORED
    colours = {name: shades.get(name, "#666666") for name in right}

    def still(figure: Figure, score: str, left_in_each: int) -> None:
        by, along, drawn = figure.subplots(1, 3, width_ratios=[1, 1, 0.7])
        figures.by_setting(left, {name: 100 * of.T for name, of in right.items()}, colours, ax=by)
        by.axhline(100 * teacher, color=figures.COLOURS["teacher"], ls="--", label="teachers, mean")
        by.axvline(left_in_each, color="0.6", lw=1, label="shown on the right")
        by.legend()
        by.set(xlabel="neurons left in each layer", ylabel="% of test images right", title="right, by size and score")
        for one in curves[score][left.index(left_in_each)]:
            along.plot(one["epoch"], one["kl"], color=colours[score], lw=1.2)
        along.set(yscale="log", xlabel="epoch", ylabel="KL from the teacher, nats", title=f"{score}, a line a seed")
        sizes = {"teacher": whole, score: [left_in_each] * len(whole)}
        figures.layers(sizes, colours | {"teacher": figures.COLOURS["teacher"]}, whole, ax=drawn)
        drawn.set_title("what is left")

    data = {
        "whole": whole,
        "left": left,
        "right": {name: [[round(each, 4) for each in seeds] for seeds in of.tolist()] for name, of in right.items()},
        "curves": curves,
        "teacher": round(teacher, 4),
        "colours": colours,
    }
    return View("pruned", data, still, (12.5, 3.9), score=score, left_in_each=shown)


def _short(history: Mapping) -> dict:
    """A curve of at most :data:`MOST` points, its largest among them."""
    if not (isinstance(history, Mapping) and history.get("train_kl")):
        raise ValueError("a history without train_kl: its student has no teacher, or its run is an old one")
    values = torch.tensor(history["train_kl"])
    step = -(-len(values) // MOST)
    kept = sorted({*range(0, len(values), step), len(values) - 1, int(values.argmax())})
    return {
        "epoch": [history["kl_epoch"][i] for i in kept],
        "kl": [float(f"{history['train_kl'][i]:.4g}") for i in kept],
    }
