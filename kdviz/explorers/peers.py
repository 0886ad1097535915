"""An explorer of notebook 14: how many peers, and how they listen."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure

from kdviz import figures
from kdviz.arguments import finite, mapping, told
from kdviz.explorers.view import View
from kdviz.figures.look import plain

Errors = Mapping[str, Mapping[int, Sequence[float]]]
TITLES = {"each peer": "Each peer, in the mean", "averaged": "Their answers averaged"}


def peers(
    each: Errors, averaged: Errors, *, way: str, count: int, colours: Mapping[str, str] = figures.WITHOUT
) -> View:
    """% of the test images wrong, of each peer and of their averaged answers, by number of peers and way of listening.

    Parameters
    ----------
    each, averaged : mapping of way to mapping of number of peers to % wrong, one a seed
        Of the same ways and numbers, these rising, and of the same seeds: the mean of the single peers' errors, and
        the errors of their averaged answers. The first way is the one that the others are compared with.
    way, count : str, int
        Where it opens: one of the ways, and one of the numbers.
    colours : mapping of way to colour
    """
    sizes: dict[str, int] = {}
    wrong = {"each peer": _rounded("each", each, sizes), "averaged": _rounded("averaged", averaged, sizes)}
    ways = [*wrong["averaged"]]
    counts = sorted({number for by in wrong["averaged"].values() for number in by})
    if [*wrong["each peer"]] != ways or any([*by] != counts for of in wrong.values() for by in of.values()):
        raise ValueError(f"each and averaged need the same ways, each with the same numbers, rising: {counts}")
    if way not in ways or count not in counts:
        raise ValueError(f"it opens at one of {', '.join(ways)} and of {counts}, not at {told(way)}, {told(count)}")
    shades = {name: colours.get(name, "#666666") for name in ways}

    def still(figure: Figure, way: str, count: int) -> None:
        axes = figure.subplots(1, 2, sharey=True)
        for ax, (answer, of) in zip(axes, wrong.items(), strict=True):
            for name, by in of.items():
                means = [sum(seeds) / len(seeds) for seeds in by.values()]
                look = {"lw": 3} if name == way else {"lw": 1.6, "alpha": 0.45}
                ax.plot(counts, means, "o-", ms=3, color=shades[name], label=name, **look)
            ax.plot([count] * len(of[way][count]), of[way][count], "o", ms=7, color=shades[way], mec="white")
            ax.axvline(count, color="0.6", lw=1, zorder=0)
            ax.set(xlabel="peers", xticks=counts, title=TITLES[answer])
        axes[0].set_ylabel("% of test images wrong")
        plain(axes[1].legend())

    data = {"counts": counts, "wrong": wrong, "colours": shades, "titles": TITLES}
    return View("peers", data, still, (10, 3.9), way=way, count=count)


def summary(wrong: Sequence[float], base: Sequence[float]) -> tuple[float, int]:
    """The mean of % wrong, and in how many seeds it is less than ``base``, of the same seeds."""
    values, others = (torch.as_tensor(of, dtype=torch.float64) for of in (wrong, base))
    return values.mean().item(), int((values < others).sum())


def _rounded(name: str, of: Errors, sizes: dict[str, int]) -> dict[str, dict[int, list[float]]]:
    return {
        way: {
            int(number): [
                round(value, 2) for value in finite(f"{name} of {way!r}, {number}", seeds, "seeds", sizes).tolist()
            ]
            for number, seeds in mapping(f"{way!r} of {name}", by, "% wrong").items()
        }
        for way, by in mapping(name, of, "% wrong by number of peers").items()
    }
