"""The explorer of notebook 04: every student as a point, and what stands behind it."""

import textwrap
from collections.abc import Callable, Mapping, Sequence

import ipywidgets as widgets
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures
from kdviz.arguments import called, columns, indices, names, several, share, tensor
from kdviz.explorers.explorer import Explorer
from kdviz.figures.look import plain

ALL = "everything"
SHOWN = 6  # disagreements


def agreement_cloud(
    table: pd.DataFrame,
    teacher_accuracy: float,
    controls: Mapping[str, tuple[float, float]],
    histories: Sequence[dict],
    predictions: Callable[[int], tuple[Tensor, Tensor]],
    images: Tensor,
    labels: Tensor,
    classes: Sequence[str],
) -> Explorer:
    """Accuracy against agreement; a point, chosen by its name or by a click, shows its run.

    Parameters
    ----------
    table : DataFrame
        A row a run: ``accuracy``, ``agreement``, ``varied``, ``name`` and ``recipe``, in the order of ``histories``.
    teacher_accuracy : float
    controls : mapping of name to (accuracy, agreement)
    histories : sequence of dict
        ``epoch``, ``test_accuracy`` and ``train_agreement``, a list each (:attr:`kdviz.Run.history`).
    predictions : callable
        ``predictions(row)`` gives what the teacher and what the student of that row predict, each shape (N,).
    images : Tensor, shape (N, 1, H, W) or (N, 3, H, W)
    labels : Tensor, shape (N,)
    classes : names of the C classes
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
    table = table.reset_index(drop=True).astype({"varied": str})
    colours = figures.hues(table.varied)

    def draw(figure: Figure, varied: str, student: int) -> None:
        left, right = figure.subfigures(1, 2, width_ratios=[5, 4])
        shown = table if varied == ALL else table[table.varied == varied]
        ax = left.subplots()
        figures.agreement_against_accuracy(shown, teacher_accuracy, colours=colours, controls=controls, ax=ax)
        plain(ax.legend(loc="upper left", fontsize=8))
        chosen = table.loc[student]
        ax.plot(100 * chosen.accuracy, 100 * chosen.agreement, "o", mfc="none", mec="black", ms=14, mew=2)
        curve, gallery = right.subplots(2, 1, height_ratios=[1.3, 1])
        history = histories[student]
        curves = {"train_agreement": "agreement, training images", "test_accuracy": "accuracy, test images"}
        for (name, said), colour in zip(curves.items(), (figures.COLOURS["student"], "0.4"), strict=True):
            if name in history:
                curve.plot(history["epoch"], [100 * share for share in history[name]], color=colour, label=said)
        curve.set(xlabel="epoch", ylabel="%")
        look = {"loc": "left", "fontsize": 9, "fontweight": "normal", "parse_math": False}
        curve.set_title(textwrap.fill(chosen["recipe"], 60), **look)
        curve.legend()
        said = several("what predictions gives", predictions(student), "the teacher's and the student's predictions")
        taught, answered = (indices("what predictions gives", one, "N", sizes, len(classes)) for one in said)
        rows = (taught != answered).nonzero().squeeze(1)
        captions = [f"{classes[taught[row]]}\n{classes[answered[row]]}" for row in rows[:SHOWN]]
        right_ones = (answered == labels)[rows[:SHOWN]].tolist()
        figures.gallery(images[rows[:SHOWN]], captions, right_ones, columns=SHOWN, ax=gallery)
        said = f"{len(rows):,} disagreements: teacher above, student below (green: right)"
        gallery.set_title(said, fontsize=9, fontweight="normal")

    rows = [(name, row) for row, name in table["name"].items()]
    points = widgets.Dropdown(options=rows, description="student", layout={"width": "50%"})
    groups = widgets.Dropdown(options=[ALL, *table.varied.unique()], description="varied")
    return Explorer(draw, (12, 5.6), chart=lambda: _chart(table, groups, points), varied=groups, student=points)


def _chart(table: pd.DataFrame, groups: widgets.Dropdown, points: widgets.Dropdown) -> widgets.Widget:
    """The cloud in plotly: hovering names a point, a click chooses it, the filter hides the others."""
    import plotly.graph_objects as go

    figure = go.FigureWidget(layout={"width": 760, "height": 380, "margin": {"t": 20, "b": 40}})
    figure._config = {"showSendToCloud": False}  # nothing leaves this machine
    figure.update_layout(xaxis_title="accuracy, %", yaxis_title="agreement with the teacher, %")
    for varied, colour in figures.hues(table.varied).items():
        rows = table[table.varied == varied]
        shade = f"rgb({','.join(str(round(255 * part)) for part in colour)})"
        trace = go.Scatter(x=100 * rows.accuracy, y=100 * rows.agreement, text=rows["name"], name=varied)
        trace.hovertemplate = "%{text}<br>accuracy %{x:.1f} %, agreement %{y:.1f} %<extra></extra>"
        figure.add_trace(trace.update(mode="markers", marker_color=shade, customdata=rows.index))
        figure.data[-1].on_click(lambda trace, clicked, state: _choose(points, trace, clicked.point_inds))

    def filter_traces(change: object = None) -> None:
        for trace in figure.data:
            trace.visible = groups.value in (ALL, trace.name)

    filter_traces()
    groups.observe(filter_traces, "value")
    return figure


def _choose(points: widgets.Dropdown, trace: object, clicked: Sequence[int]) -> None:
    if clicked:
        points.value = int(trace.customdata[clicked[0]])
