"""An explorer of notebook 12: which way trains how deep a network."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure

from kdviz import figures
from kdviz.arguments import finite, mapping, told
from kdviz.explorers.view import View
from kdviz.figures.deep import DEEP
from kdviz.measures import FAILS

Errors = Mapping[str, Mapping[int, Sequence[float]]]


def depths(training: Errors, test: Errors, *, way: str, layers: int, colours: Mapping[str, str] = DEEP) -> View:
    """% of the training images and of the test images wrong, by depth and way, a dot a network.

    Parameters
    ----------
    training, test : mapping of way to mapping of depth to % wrong, one a seed
        Of the same ways and depths, these rising.
    way, layers : str, int
        Where it opens: one of the ways, and one of the depths.
    colours : mapping of way to colour
    """
    both = {name: _rounded(name, of) for name, of in (("training", training), ("test", test))}
    known = sorted({depth for of in both["training"].values() for depth in of})
    if any([*by] != known for of in both.values() for by in of.values()) or both["test"].keys() != training.keys():
        raise ValueError(f"training and test need the same ways, each with the same depths in rising order, {known}")
    if way not in training or layers not in known:
        raise ValueError(f"it opens at one of {', '.join(training)} and of {known}, not at {told(way)}, {told(layers)}")
    shades = {name: colours.get(name, "#666666") for name in training}

    def still(figure: Figure, way: str, layers: int) -> None:
        for ax, (name, of) in zip(figure.subplots(1, 2), both.items(), strict=True):
            figures.trained_by_depth(of, shades, ax=ax).get_legend().remove()
            ax.axvline(layers, color="0.6", lw=1, zorder=0)
            ax.set(ylabel=f"% of {name} images wrong", title=f"{name.title()} images")
            for line in ax.lines[:-1]:
                line.set_alpha(1 if line.get_color() == shades[way] else 0.25)
        figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=len(shades))

    data = {"depths": known, "wrong": both, "colours": shades, "fails": FAILS}
    return View("depths", data, still, (10, 3.9), way=way, layers=layers)


def summary(wrong: Sequence[float], fails: float = FAILS) -> tuple[float, int]:
    """The median of % wrong, and how many networks train: have fewer wrong than ``fails``."""
    values = torch.as_tensor(wrong, dtype=torch.float64)
    return values.quantile(0.5).item(), int((values < fails).sum())


def _rounded(name: str, of: Errors) -> dict[str, dict[int, list[float]]]:
    return {
        way: {
            int(depth): [round(value, 2) for value in finite(f"{name} of {way!r} at {depth}", seeds, "seeds").tolist()]
            for depth, seeds in mapping(f"{way!r} of {name}", by, "% wrong").items()
        }
        for way, by in mapping(name, of, "% wrong by depth").items()
    }
