"""Networks as small frozen descriptions; what they build answers with named outputs."""

import operator
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn


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
        object.__setattr__(self, "hidden", tuple(map(operator.index, self.hidden)))
        for name in ("dropout", "input_dropout"):
            object.__setattr__(self, name, float(getattr(self, name)))
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


@dataclass(frozen=True)
class CNN:
    """Convolutions of 5×5, each with ReLU and 2×2 max pooling, then fully connected ReLU layers.

    ``cnn(6, 16, hidden=(120, 84))`` is LeNet-5 (LeCun et al. 1998) as it is built today, with padding in both
    convolutions.

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
            object.__setattr__(self, name, tuple(map(operator.index, getattr(self, name))))
        object.__setattr__(self, "dropout", float(self.dropout))
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
        """A new module for images of shape (N, \\*input_shape)."""
        depth, *sides = input_shape
        layers: list[nn.Module] = []
        for before, after in pairwise((depth, *self.channels)):
            layers += [nn.Conv2d(before, after, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
            sides = [side // 2 for side in sides]
        if not all(sides):
            raise ValueError(f"{len(self.channels)} poolings leave nothing of an image of shape {input_shape}")
        sizes = [self.channels[-1] * prod(sides), *self.hidden]
        layers += [nn.Flatten(), nn.Dropout(self.dropout)]
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(self.dropout)]
        return Network(nn.Sequential(*layers), nn.Linear(sizes[-1], classes))


def cnn(*channels: int, hidden: tuple[int, ...] = (), dropout: float = 0.0) -> CNN:
    """Describe a convolutional network: ``cnn(6, 16, hidden=(120, 84))``."""
    return CNN(tuple(channels), hidden, dropout)


class Network(nn.Module):
    """A trunk and a linear head.

    A forward pass gives ``features`` of shape (N, D), ``logits`` (N, C) and, after the i-th pooling, ``map i``
    (N, channels, H, W).
    """

    def __init__(self, trunk: nn.Module, head: nn.Linear):
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        maps: dict[str, Tensor] = {}
        x = inputs
        for layer in self.trunk:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                maps[f"map {len(maps) + 1}"] = x
        return maps | {"features": x, "logits": self.head(x)}


@contextmanager
def measuring():
    """Without gradients and with products in full float32, whatever one trains with."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


def predict(
    network: nn.Module, inputs: Tensor, kept: Callable[[dict[str, Tensor]], dict[str, Tensor]], chunk: int = 5000
) -> dict[str, Tensor]:
    """What ``kept`` keeps of the outputs for ``inputs``, in eval mode and full precision; the mode is put back."""
    was_training = network.training
    network.eval()
    with measuring():
        dtype = next(network.parameters()).dtype
        parts = [kept(network(part.to(dtype))) for part in inputs.split(chunk)]
    network.train(was_training)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def predict_logits(network: nn.Module, inputs: Tensor) -> Tensor:
    """Logits of ``inputs``, shape (N, C); see :func:`predict`."""
    return predict(network, inputs, lambda outputs: {"logits": outputs["logits"]})["logits"]
