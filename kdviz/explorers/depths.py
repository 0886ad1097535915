"""An explorer of notebook 12: which way trains how deep a network."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure

from kdviz import figures
from kdviz.arguments import finite, mapping, several, told
from kdviz.explorers.view import View
from kdviz.figures.deep import DEEP
from kdviz.measures import FAILS


def depths(
    wrong: Mapping[str, Mapping[int, Sequence[float]]],
    curves: Mapping[str, Mapping[int, Sequence[tuple[Sequence[float], Sequence[float]]]]],
    *,
    way: str,
    layers: int,
    colours: Mapping[str, str] = DEEP,
) -> View:
    """% of the training images wrong by depth and way, and test accuracy along the training, a line a network.

    Parameters
    ----------
    wrong : mapping of way to mapping of depth to % of the training images wrong, one a seed
    curves : mapping of way to mapping of depth to (epochs, % of the test images right), one a seed
    way, layers : str, int
        Where it opens: one of the ways, and one of its depths.
    colours : mapping of way to colour
    """
    wrong = {name: {int(d): [round(v, 2) for v in finite(f"{name!r} at {d}", seeds, "seeds").tolist()]
                    for d, seeds in mapping(f"{name!r} of wrong", of, "% wrong").items()}
             for name, of in mapping("wrong", wrong, "% wrong by depth").items()}  # fmt: skip
    known = sorted({depth for of in wrong.values() for depth in of})
    if any([*of] != known for of in wrong.values()):
        raise ValueError(f"each way needs the same depths in rising order, {known}")
    if way not in wrong or layers not in known:
        raise ValueError(f"it opens at one of {', '.join(wrong)} and of {known}, not at {told(way)}, {told(layers)}")
    paths = {name: {d: [_path(one) for one in several("curves", curves[name][d], "(epochs, % right)")] for d in known}
             for name in wrong}  # fmt: skip
    shades = {name: colours.get(name, "#666666") for name in wrong}

    def still(figure: Figure, way: str, layers: int) -> None:
        by, along = figure.subplots(1, 2)
        figures.deep.trained_by_depth(wrong, shades, ax=by)
        by.axvline(layers, color="0.6", lw=1, zorder=0)
        by.get_legend().remove()
        for path in paths[way][layers]:
            along.plot(*zip(*path, strict=True), "o-", color=shades[way])
        along.set(xlabel="epoch", ylabel="% of test images right", ylim=(0, 100), title=f"{layers} layers: {way}")

    data = {"depths": known, "wrong": wrong, "curves": paths, "colours": shades, "fails": FAILS}
    return View("depths", data, still, (10, 3.9), way=way, layers=layers)


def summary(wrong: Sequence[float], fails: float = FAILS) -> tuple[float, int]:
    """The median of % wrong, and how many networks train: get more than the rest right."""
    values = torch.as_tensor(wrong, dtype=torch.float64)
    return values.quantile(0.5).item(), int((values < fails).sum())


def _path(one: tuple[Sequence[float], Sequence[float]]) -> list[list[float]]:
    epochs, right = (finite(name, of, "times").tolist() for name, of in zip(("epochs", "% right"), one, strict=True))
    return [[round(at, 2), round(value, 2)] for at, value in zip(epochs, right, strict=True)]
