"""Fully connected networks."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import nn

from kdviz.arguments import number, wholes
from kdviz.networks.network import Network


@dataclass(frozen=True)
class MLP:
    """Fully connected ReLU layers (Hinton et al. 2015 use 1200-1200 and 800-800 on MNIST).

    Parameters
    ----------
    hidden : tuple of int
        Units of each hidden layer.
    dropout, input_dropout : float
        Share of hidden units, and of inputs, dropped while training.
    """

    hidden: tuple[int, ...]
    dropout: float = 0.0
    input_dropout: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "hidden", wholes("hidden", self.hidden))
        for name in ("dropout", "input_dropout"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"an MLP needs hidden layers of at least one unit, not {self.hidden}")
        if not all(0 <= share < 1 for share in (self.dropout, self.input_dropout)):
            raise ValueError(f"dropout is a share in [0, 1), not {self.dropout}, {self.input_dropout}")

    def __str__(self) -> str:
        return "-".join(map(str, self.hidden))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what the network answers with."""
        return ("features", "logits")

    def build(self, input_shape: tuple[int, ...], classes: int) -> "Network":
        """A new module for inputs of shape (N, \\*input_shape)."""
        sizes = [prod(input_shape), *self.hidden]
        layers: list[nn.Module] = [nn.Flatten(), nn.Dropout(self.input_dropout)]
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(self.dropout)]
        return Network(nn.Sequential(*layers), nn.Linear(sizes[-1], classes))


def mlp(*hidden: int, dropout: float = 0.0, input_dropout: float = 0.0) -> MLP:
    """Describe an MLP: ``mlp(800, 800)`` has two hidden layers of 800 units."""
    return MLP(tuple(hidden), dropout, input_dropout)
