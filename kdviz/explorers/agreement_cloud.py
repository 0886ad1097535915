"""The explorer of notebook 04: every student as a point, and what stands behind it."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures
from kdviz.arguments import called, columns, indices, names, several, share, tensor, told
from kdviz.explorers.view import View, sprite
from kdviz.figures.examples import two_answers
from kdviz.figures.look import plain

SHOWN = 8  # disagreements
CURVES = {"train_agreement": "agreement, training images", "test_accuracy": "accuracy, test images"}
OWN = ("name", "recipe", "accuracy", "agreement")  # columns that say where a point is, not what it has in common
GROUPS = 12  # more values than these are no groups


def agreement_cloud(
    table: pd.DataFrame,
    teacher_accuracy: float,
    controls: Mapping[str, tuple[float, ...]],
    histories: Sequence[dict],
    predictions: Callable[[int], tuple[Tensor, Tensor]],
    images: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    *,
    where: str = "all",
) -> View:
    """Accuracy against agreement; a point, chosen by its name or by a click, shows its run.

    Parameters
    ----------
    table : DataFrame
        A row a run: ``accuracy``, ``agreement``, ``varied``, ``name`` and ``recipe``, in the order of ``histories``.
        Points are coloured by ``varied`` or by any further column of numbers or of at most twelve values.
    teacher_accuracy : float
    controls : mapping of name to (accuracy, agreement), or (accuracy, agreement, agreement where the teacher is wrong)
    histories : sequence of dict
        ``epoch``, ``test_accuracy`` and ``train_agreement``, a list each (:attr:`kdviz.Run.history`).
    predictions : callable
        ``predictions(row)`` gives what the teacher and what the student of that row predict, each shape (N,).
    images : Tensor, shape (N, 1, H, W) or (N, 3, H, W)
    labels : Tensor, shape (N,)
    classes : names of the C classes
    where : {"all", "wrong"}
        Agreement at first: on all test images, or where the teacher is wrong.
    """
    columns("table", table, ("accuracy", "agreement", "varied", "name", "recipe"))
    teacher_accuracy = share("teacher_accuracy", teacher_accuracy)
    histories = several("histories", histories, "run.history")
    if len(histories) != len(table) or not all(isinstance(one, Mapping) and "epoch" in one for one in histories):
        raise ValueError(f"histories must be {len(table)} run.history, one for each row of the table")
    sizes, classes = {}, names(classes)
    labels = indices("labels", labels, "N", sizes, len(classes))
    images = tensor("images", images, "N D H W", sizes)
    called("predictions", predictions, "predictions(row)")
    if where not in ("all", "wrong"):
        raise ValueError(f"where is 'all' or 'wrong', not {told(where)}")

    def both(row: int) -> list[Tensor]:
        said = several("what predictions gives", predictions(row), "the teacher's and the student's predictions")
        taught, answered = (indices("what predictions gives", one, "N", sizes, len(classes)) for one in said)
        return [taught, answered]

    table = table.reset_index(drop=True).astype({"varied": str})
    answers = [both(row) for row in range(len(table))]
    disputed = sum((taught != answered).long() for taught, answered in answers)
    shown = [_disagreements(taught, answered, disputed) for taught, answered in answers]
    rows = sorted({row for some in shown for row in some})
    place = {row: i for i, row in enumerate(rows)}

    def run(i: int) -> dict:
        taught, answered = answers[i]
        wrong = taught != labels
        on_wrong = (taught == answered)[wrong].double().mean().item() if wrong.any() else 1.0
        history = {
            name: [round(float(v), 4) for v in histories[i][name]]
            for name in ("epoch", *CURVES)
            if name in histories[i]
        }
        return {
            "name": table["name"][i],
            "recipe": table["recipe"][i],
            "accuracy": float(table.accuracy[i]),
            "agreement": {"all": float(table.agreement[i]), "wrong": on_wrong},
            "apart": int((taught != answered).sum()),
            "history": history,
            "gallery": [[place[row], *(each[row].item() for each in (taught, answered, labels))] for row in shown[i]],
        }

    def still(figure: Figure, student: int, colour: str, where: str, hidden: list[str]) -> None:
        left, right = figure.subfigures(1, 2, width_ratios=[5, 4])
        ax, heights = left.subplots(), [each["agreement"][where] for each in data["runs"]]
        _cloud(ax, table.assign(agreement=heights), teacher_accuracy, controls, where)
        chosen = table.loc[student]
        ax.plot(100 * chosen.accuracy, 100 * heights[student], "o", mfc="none", mec="black", ms=14, mew=2)
        curve, gallery = right.subplots(2, 1, height_ratios=[1.3, 1])
        history = histories[student]
        for (name, said), shade in zip(CURVES.items(), (figures.COLOURS["student"], "0.4"), strict=True):
            if name in history:
                curve.plot(history["epoch"], [100 * share for share in history[name]], color=shade, label=said)
        curve.set(xlabel="epoch", ylabel="%")
        look = {"loc": "left", "fontsize": 9, "fontweight": "normal", "parse_math": False}
        curve.set_title(textwrap.fill(chosen["recipe"], 60), **look)
        curve.legend()
        taught, answered = (each[shown[student]] for each in answers[student])
        said = [
            [(classes[one], bool(one == right)) for one, right in zip(each, labels[shown[student]], strict=True)]
            for each in (taught, answered)
        ]
        two_answers(images[shown[student]], *said, columns=SHOWN, ax=gallery)
        count = f"{run(student)['apart']:,} disagreements on all {len(labels):,} test images"
        title = f"{count}\nabove what the teacher says, below the student (green: right)"
        gallery.set_title(title, fontsize=9, fontweight="normal")

    data = {
        "classes": classes,
        "teacher": teacher_accuracy,
        "controls": [[name, *map(float, place)] for name, place in controls.items()],
        "columns": {name: _column(values) for name, values in table.items() if name not in OWN and _groups(values)},
        "images": sprite(images[rows]),
        "runs": [run(i) for i in range(len(table))],
    }
    return View("agreement_cloud", data, still, (12, 5.6), student=0, colour="varied", where=where, hidden=[])


def _cloud(ax: Axes, table: pd.DataFrame, teacher_accuracy: float, controls: Mapping, where: str) -> None:
    """All points; the room that the accuracies leave is known for agreement on all images alone."""
    hues = figures.hues(table.varied)
    if where == "all":
        shown = {name: place[:2] for name, place in controls.items()}
        figures.agreement_against_accuracy(table, teacher_accuracy, colours=hues, controls=shown, ax=ax)
    else:
        for name, rows in table.groupby("varied", sort=False):
            ax.plot(100 * rows.accuracy, 100 * rows.agreement, "o", color=hues[name], alpha=0.75, label=name)
        told = {name: place for name, place in controls.items() if len(place) > 2}
        for mark, (name, (right, _, same)) in zip(cycle("X*PDvh"), told.items(), strict=False):
            ax.plot(100 * right, 100 * same, mark, color="black", markersize=11, label=name)
        ax.set(xlabel="accuracy, % of the test set", ylabel="agreement where the teacher is wrong, %")
    plain(ax.legend(loc="upper left", fontsize=8))


def _disagreements(taught: Tensor, answered: Tensor, disputed: Tensor) -> list[int]:
    """Images of which the two say different things; first those that most students dispute, so that they are few."""
    rows = (taught != answered).nonzero().squeeze(1)
    return rows[disputed[rows].argsort(descending=True, stable=True)][:SHOWN].tolist()


def _groups(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) or values.astype(str).nunique() <= GROUPS


def _column(values: pd.Series) -> dict:
    """The values of a column and, where they are groups, a colour of each."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return {"values": [None if value != value else float(value) for value in values]}
    names = values.astype(str)
    return {"values": names.tolist(), "colours": {name: to_hex(colour) for name, colour in figures.hues(names).items()}}
