"""Weights of few bits, while a network learns or after it (Polino et al. 2018; Mishra and Marr 2018, Apprentice)."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdviz.compression.compression import Compression
from kdviz.networks import Members
from kdviz.networks.network import whole

# Numbers with a sign and a floating point: all their bits, those of the fraction, the smallest exponent, the largest
# number (Micikevicius et al. 2022; Rouhani et al. 2023).
FLOATS = {"e4m3": (8, 3, -6, 448.0), "e5m2": (8, 2, -14, 57344.0), "e2m1": (4, 1, 0, 6.0)}
TRIED = 40  # scales, from a fortieth of that of the largest weight to it


@dataclass(frozen=True)
class Quantise(Compression):
    """Answer with weights rounded to few bits, and train those that were rounded (Polino et al. 2018).

    Every tensor of a network with two axes or more is rounded: weights of layers, kernels, tables of embeddings;
    biases and norms are not. The gradient passes as if nothing had been rounded. A run ends with the rounded weights.

    ``b`` bits are whole multiples of a scale from -(2^(b-1) - 1) to 2^(b-1) - 1, as many on each side: 2 bits are -1,
    0 and 1 (ternary, as in Apprentice). 1 bit is the sign, times the mean of |w| (Rastegari et al. 2016).

    Parameters
    ----------
    bits : int
        1 to 8.
    number : {"integer", "e4m3", "e5m2", "e2m1"}
        The last three are floats, by the bits of exponent and fraction; the first two of them have 8 bits, the last 4.
    per : {"tensor", "row"}
        What has a scale of its own: a whole tensor, or each unit or channel that it gives.
    scale : {"maximum", "error"}
        Whether a scale makes the largest weight the largest number, or is the best of forty, up to that one, in
        squared error. It follows the weights at each step. One bit has its own.
    member : int, optional
        Of a :func:`kdviz.members` the one that is rounded, counted from 1; the others stay in full precision, as the
        teacher that trains beside its student does (Mishra and Marr 2018, scheme A).

    Raises
    ------
    ValueError
        Bits, a number or a choice that are none, or bits that the number has not; in a recipe, a member that its
        network has not.
    """

    bits: int
    number: str = "integer"
    per: str = "tensor"
    scale: str = "maximum"
    member: int | None = None

    def __post_init__(self):
        object.__setattr__(self, "bits", whole(self.bits, "bits of a weight"))
        choices = {"number": ("integer", *FLOATS), "per": ("tensor", "row"), "scale": ("maximum", "error")}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}, not {getattr(self, name)!r}")
        if not 1 <= self.bits <= 8:
            raise ValueError(f"a weight has 1 to 8 bits, not {self.bits}")
        if self.number in FLOATS and self.bits != FLOATS[self.number][0]:
            raise ValueError(f"{self.number} has {FLOATS[self.number][0]} bits, not {self.bits}")
        if self.member is not None:
            object.__setattr__(self, "member", whole(self.member, "the member that is rounded"))

    def __str__(self) -> str:
        said = f"{self.bits} bit{'s' if self.bits > 1 else ''}"
        said += f", member {self.member} alone" if self.member else ""
        return said if self.number == "integer" else f"{said} ({self.number})"

    def check(self, model, frozen: bool) -> None:
        """See :meth:`Compression.check`."""
        n = model.n if isinstance(model, Members) else 0
        if self.member is not None and not 1 <= self.member <= n:
            has = f"{model} has {n} members" if n else f"{model} has no members: write kd.members"
            raise ValueError(f"member {self.member} is to be rounded, and {has}")

    def _rounds(self, name: str) -> bool:
        """Whether weights of this name are among those that are rounded."""
        return self.member is None or name.startswith((f"members.{self.member - 1}.", f"head.{self.member - 1}."))

    def used(self, weights: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The rounded weights; their gradient is that of the weights."""
        return {
            name: self.rounded(weight.detach()) + (weight - weight.detach())
            if weight.ndim > 2 and self._rounds(name)
            else weight
            for name, weight in weights.items()
        }

    def rounded(self, weight: Tensor) -> Tensor:
        """The weights of one tensor of several students, shape (students, rows, ...), rounded."""
        axes = tuple(range(2 if self.per == "row" else 1, weight.ndim))
        if self.bits == 1:
            mean = weight.abs().mean(axes, keepdim=True)
            return torch.where(weight < 0, -mean, mean)
        most = weight.abs().amax(axes, keepdim=True)
        best = self._with_largest(weight, most)
        if self.scale == "error":
            least = (best - weight).square().sum(axes, keepdim=True)
            for share in range(1, TRIED):
                tried = self._with_largest(weight, most * (share / TRIED))
                error = (tried - weight).square().sum(axes, keepdim=True)
                best, least = torch.where(error < least, tried, best), torch.minimum(error, least)
        return best

    def _with_largest(self, weight: Tensor, most: Tensor) -> Tensor:
        """The weights as the nearest numbers, the largest of which is ``most``."""
        if self.number == "integer":
            largest, step = 2 ** (self.bits - 1) - 1, 1.0
        else:
            _, fraction, smallest, largest = FLOATS[self.number]
        scale = most / largest
        scaled = weight / torch.where(scale > 0, scale, 1.0)
        if self.number != "integer":
            step = torch.exp2(scaled.abs().log2().floor().clamp(min=smallest) - fraction)
        return ((scaled / step).round() * step).clamp(-largest, largest) * scale


def quantised(weights: Mapping[str, Tensor] | nn.Module, bits: int, **said) -> dict[str, Tensor] | nn.Module:
    """A trained network's weights, or a copy of the network, rounded as :class:`Quantise` says; nothing is trained.

    Parameters
    ----------
    weights : mapping of str to Tensor, or Module
        A state dict, or the network itself, which stays as it is.
    bits : int
    **said
        ``number``, ``per``, ``scale`` and ``member``, as of :class:`Quantise`.

    Examples
    --------
    >>> kd.compression.quantised(run.network(), 3)
    """
    if isinstance(weights, nn.Module):
        network = copy.deepcopy(weights)
        network.load_state_dict(quantised(network.state_dict(), bits, **said))
        return network
    kind = Quantise(bits, **said)
    rounds = {n for n, weight in weights.items() if weight.is_floating_point() and weight.ndim > 1 and kind._rounds(n)}
    return {name: kind.rounded(weight[None])[0] if name in rounds else weight for name, weight in weights.items()}
