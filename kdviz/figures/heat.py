"""One answer as the temperature turns: its bars, its entropy, and its path among three classes."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LogNorm
from matplotlib.ticker import NullFormatter, NullLocator
from torch import Tensor

from kdviz import measures
from kdviz.arguments import logits as given_logits
from kdviz.arguments import mapping, names, tensors
from kdviz.arguments import temperatures as given_temperatures
from kdviz.figures.correlation import axes_of
from kdviz.figures.examples import image, soft_target
from kdviz.figures.look import check_colours, plain
from kdviz.figures.temperature import by_temperature, simplex_path

RIVALS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7")  # an example each
TOLD = (0.5, 1, 2, 4, 8, 20, 50, 100)  # temperatures a key names


def one_answer(
    pixels: Tensor,
    logits: Tensor,
    classes: Sequence[str],
    temperatures: Sequence[float],
    *,
    label: str = "",
    axes: Sequence[Axes],
) -> Sequence[Axes]:
    """An image, and the soft target of it at each of B temperatures, a panel each on one scale.

    Parameters
    ----------
    pixels : Tensor, shape (D, H, W)
    logits : Tensor, shape (C,)
    classes : names of the C classes
    temperatures : sequence of B numbers
    label : str
        What the image is titled.
    axes : sequence of 1 + B Axes
    """
    temperatures, logits = given_temperatures(temperatures), given_logits("logits of one example", logits, "C")
    axes = axes_of(axes, 1 + len(temperatures))
    image(pixels, title=label, ax=axes[0])
    for place, (ax, temperature) in enumerate(zip(axes[1:], temperatures, strict=True)):
        soft_target(logits, classes, [temperature], ax=ax).set_title(f"T = {temperature:g}")
        ax.set(ylabel="probability" if place == 0 else "", yticks=[0, 0.5, 1])
        ax.tick_params(axis="y", labelleft=place == 0)
        ax.tick_params(axis="x", labelsize=9)
    return axes


def paths(
    examples: Mapping[str, Tensor],
    everything: Tensor,
    classes: Sequence[str],
    temperatures: Sequence[float],
    *,
    marked: Sequence[float] = (1, 4, 20),
    axes: Sequence[Axes],
) -> Sequence[Axes]:
    """Entropy of K examples' soft targets against temperature, and the path of each among its three likeliest classes.

    Parameters
    ----------
    examples : mapping of name to Tensor of shape (C,)
        Logits.
    everything : Tensor, shape (N, C)
        Logits of all examples, whose mean entropy is drawn, too.
    classes : names of the C classes
    temperatures : sequence of B numbers, ascending
    marked : sequence of numbers
        Temperatures named on the paths.
    axes : sequence of K + 2 Axes
        The entropy's, one for each example, and the one of the key.
    """
    temperatures, classes = given_temperatures(temperatures), names(classes)
    examples = tensors("examples", mapping("examples", examples, "logits"), "C", {"C": len(classes)}, given_logits)
    axes = axes_of(axes, len(examples) + 2)
    curves = {name: [measures.entropy(row[None], t).item() for t in temperatures] for name, row in examples.items()}
    curves["mean of all"] = [measures.entropy(everything, t).mean().item() for t in temperatures]
    shades = dict(zip(examples, RIVALS, strict=False)) | {"mean of all": "0.5"}
    by_temperature(temperatures, curves, colours=shades, ax=axes[0])
    axes[0].axhline(np.log(len(classes)), color="0.3", ls=":", label=f"ln {len(classes)}: nothing said")
    axes[0].set(ylabel="entropy, nats")
    plain(axes[0].legend(loc="upper left", bbox_to_anchor=(0, 0.95), fontsize=9))
    for ax, (name, row) in zip(axes[1:-1], examples.items(), strict=True):
        simplex_path(row, classes, temperatures, marked=marked, ax=ax)
        ax.set_title(name, loc="center", color=shades.get(name), parse_math=False)
    temperature_key(temperatures, ax=axes[-1])
    return axes


def temperature_key(temperatures: Sequence[float], *, ax: Axes) -> Axes:
    """What the colours of :func:`kdviz.figures.simplex_path` say: T, on a logarithmic scale.

    Parameters
    ----------
    temperatures : sequence of B numbers, ascending
    ax : Axes
        Filled by the colour bar.
    """
    temperatures = given_temperatures(temperatures)
    span = min(temperatures), max(temperatures)
    bar = Colorbar(ax, ScalarMappable(LogNorm(*span), "plasma"))
    told = [t for t in TOLD if span[0] <= t <= span[1]]
    ax.yaxis.set_minor_locator(NullLocator())
    bar.set_ticks(told, labels=[f"{t:g}" for t in told])
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_title("T", loc="center")
    return ax


def answers_in_a_row(
    groups: Mapping[str, Mapping[str, tuple[Tensor, float]]],
    classes: Sequence[str],
    *,
    colours: Mapping[str, str],
    axes: np.ndarray,
) -> np.ndarray:
    """Bars of several teachers' soft targets for one image, on one scale: a row a way of heating, a column a teacher.

    Parameters
    ----------
    groups : mapping of row to mapping of name to (logits, T)
        Logits of shape (C,), or (S, C), whose probabilities are averaged.
    classes : names of the C classes
    colours : mapping of name to colour
    axes : array of Axes, shape (rows, names)
    """
    classes, most = names(classes), 0.0
    groups = mapping("groups", groups, "answers")
    for answers in groups.values():
        check_colours(colours, answers)
    for row, (heat, answers) in zip(axes, groups.items(), strict=True):
        for ax, (name, (logits, temperature)) in zip(row, answers.items(), strict=True):
            shares = (logits / temperature).softmax(-1).reshape(-1, len(classes)).mean(0)
            ax.bar(range(len(classes)), shares.numpy(), color=colours[name])
            most = max(most, shares.max().item())
            ax.set_title(f"{name}, T = {temperature:.2g}", loc="center", parse_math=False)
            ax.set_xticks(range(len(classes)), classes, parse_math=False)
        row[0].set_ylabel(f"probability,\n{heat}", parse_math=False)
    for ax in np.ravel(axes):
        ax.set_ylim(0, 1.05 * most)
    return axes
