"""Plain convolutional networks."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import nn

from kdviz.arguments import number, wholes
from kdviz.networks.network import Network

# By the number of sides of an input: the convolution, the pooling, what such an input is called.
BY_SIDES = {1: (nn.Conv1d, nn.MaxPool1d, "a sequence"), 2: (nn.Conv2d, nn.MaxPool2d, "an image")}


@dataclass(frozen=True)
class CNN:
    """Convolutions of 5×5, each with ReLU and 2×2 max pooling, then fully connected ReLU layers.

    ``cnn(6, 16, hidden=(120, 84))`` is LeNet-5 (LeCun et al. 1998) as it is built today, with padding in both
    convolutions. On sequences (channels, L) the convolutions are of 5 and the poolings of 2 positions.

    Parameters
    ----------
    channels : tuple of int
        Of each convolution.
    hidden : tuple of int
        Units of each fully connected layer; none by default.
    dropout : float
        Share of the flattened and of the hidden units dropped while training.
    """

    channels: tuple[int, ...]
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0

    def __post_init__(self):
        for name in ("channels", "hidden"):
            object.__setattr__(self, name, wholes(name, getattr(self, name)))
        object.__setattr__(self, "dropout", number("dropout", self.dropout))
        if not self.channels or min(self.channels + self.hidden) < 1:
            raise ValueError(f"a CNN needs channels, and every layer a unit, not {self.channels} and {self.hidden}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a share in [0, 1), not {self.dropout}")

    def __str__(self) -> str:
        return "-".join([*(f"{channels}c" for channels in self.channels), *map(str, self.hidden)])

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what the network answers with."""
        return (*(f"map {i}" for i in range(1, len(self.channels) + 1)), "features", "logits")

    def build(self, input_shape: tuple[int, ...], classes: int) -> "Network":
        """A new module for images (N, channels, H, W) or sequences (N, channels, L)."""
        depth, *sides = input_shape
        if len(sides) not in BY_SIDES:
            raise ValueError(f"a CNN takes inputs of shape (channels, H, W) or (channels, L), not {input_shape}")
        convolution, pooling, called = BY_SIDES[len(sides)]
        layers: list[nn.Module] = []
        for before, after in pairwise((depth, *self.channels)):
            layers += [convolution(before, after, 5, padding=2), nn.ReLU(), pooling(2)]
            sides = [side // 2 for side in sides]
        if not all(sides):
            raise ValueError(f"{len(self.channels)} poolings leave nothing of {called} of shape {input_shape}")
        sizes = [self.channels[-1] * prod(sides), *self.hidden]
        layers += [nn.Flatten(), nn.Dropout(self.dropout)]
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(self.dropout)]
        return Network(nn.Sequential(*layers), nn.Linear(sizes[-1], classes))


def cnn(*channels: int, hidden: tuple[int, ...] = (), dropout: float = 0.0) -> CNN:
    """Describe a convolutional network: ``cnn(6, 16, hidden=(120, 84))``."""
    return CNN(tuple(channels), hidden, dropout)
