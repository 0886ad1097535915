"""Something turned, beside a control that has nothing to turn."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from torch import Tensor

from kdviz import measures
from kdviz.arguments import finite
from kdviz.figures.curves import by_setting
from kdviz.figures.look import COLOURS, on, plain, under


def turned(
    settings: Sequence[float],
    values: Tensor,
    control: Sequence[float],
    *,
    name: str = "soft targets",
    beside: str = "hard labels",
    colour: str = COLOURS["student"],
    ax: Axes | None = None,
) -> Axes:
    """A value of students at each setting, mean and 95 % interval over seeds; the control's as a line with a band.

    Settings stand at equal distances.

    Parameters
    ----------
    settings : sequence of S numbers
    values : Tensor, shape (seeds, S)
    control : sequence of numbers, one a seed
    name, beside : str
        What the students and the control are called.
    colour : str
        Of the students; the control is grey.
    """
    ax = on(ax)
    settings = finite("settings", settings, "S").tolist()
    places = list(range(len(settings)))
    values = finite("values", values, "seeds S", {"S": len(places)})
    mean, half = measures.mean_and_interval(finite("control", control, "seeds").tolist())
    grey = COLOURS["hard labels"]
    band = ax.axhspan(mean - half, mean + half, color=grey, alpha=0.25, lw=0)
    line = ax.axhline(mean, color=grey, ls="--")
    by_setting(places, {name: values}, {name: colour}, ax=ax)
    (bars,) = ax.containers
    (dot,) = ax.plot([], [], ".", color=colour, alpha=0.35, markersize=5)
    ax.set_xticks(places, [f"{setting:g}" for setting in settings])
    ax.set(xlim=(-0.4, len(places) - 0.6), xlabel="T")
    said = [f"{beside}, 95 % interval", f"{name}, 95 % interval", "one seed"]
    plain(ax.legend([(band, line), bars, dot], said, **under(ax)))
    return ax
