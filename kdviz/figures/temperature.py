"""What a temperature does: to one soft target, and to the gradient that a student gets from it."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from torch import Tensor

from kdviz import measures
from kdviz.arguments import finite, indices, tensors
from kdviz.arguments import logits as given_logits
from kdviz.arguments import names as given_names
from kdviz.arguments import temperatures as given_temperatures
from kdviz.figures.look import COLOURS, check_colours, on

BOLD = {"fontsize": 12, "fontweight": "bold"}
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])


def by_temperature(
    temperatures: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    *,
    colours: Mapping = COLOURS,
    ax: Axes | None = None,
) -> Axes:
    """A line for each quantity against temperature, on a logarithmic axis.

    Parameters
    ----------
    temperatures : sequence of B numbers
    curves : mapping of name to sequence of B numbers
    colours : mapping of name to colour
    """
    ax = on(ax)
    check_colours(colours)
    temperatures = given_temperatures(temperatures)
    curves = {} if curves == {} else tensors("curves", curves, "B", {"B": len(temperatures)})  # none: the axes alone
    for name, values in curves.items():
        ax.plot(temperatures, values.tolist(), color=colours.get(name), label=name)
    ax.set(xscale="log", xlabel="temperature T")
    ticks = [t for t in (0.5, 1, 2, 4, 8, 20, 50, 200, 1000) if min(temperatures) <= t <= max(temperatures)]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()
    return ax


def slopes(
    temperatures: Sequence[float], curves: Mapping[str, Sequence[float]], span: tuple[float, float], ax: Axes
) -> dict[str, float]:
    """Draw straight lines fitted to curves on log–log axes between two temperatures; return each one's slope.

    Parameters
    ----------
    temperatures : sequence of B numbers
    curves : mapping of name to sequence of B positive numbers
    span : (lowest, highest) temperature of the fit
    ax : Axes
        Where :func:`by_temperature` drew the curves.
    """
    ax = on(ax)
    at = np.asarray(given_temperatures(temperatures))
    curves = {name: values.double().numpy() for name, values in tensors("curves", curves, "B", {"B": len(at)}).items()}
    if strange := [name for name, values in curves.items() if not (values > 0).all()]:
        raise ValueError(f"the slope on log–log axes is of numbers above 0: {strange[0]!r} of curves has others")
    span = tuple(finite("span", span, "2", {"2": 2}).tolist())
    inside = (at >= span[0] * (1 - 1e-9)) & (at <= span[1] * (1 + 1e-9))
    if inside.sum() < 2:
        raise ValueError(f"a slope needs two temperatures between {span[0]:g} and {span[1]:g}, not {inside.sum()}")
    logs = {name: np.log(values[inside]) for name, values in curves.items()}
    highest, found = max(logs, key=lambda name: logs[name].mean()), {}
    for name, values in logs.items():
        fit = np.polynomial.Polynomial.fit(np.log(at[inside]), values, 1).convert()
        found[name] = float(fit.coef[1])
        heights = np.exp(fit(np.log(at[inside])))
        ax.plot(at[inside], heights, ":", color="black", lw=1.5)
        place = at[inside][len(heights) // 2], heights[len(heights) // 2]
        told = f"slope {found[name] if abs(found[name]) >= 0.005 else 0.0:+.2f}"
        offset, across, up = ((4, 5), "left", "bottom") if name == highest else ((-5, -4), "right", "top")
        ax.annotate(told, place, xytext=offset, textcoords="offset points", ha=across, va=up)
    return found


def _apart(places: Sequence[tuple[str, np.ndarray]], least: float = 0.03) -> list[tuple[str, np.ndarray]]:
    """Named places; of those nearer than ``least`` to the one before, the names stand at that one."""
    kept: list[tuple[str, np.ndarray]] = []
    for name, place in places:
        if kept and np.linalg.norm(place - kept[-1][1]) < least:
            kept[-1] = f"{kept[-1][0]}, {name}", kept[-1][1]
        else:
            kept.append((name, place))
    return kept


def simplex_path(
    logits: Tensor,
    classes: Sequence[str],
    temperatures: Sequence[float],
    *,
    marked: Sequence[float] = (),
    ax: Axes | None = None,
) -> Axes:
    """The soft target among an example's three likeliest classes, as T goes through ``temperatures``.

    The corners are the classes, the likeliest at the lower left, and the centre is "cannot tell". The three
    probabilities are divided by their sum. Colour is log T, from dark (cold) to bright (hot).

    Parameters
    ----------
    logits : Tensor, shape (C,)
        C at least 3.
    classes : names of the C classes
    temperatures : sequence of numbers, ascending
    marked : sequence of numbers
        Temperatures to name on the path.
    """
    logits = given_logits("logits of one example", logits, "C")
    if len(logits) < 3:
        raise ValueError(f"a triangle needs the logits of three classes at least, not of {len(logits)}")
    classes, temperatures = given_names(classes, len(logits)), given_temperatures(temperatures)
    marked = [] if isinstance(marked, tuple) and not marked else given_temperatures(marked)
    ax = on(ax)
    top = logits.topk(3)

    def place(temperature: float) -> np.ndarray:
        return torch.softmax(top.values.double() / temperature, -1).numpy() @ CORNERS

    ax.fill(*CORNERS.T, facecolor="0.97", edgecolor="0.5", lw=1)
    for side in range(3):  # from the middle of each side to the centre: between them one class leads
        middle = (CORNERS[side] + CORNERS[(side + 1) % 3]) / 2
        ax.plot(*np.stack([middle, CORNERS.mean(0)]).T, color="0.85", lw=0.8)
    path = np.stack([place(t) for t in temperatures])
    ax.plot(*path.T, color="0.6", lw=1)
    ax.scatter(*path.T, c=np.log(temperatures), cmap="plasma", s=22, zorder=3)
    for i, (told, (x, y)) in enumerate(_apart([(f"{t:g}", place(t)) for t in marked])):  # alternately below and above
        ax.plot(x, y, "o", mfc="none", color="black", markersize=9, zorder=4)
        offset, across = ((5, -15), "left") if i % 2 == 0 else ((6, 9), "right")
        ax.annotate(f"T = {told}", (x, y), xytext=offset, textcoords="offset points", ha=across, fontsize=9, zorder=5)
    for corner, row, (dx, dy) in zip(CORNERS, top.indices.tolist(), [(-8, -2), (8, -2), (0, 6)], strict=True):
        across = {-8: "right", 8: "left", 0: "center"}[dx]
        ax.annotate(
            classes[row], corner, xytext=(dx, dy), textcoords="offset points", ha=across, parse_math=False, **BOLD
        )
    ax.set(aspect="equal", xlim=(-0.15, 1.12), ylim=(-0.12, 1.0))
    ax.set_axis_off()
    return ax


def shares_by_temperature(
    temperatures: Sequence[float], shares: Tensor, names: Sequence[str], *, ax: Axes | None = None
) -> Axes:
    """Share of each class (a row) in the gradient against temperature (a column each), in percent, as a heat map.

    Parameters
    ----------
    temperatures : sequence of B numbers
    shares : Tensor, shape (B, C)
    names : sequence of C names
    """
    ax = on(ax)
    temperatures = given_temperatures(temperatures)
    percent = 100 * finite("shares", shares, "B C", {"B": len(temperatures)}).T.numpy()
    names = given_names(names, len(percent), "names")
    ax.imshow(percent, cmap="cividis", aspect="auto", vmin=0, vmax=50)
    for (row, column), value in np.ndenumerate(percent):
        ink = "black" if value > 25 else "white"
        ax.text(column, row, f"{value:.0f}", ha="center", va="center", color=ink, fontsize=8)
    ax.set_xticks(range(len(temperatures)), [f"{t:g}" for t in temperatures])
    ax.set_yticks(range(len(names)), names, parse_math=False)
    ax.set(xlabel="temperature T")
    ax.grid(False)
    ax.tick_params(length=0)
    return ax


def projection(
    features: Tensor,
    templates: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    chosen: Sequence[int],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Features of three classes in the plane through their templates (Müller et al. 2019, figure 1).

    Parameters
    ----------
    features : Tensor, shape (N, D)
    templates : Tensor, shape (C, D)
        The last layer's weights.
    labels : Tensor, shape (N,)
    classes : names of the C classes
    chosen : three classes
    """
    ax = on(ax)
    sizes: dict[str, int] = {}
    features, templates = finite("features", features, "N D", sizes), finite("templates", templates, "C D", sizes)
    labels, classes = indices("labels", labels, "N", sizes, sizes["C"]), given_names(classes, sizes["C"])
    chosen = indices("chosen", chosen, "3", {"3": 3}, sizes["C"]).tolist()
    if missing := [classes[row] for row in chosen if not (labels == row).any()]:
        raise ValueError(f"there is no example of {', '.join(missing)}: choose classes that have some")
    basis = measures.template_plane(templates[chosen])
    for row, colour in zip(chosen, ("#0072B2", "#E69F00", "#009E73"), strict=True):
        points = (features[labels == row].double() @ basis.T).numpy()
        ax.plot(*points.T, ".", color=colour, alpha=0.5, markersize=4)
        ax.plot([], [], "o", color=colour, label=classes[row])
        ax.plot(*points.mean(0), "X", color=colour, markeredgecolor="black", markersize=9)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="datalim")
    ax.grid(False)
    return ax
