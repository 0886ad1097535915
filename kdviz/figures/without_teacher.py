"""Who teaches whom: a drawing of the modes; and networks with exits, accuracy against the work an image takes."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from kdviz import measures
from kdviz.arguments import finite, mapping, tensors
from kdviz.figures.look import COLOURS, check_colours, on, plain, under

WITHOUT = {  # one colour for each way to learn without a larger teacher
    "labels alone": COLOURS["hard labels"],
    "alone": COLOURS["hard labels"],
    "trained peer, T = 1": COLOURS["teacher"],
    "trained peer, T = 4": COLOURS["weak teacher"],
    "mutual, T = 1": COLOURS["student"],
    "mutual, T = 4": COLOURS["student of the weak teacher"],
    "to each": COLOURS["student"],
    "to the mean": COLOURS["CRD"],
    "not listening": COLOURS["hard labels"],
    "T = 1": COLOURS["student"],
    "T = 4": COLOURS["student of the weak teacher"],
    "labels": COLOURS["hard labels"],
    "labels + deepest": COLOURS["student"],
    "labels + deepest + hints": COLOURS["CRD"],
    "own exits": COLOURS["another teacher"],
    "without noise": COLOURS["hard labels"],
    "with noise": COLOURS["student"],
}
# Boxes: middle, width, text, actor; arrows: from, to, what flows. In units of a picture 12.6 wide and 4 high.
BOXES = (
    ((1.9, 3.0), 2.4, "trained peer\n(before, then frozen)", "teacher"),
    ((1.9, 0.9), 2.4, "student", "student"),
    ((5.3, 2.0), 1.7, "peer 1", "student"),
    ((8.0, 2.0), 1.7, "peer 2", "student"),
    ((11.6, 3.0), 2.3, "deepest exit", "student"),
    ((11.6, 0.9), 2.3, "early exits", "student"),
)
ARROWS = (
    ((1.9, 2.45), (1.9, 1.45), 0.0),
    ((6.25, 2.25), (7.05, 2.25), -0.5),
    ((7.05, 1.75), (6.25, 1.75), -0.5),
    ((11.6, 2.45), (11.6, 1.45), 0.0),
)
ASIDE = 1.4  # % of the operations
MODES = ((1.9, "offline"), (6.65, "online"), (11.6, "self"))


def teaching_modes(*, ax: Axes | None = None) -> Axes:
    """Offline, online and self-distillation, drawn: an arrow is an answer that is learned from."""
    ax = on(ax)
    for (x, y), width, text, actor in BOXES:
        box = FancyBboxPatch((x - width / 2, y - 0.4), width, 0.8, boxstyle="round,pad=0.08", lw=2, fc="white")
        box.set_edgecolor(COLOURS[actor])
        ax.add_patch(box)
        ax.text(x, y, text, ha="center", va="center", fontsize=12, color=COLOURS[actor])
    for begin, end, bend in ARROWS:
        look = {"arrowstyle": "-|>", "lw": 2.6, "color": "0.25", "connectionstyle": f"arc3,rad={bend}"}
        ax.annotate("", end, begin, arrowprops=look)
    said = ("teacher first,\nstudent after", "all at once,\neach hears the others",
            "one net, one training\n(a noisy student: two)")  # fmt: skip
    for (x, name), how in zip(MODES, said, strict=True):
        ax.text(x, 3.95, name, ha="center", fontsize=15, fontweight="bold")
        ax.text(x, -0.35, how, ha="center", fontsize=12, color="0.25")
    ax.set(xlim=(0.4, 13.0), ylim=(-0.6, 4.3))
    ax.set_axis_off()
    return ax


def leaving_early(
    shares: Mapping[str, Tensor],
    right: Mapping[str, Tensor],
    colours: Mapping[str, str] = WITHOUT,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy against the operations an image takes, as the wanted confidence falls: the mean over seeds, and each.

    Parameters
    ----------
    shares : mapping of name to Tensor of shape (seeds, doubts)
        Operations an image, in % of the whole network's.
    right : mapping of name to Tensor of shape (seeds, doubts)
        % of the images right there.
    colours : mapping of name to colour
    """  # fmt: skip
    ax, sizes = on(ax), {}
    shares = tensors("shares", shares, "seeds doubts", sizes)
    right = tensors("right", right, "seeds doubts", sizes)
    check_colours(colours, shares)
    for name, across in shares.items():
        x, y = across.double().mean(0), right[name].double()
        ax.plot(x, y.mean(0), color=colours[name], lw=2.6, label=name)
        for seed, path in zip(across, y, strict=True):
            ax.plot(seed, path, color=colours[name], lw=0.7, alpha=0.35)
    ax.plot([], [], color="0.3", lw=0.7, alpha=0.6, label="one seed")
    ax.set(xlabel="operations an image, % of the whole net's", ylabel="% of test images right")
    plain(ax.legend())
    return ax


def at_each_exit(
    costs: Sequence[float], right: Mapping[str, Tensor], colours: Mapping[str, str] = WITHOUT, *, ax: Axes | None = None
) -> Axes:
    """Rings: all images answered at one exit. Mean over seeds, with its 95 % interval.

    Rings of several names lie side by side, :data:`ASIDE` apart, around their cost: none hides another.

    Parameters
    ----------
    costs : sequence of numbers, one an exit
        In % of the whole network's operations.
    right : mapping of name to Tensor of shape (seeds, exits)
    colours : mapping of name to colour
    """
    ax, sizes = on(ax), {}
    costs = finite("costs", costs, "exits", sizes).tolist()
    right = tensors("right", mapping("right", right, "numbers"), "seeds exits", sizes)
    for place, (name, values) in enumerate(right.items()):
        at = [cost + ASIDE * (place - (len(right) - 1) / 2) for cost in costs]
        means, halves = zip(*(measures.mean_and_interval(column) for column in values.T.tolist()), strict=True)
        ax.errorbar(at, means, halves, fmt="o", mfc="white", mew=2, ms=9, capsize=4, color=colours[name])
    said = "all images at one exit,\nmean, 95 % interval over seeds"
    ax.plot([], [], "o", mfc="white", mec="0.3", mew=2, ms=9, ls="", label=said)
    plain(ax.legend())
    return ax


def noise_key(ax: Axes) -> Axes:
    """In place of the legend of :func:`kdviz.figures.by_seed`: a square for the colours with and without noise."""
    handles = [Line2D([], [], marker="s", ls="", color=WITHOUT[f"{what} noise"]) for what in ("with", "without")]
    ax.legend(handles, ["with noise", "without noise"], ncols=2, **under(ax))
    return ax
