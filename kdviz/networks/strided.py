"""Small convolutional networks whose convolutions halve the sides, with an exit after each where asked for."""

from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdviz.arguments import number, wholes
from kdviz.networks.network import operations


@dataclass(frozen=True)
class Strided:
    """Convolutions of stride 2, each with BatchNorm and ReLU, then one linear layer: quick on a processor.

    The first is of 5×5, the others are of 3×3; odd sides are rounded up.

    Parameters
    ----------
    channels : tuple of int
        Of each convolution.
    dropout : float
        Share of the features dropped while training.
    exits : bool
        Also classify after each convolution but the last, each through one more convolution that brings its map to
        the channels and sides of the last one: so ``features i`` is as wide as ``features`` (as Zhang et al. 2019).
    """

    channels: tuple[int, ...]
    dropout: float = 0.0
    exits: bool = False

    def __post_init__(self):
        object.__setattr__(self, "channels", wholes("channels", self.channels))
        object.__setattr__(self, "dropout", number("dropout", self.dropout))
        if not self.channels or min(self.channels) < 1:
            raise ValueError(f"each convolution needs at least one channel, and there is at least one: {self.channels}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a share in [0, 1), not {self.dropout}")
        if self.exits not in (True, False):
            raise ValueError(f"exits is True or False, not {self.exits!r}")
        object.__setattr__(self, "exits", bool(self.exits))
        if self.exits and len(self.channels) < 2:
            raise ValueError("an early exit stands before the last convolution: give at least two of them")

    def __str__(self) -> str:
        said = "-".join(f"{channels}s" for channels in self.channels)
        return f"{said}, {len(self.channels)} exits" if self.exits else said

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what the network answers with."""
        count = len(self.channels)
        early = range(1, count) if self.exits else ()
        return (
            *(f"map {i}" for i in range(1, count + 1)),
            *(f"{what} {i}" for i in early for what in ("features", "logits")),
            "features",
            "logits",
        )

    def build(self, input_shape: tuple[int, ...], classes: int) -> "StridedNetwork":
        """A new module for images (N, channels, H, W)."""
        if len(input_shape) != 3:
            raise ValueError(f"convolutions of stride 2 take images (channels, H, W), not {input_shape}")
        return StridedNetwork(self, input_shape, classes)


def strided(*channels: int, dropout: float = 0.0, exits: bool = False) -> Strided:
    """Describe a small convolutional network: ``strided(8, 16, 32)``; see :class:`Strided`."""
    return Strided(tuple(channels), dropout, exits)


class StridedNetwork(nn.Module):
    """What :class:`Strided` builds.

    A forward pass gives ``map i`` (N, channels, H, W), after each convolution, ``features`` (N, D), the last map
    flattened, and ``logits`` (N, C); with exits also ``features i`` (N, D) and ``logits i`` (N, C).
    """

    def __init__(self, described: Strided, input_shape: tuple[int, ...], classes: int):
        super().__init__()
        depth, *sides = input_shape
        channels, count = described.channels, len(described.channels)
        for _ in channels:
            sides = [-(-side // 2) for side in sides]
        width = channels[-1] * sides[0] * sides[1]
        self.stages = nn.ModuleList(
            _convolution(before, after, 5 if i == 0 else 3, 2)
            for i, (before, after) in enumerate(pairwise((depth, *channels)))
        )
        self.dropout = described.dropout
        self.head = nn.Linear(width, classes)
        early = range(1, count) if described.exits else ()  # drawn last: the trunk starts as that of a net without
        self.bottlenecks = nn.ModuleList(
            _convolution(channels[i - 1], channels[-1], 3, 2 ** (count - i)) for i in early
        )
        self.early_heads = nn.ModuleList(nn.Linear(width, classes) for _ in early)

    def stage(self, i: int, x: Tensor) -> dict[str, Tensor]:
        """What the i-th stage, from 1 on, makes of the map before it, and its exit of that, where it has one."""
        x = self.stages[i - 1](x)
        if i == len(self.stages):
            return {f"map {i}": x, **self._classified(x, self.head, "")}
        if not self.bottlenecks:
            return {f"map {i}": x}
        return {f"map {i}": x, **self._classified(self.bottlenecks[i - 1](x), self.early_heads[i - 1], f" {i}")}

    def _classified(self, x: Tensor, head: nn.Linear, named: str) -> dict[str, Tensor]:
        features = F.dropout(x.flatten(1), self.dropout, self.training)
        return {f"features{named}": features, f"logits{named}": head(features)}

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        x, outputs = inputs, {}
        for i in range(1, len(self.stages) + 1):
            outputs |= self.stage(i, x)
            x = outputs[f"map {i}"]
        return outputs


@torch.no_grad()
def leave_early(network: StridedNetwork, inputs: Tensor, doubt: float) -> tuple[Tensor, Tensor]:
    """Answers of a network with exits, each taken at the first exit that is sure; what has left is not computed on.

    Parameters
    ----------
    network : StridedNetwork
        With exits, in eval mode.
    inputs : Tensor, shape (N, channels, H, W)
    doubt : float
        An exit is sure where one minus its largest probability is at most this; the last one always answers.

    Returns
    -------
    logits : Tensor, shape (N, C)
    exits : Tensor, shape (N,), int64
        Which exit gave them, from 1 on.
    """
    if not len(getattr(network, "bottlenecks", ())):
        raise ValueError("the network has no early exits: describe one with kd.strided(..., exits=True)")
    if network.training:
        raise ValueError("a network in training answers with its batch's statistics: call network.eval() first")
    last = len(network.stages)
    left, x = torch.arange(len(inputs)), inputs
    logits, exits = inputs.new_zeros(len(inputs), network.head.out_features), torch.full((len(inputs),), last)
    for i in range(1, last + 1):
        found = network.stage(i, x)
        z = found["logits" if i == last else f"logits {i}"]
        sure = (1 - z.softmax(-1).amax(-1) <= doubt) | (i == last)
        logits[left[sure]], exits[left[sure]] = z[sure], i
        left, x = left[~sure], found[f"map {i}"][~sure]
        if not len(left):
            break
    return logits, exits


def exit_operations(described: Strided, input_shape: tuple[int, ...], classes: int) -> list[int]:
    """Multiplications of one example up to each exit, that of the exits before it among them, the last one's last."""
    with torch.random.fork_rng([]), torch.no_grad():
        network = described.build(input_shape, classes).eval()
        x, counts = torch.zeros(1, *input_shape), []
        for i in range(1, len(network.stages) + 1):
            count, answered = operations(partial(network.stage, i), x)
            counts.append(count // 2)
            x = answered[f"map {i}"]
    return list(accumulate(counts))


def _convolution(before: int, after: int, side: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, side, stride, padding=side // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())
