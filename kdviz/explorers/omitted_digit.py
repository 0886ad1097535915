"""The explorer of notebook 02: what a student makes of the class it never saw."""

from collections.abc import Callable, Mapping, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures, measures
from kdviz.arguments import called, indices, mapping, names, number, tensor, told
from kdviz.explorers.view import View, packed, sprite

BIASES = [step / 4 for step in range(-40, 41)]
SHOWN = 24  # images of the class


def omitted_digit(
    predictions: Callable[[int, float, float], Tensor],
    bias: Mapping[tuple[int, float], float],
    images: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    digit: int = 3,
) -> View:
    """What a student makes of the class it never saw, as its bias moves.

    Parameters
    ----------
    predictions : callable
        ``predictions(omitted, temperature, bias)`` gives a Tensor of shape (N,); a bias brings images to the omitted
        class, and none away from it.
    bias : mapping of (omitted class, training temperature) to float
        The label-free one.
    images : Tensor, shape (N, 1, H, W) or (N, 3, H, W)
    labels : Tensor, shape (N,)
    classes : names of the C classes
    digit : int
        Omitted class shown first.
    """
    classes = names(classes)
    sizes, places = {}, range(len(classes))
    labels = indices("labels", labels, "N", sizes, len(classes))
    images = tensor("images", images, "N D H W", sizes)
    called("predictions", predictions, "predictions(omitted, temperature, bias)")
    bias = {_setting(key, len(classes)): number("a bias", one) for key, one in mapping("bias", bias, "bias").items()}
    left_out = sorted({omitted for omitted, _ in bias})
    if digit not in left_out:
        raise ValueError(f"digit must be a class that is left out in bias, one of {left_out}, not {told(digit)}")

    def predict(*setting: float) -> Tensor:
        return indices("what predictions gives", predictions(*setting), "N", sizes, len(classes))

    counts = torch.bincount(labels, minlength=len(classes))
    students = {at: _student(predict, *at, labels, len(classes)) for at in sorted(bias)}
    rows = sorted({row for student in students.values() for row in student["rows"]})
    place = {row: i for i, row in enumerate(rows)}

    def still(figure: Figure, omitted: int, temperature: float, bias_added: float) -> None:
        student, step = students[omitted, temperature], BIASES.index(bias_added)
        wrong, taken = (100 * student[name][step].double() for name in ("wrong", "taken"))
        above, below = figure.subfigures(2, 1, height_ratios=[3, 2])
        left, right = above.subplots(1, 2)
        mine = [figures.COLOURS["right"] if c == omitted else "0.7" for c in range(len(classes))]
        left.bar(places, (taken / counts[omitted]).numpy(), color=mine)
        left.set_title(f"The {classes[omitted]}s it never saw are taken for …", parse_math=False)
        left.set(ylabel="% of them", ylim=(0, 100))
        lost = [figures.COLOURS["wrong"] if c == omitted else "0.7" for c in range(len(classes))]
        right.bar(places, (wrong / counts.clamp(min=1)).numpy(), color=lost)
        right.set(title="Missed, by digit (100 % − recall)", ylabel="% of its test images", ylim=(0, 100))
        for ax in (left, right):
            ax.set_xticks(places, classes, parse_math=False)
        answers = [omitted if step >= start else before for _, before, start in _gallery(student)]
        captions = [classes[c] for c in answers]
        figures.gallery(images[student["rows"]], captions, [c == omitted for c in answers], ax=below.subplots())
        figure.suptitle(
            f"bias {bias_added:+.1f} (label-free: {bias[omitted, temperature]:+.1f}), "
            f"T = {temperature:g}: {int(student['wrong'][step].sum())} errors of {len(labels)}"
        )

    data = {
        "classes": classes,
        "biases": BIASES,
        "counts": counts.tolist(),
        "images": sprite(images[rows]),
        "students": [
            {
                "omitted": omitted,
                "temperature": temperature,
                "fitted": bias[omitted, temperature],
                "wrong": packed(student["wrong"], "uint16"),
                "taken": packed(student["taken"], "uint16"),
                "gallery": [[place[row], *rest] for row, *rest in _gallery(student)],
            }
            for (omitted, temperature), student in students.items()
        ],
    }
    hottest = max(temperature for omitted, temperature in students if omitted == digit)
    return View("omitted_digit", data, still, (10, 6.5), omitted=int(digit), temperature=hottest, bias_added=0.0)


def _student(predictions: Callable, omitted: int, temperature: float, labels: Tensor, classes: int) -> dict:
    """Of each bias the errors by class, and what the omitted class is taken for; and some of its images."""
    given = torch.stack([predictions(omitted, temperature, bias) for bias in BIASES])
    gone = (given[:-1] == omitted) & (given[1:] != omitted)
    if gone.any():
        raise ValueError(f"a larger bias took {int(gone.sum())} images away from class {omitted}: it must bring them")
    tables = [measures.confusion(each, labels, classes) for each in given]
    own = (labels == omitted).nonzero().squeeze(1)
    missed = given[BIASES.index(0.0), own] != omitted
    own = own[missed.logical_not().long().argsort(stable=True)][:SHOWN]  # what it misses first
    return {
        "wrong": torch.stack([table.sum(-1) - table.diagonal() for table in tables]),
        "taken": torch.stack([table[omitted] for table in tables]),
        "rows": own.tolist(),
        "before": given[0, own].tolist(),
        "start": [next((i for i, c in enumerate(each) if c == omitted), len(BIASES)) for each in given[:, own].T],
    }


def _gallery(student: Mapping) -> list[tuple[int, int, int]]:
    """Of each image shown: its row, the class it is given first, and from which bias on it is given the omitted one."""
    return list(zip(student["rows"], student["before"], student["start"], strict=True))


def _setting(given: tuple[int, float], classes: int) -> tuple[int, float]:
    if not isinstance(given, tuple | list) or len(given) != 2 or given[0] not in range(classes):
        raise ValueError(f"bias is of (class left out, training temperature), not of {told(given)}")
    return int(given[0]), number("a training temperature", given[1])
