"""Weights on few levels whose places are learned (Polino et al. 2018: differentiable quantisation)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kdviz.compression.compression import Compression
from kdviz.networks.network import whole


@dataclass(frozen=True)
class Levels(Compression):
    """Leave the weights where they are, and train the few levels they are rounded to (Polino et al. 2018, section 4).

    Every tensor of a network with two axes or more has levels of its own, as many as :class:`kdviz.Quantise` has with
    so many bits: 2^b - 1. A weight answers as the nearest one, looked for anew in each step, so the gradient of a
    level is the sum over the weights that lie on it. Nothing else is trained: neither weights nor biases nor norms.
    The levels begin at quantiles of the weights, as in the authors' code; see :func:`at_quantiles`.

    Parameters
    ----------
    bits : int
        2 to 8.

    Raises
    ------
    ValueError
        Bits that are none; in a recipe, a frozen network.
    """

    bits: int

    def __post_init__(self):
        object.__setattr__(self, "bits", whole(self.bits, "bits of a weight"))
        if not 2 <= self.bits <= 8:
            raise ValueError(f"a weight on learned levels has 2 to 8 bits, not {self.bits}")

    def __str__(self) -> str:
        return f"{self.bits} bits, learned levels"

    def check(self, model, frozen: bool) -> None:
        """See :meth:`Compression.check`."""
        if frozen:
            raise ValueError("Levels trains levels alone: a frozen recipe trains the last layer alone")

    def learned(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The levels of each tensor, shape (levels,)."""
        return {f"levels/{n}": at_quantiles(weight, self.bits) for n, weight in weights.items() if weight.ndim > 1}

    def used(self, weights: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights, each as its nearest level; the gradient reaches the levels alone."""
        return {
            name: nearest(weight, state[f"levels/{name}"]) if f"levels/{name}" in state else weight
            for name, weight in weights.items()
        }


def at_quantiles(weight: Tensor, bits: int) -> Tensor:
    """Of n = 2^b - 1 equal parts of the sorted weights, the middle of each: levels of shape (n,)."""
    many = 2**bits - 1
    ordered = weight.detach().flatten().sort().values
    places = (torch.arange(many, device=weight.device) * 2 + 1) * len(ordered) // (2 * many)
    return ordered[places]


def nearest(weight: Tensor, levels: Tensor) -> Tensor:
    """The level nearest to each weight; of two as near, the lower one.

    Parameters
    ----------
    weight : Tensor, shape (students, ...)
    levels : Tensor, shape (students, n)
        In any order: those that are trained may pass one another.
    """
    ordered = levels.sort(-1).values
    halfway = (ordered[:, 1:] + ordered[:, :-1]).detach() / 2
    place = torch.searchsorted(halfway, weight.detach().flatten(1).contiguous())
    return ordered.gather(1, place).view_as(weight)
