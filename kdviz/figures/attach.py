"""Where in two networks each way of teaching attaches."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from kdviz.arguments import mapping, whole
from kdviz.figures.look import COLOURS, on

LAYERS = ("image", "map 1", "map 2", "features", "logits", "softmax\nat T")
TEACHER, STUDENT = 3.0, 0.0  # heights of the two rows
# Method, at which layer, how far beside its middle, and what it asks, beside the arrow.
JOINS = (
    ("attention transfer", 1, 0.0, "where does\nit look?"),
    ("attention transfer", 2, -0.22, ""),
    ("hints", 2, 0.2, "stage one:\nwhat is\nthere?"),
    ("CRD", 3, 0.0, "which image\nwas it?"),
    ("soft targets", 5, -0.18, ""),
    ("DIST", 5, 0.18, "do they rise\nand fall alike?"),
)


def attachments(weights: Mapping[str, int], *, ax: Axes | None = None) -> Axes:
    """Teacher and student as rows of layers; an arrow in its colour for each loss, at the layers that it compares.

    The ties between classes are measured at the logits, which no arrow but those of the softmax beside them reaches.

    Parameters
    ----------
    weights : mapping
        How many weights the ``"teacher"`` and the ``"student"`` have.
    """
    ax = on(ax)
    weights = mapping("weights", weights, "whole number")
    if {*weights} != {"teacher", "student"}:
        raise ValueError(f"weights are those of 'teacher' and 'student', not of {', '.join(map(str, weights))}")
    for name, height, size in (("teacher", TEACHER, 0.42), ("student", STUDENT, 0.3)):
        count = whole(f"weights of the {name}", weights[name])
        for place, layer in enumerate(LAYERS):
            _box(ax, place, height, layer, size if place else 0.36, COLOURS[name] if place else "0.4")
            if place:
                ax.annotate("", (place - 0.42, height), (place - 0.6, height), arrowprops={"arrowstyle": "->"})
        ax.text(-0.75, height, f"{name}\n{count:,}\nweights", ha="right", va="center", color=COLOURS[name], fontsize=12)
    said = set()
    for method, place, aside, asks in JOINS:
        ends = (place + aside, TEACHER - 0.5), (place + aside, STUDENT + 0.5)
        look = {"arrowstyle": "<->", "color": COLOURS[method], "lw": 3}
        ax.annotate("", *ends, arrowprops=look)
        if method not in said:
            _label(ax, method, place + aside, asks)
        said.add(method)
    ax.text(5.6, STUDENT, "labels\n(T = 1)", ha="left", va="center", fontsize=12, color=COLOURS["hard labels"])
    ax.annotate("", (5.42, STUDENT), (5.6, STUDENT), arrowprops={"arrowstyle": "->", "color": COLOURS["hard labels"]})
    for height in (TEACHER, STUDENT):
        ax.plot([3.55, 4.45, 4.45, 3.55, 3.55], [height + y for y in (0.5, 0.5, -0.5, -0.5, 0.5)], ":", color="black")
    ax.text(4, (TEACHER + STUDENT) / 2, "ties are\nmeasured\nhere", ha="center", va="center", fontsize=11)
    ax.set(xlim=(-1.9, 6.3), ylim=(-0.75, 3.75))
    ax.set_axis_off()
    return ax


def _box(ax: Axes, x: float, y: float, text: str, half: float, colour: str) -> None:
    box = FancyBboxPatch(
        (x - 0.36, y - half), 0.72, 2 * half, boxstyle="round,pad=0.04", facecolor="white", edgecolor=colour, lw=2
    )
    ax.add_patch(box)
    ax.text(x, y, text, ha="center", va="center", fontsize=11, color=colour)


def _label(ax: Axes, method: str, x: float, asks: str) -> None:
    """A method's name and question beside its arrow, on the side that is free."""
    side = -1 if method == "soft targets" else 1
    high = {"attention transfer": 1.5, "hints": 1.95, "CRD": 0.95, "soft targets": 0.85, "DIST": 1.6}[method]
    told = f"{method.replace(' ', chr(10))}" + (f":\n{asks}" if asks else "")
    ha = "left" if side > 0 else "right"
    ax.text(x + 0.08 * side, high, told, ha=ha, va="center", fontsize=10, color=COLOURS[method], fontweight="bold")
