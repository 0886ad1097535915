"""Several networks of one architecture as one."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn

from kdviz.networks.cnn import CNN
from kdviz.networks.mlp import MLP
from kdviz.networks.network import whole
from kdviz.networks.resnet import ResNet
from kdviz.networks.strided import Strided
from kdviz.networks.transformer import Transformer

Member = CNN | MLP | ResNet | Strided | Transformer


@dataclass(frozen=True)
class Members:
    """Networks side by side that share nothing but their inputs: an ensemble, or peers that teach each other.

    Parameters
    ----------
    network : CNN, MLP, ResNet, Strided or Transformer, or a tuple of them
        What each member is; of a tuple each member is another.
    n : int, optional
        How many members, each with an initialisation of its own; of a tuple as many as it has.
    """

    network: Member | tuple[Member, ...]
    n: int | None = None

    def __post_init__(self):
        several = isinstance(self.network, tuple | list)
        if several:
            object.__setattr__(self, "network", tuple(self.network))
        n = len(self.network) if several and self.n is None else self.n
        object.__setattr__(self, "n", whole(n, "the number of members"))
        if several and self.n != len(self.network):
            raise ValueError(f"{len(self.network)} members are described, not {self.n}: leave n out")
        if self.n < 2:
            raise ValueError(f"at least two members, not {self.n}: one is the network itself")
        for each in self.each:
            if not isinstance(each, Member):
                raise ValueError(f"a member is a description such as kd.mlp(800), not {type(each).__name__}")

    @property
    def each(self) -> tuple[Member, ...]:
        """What each member is."""
        return self.network if isinstance(self.network, tuple) else (self.network,) * self.n

    def __str__(self) -> str:
        return " + ".join(map(str, self.network)) if isinstance(self.network, tuple) else f"{self.n} × ({self.network})"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what the network answers with."""
        return (*(f"logits {i}" for i in range(1, self.n + 1)), "features", "logits")

    def build(self, input_shape: tuple[int, ...], classes: int) -> "Ensemble":
        """A new module for inputs of shape (N, \\*input_shape); the members are drawn one after another."""
        return Ensemble([each.build(input_shape, classes) for each in self.each])


def members(network: Member | tuple[Member, ...], n: int | None = None) -> Members:
    """Describe an ensemble: ``members(mlp(800, 800), 5)``; or unequal peers: ``members((mlp(30), mlp(800)))``."""
    return Members(network, n)


class Ensemble(nn.Module):
    """What :class:`Members` build.

    A forward pass gives ``logits i`` (N, C), the i-th member's, ``logits`` (N, C), the logarithms of the mean of the
    members' probabilities at T = 1, and ``features`` (N, D + D + …), the members' side by side.

    Parameters
    ----------
    networks : list of nn.Module
        Each with a last layer ``head``, which is moved from it into the ensemble's own ``head``.
    """

    def __init__(self, networks: list[nn.Module]):
        super().__init__()
        self.head = nn.ModuleList(network.head for network in networks)
        for network in networks:
            network.head = nn.Identity()
        self.members = nn.ModuleList(networks)

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        features = [member(inputs)["features"] for member in self.members]
        return together(features, [head(each) for head, each in zip(self.head, features, strict=True)])

    def apart(self) -> list[nn.Module]:
        """A copy of each member as a network by itself, with its own last layer."""
        members = copy.deepcopy([*self.members])
        for member, head in zip(members, copy.deepcopy([*self.head]), strict=True):
            member.head = head
        return members


def together(features: Sequence[Tensor], logits: Sequence[Tensor]) -> dict[str, Tensor]:
    """What an ensemble answers whose members answer with these, each of shape (..., D) and (..., C)."""
    mean = torch.stack([each.log_softmax(-1) for each in logits]).logsumexp(0) - log(len(logits))
    numbered = {f"logits {i}": each for i, each in enumerate(logits, 1)}
    return numbered | {"features": torch.cat([*features], -1), "logits": mean}
