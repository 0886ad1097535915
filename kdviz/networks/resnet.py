"""Residual networks for small images."""

from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from kdviz.networks.network import whole

NORMS = {"batch": nn.BatchNorm2d, "group": partial(nn.GroupNorm, 8), "layer": partial(nn.GroupNorm, 1)}
STRIDES = 1, 2, 2  # of the three groups: each has twice the channels of the one before


@dataclass(frozen=True)
class ResNet:
    """The residual networks of He et al. 2016, section 4.2: three groups of blocks of two 3×3 convolutions.

    Shortcuts have no weights: where a group halves the sides and doubles the channels, every second pixel is taken
    and zeros fill the new channels (the paper's option A). A block ends with its addition and a ReLU.

    Parameters
    ----------
    depth : int
        Layers with weights: 6n + 2 for n blocks a group, from 8 to 110.
    width : int
        Channels of the first group; the second has twice and the third four times as many.
    norm : {"batch", "group", "layer"}
        After each convolution. A group norm has 8 groups of channels; a layer norm is a group norm with one group:
        over channels and positions of an example, with a scale and a shift for each channel (Wu and He 2018).
    weight_standardise : bool
        Give each filter mean 0 and variance 1 before it is used (Qiao et al. 2019, section 3).
    exits : bool
        Also classify after the first and the second group, each through a bottleneck of 1×1, 3×3 (stride 2) and 1×1
        convolutions whose pooled output, ``features i``, is as wide as ``features`` (as Zhang et al. 2019).
    """

    depth: int
    width: int = 16
    norm: str = "batch"
    weight_standardise: bool = False
    exits: bool = False

    def __post_init__(self):
        for name in ("depth", "width"):
            object.__setattr__(self, name, whole(getattr(self, name), f"the {name} of a resnet"))
        if not 8 <= self.depth <= 110 or self.depth % 6 != 2:
            raise ValueError(f"a resnet has 6n + 2 layers, 8, 14, 20 … 110, not {self.depth}")
        if self.norm not in [*NORMS]:
            raise ValueError(f"the norm of a resnet is one of {', '.join(NORMS)}, not {self.norm!r}")
        if self.width < 1 or (self.norm == "group" and self.width % 8):
            raise ValueError(f"a width is at least 1, and for a group norm a multiple of 8, not {self.width}")
        for name in ("weight_standardise", "exits"):
            if getattr(self, name) not in (True, False):
                raise ValueError(f"{name} is True or False, not {getattr(self, name)!r}")
            object.__setattr__(self, name, bool(getattr(self, name)))

    def __str__(self) -> str:
        said = [f"resnet-{self.depth}"]
        said += [f"width {self.width}"] if self.width != 16 else []
        said += [f"{self.norm} norm"] if self.norm != "batch" else []
        said += ["standardised weights"] if self.weight_standardise else []
        return ", ".join(said + (["three exits"] if self.exits else []))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what the network answers with."""
        early = ("features 1", "features 2", "logits 1", "logits 2") if self.exits else ()
        return ("map 1", "map 2", "map 3", *early, "features", "logits")

    def build(self, input_shape: tuple[int, ...], classes: int) -> "ResidualNetwork":
        """A new module for images of shape (N, channels, H, W), no side below 8."""
        if len(input_shape) != 3 or min(input_shape[1:]) < 8:
            raise ValueError(f"a resnet takes images (channels, H, W) of at least 8×8 pixels, not {input_shape}")
        return ResidualNetwork(self, input_shape[0], classes)


def resnet(
    depth: int, width: int = 16, norm: str = "batch", *, weight_standardise: bool = False, exits: bool = False
) -> ResNet:
    """Describe a residual network: ``resnet(20)``, ``resnet(56, norm="layer")``; see :class:`ResNet`."""
    return ResNet(depth, width, norm, weight_standardise, exits)


class ResidualNetwork(nn.Module):
    """What a :class:`ResNet` builds.

    A forward pass gives ``map 1`` to ``map 3`` (N, channels, H, W), the ends of the groups, ``features``
    (N, 4 · width), their mean over positions, and ``logits`` (N, C); with exits also ``features i`` and ``logits i``.
    """

    def __init__(self, described: ResNet, depth: int, classes: int):
        super().__init__()
        layer = partial(_convolution, norm=described.norm, standardised=described.weight_standardise)
        width = described.width
        widths = width, 2 * width, 4 * width
        self.stem, self.groups = nn.Sequential(*layer(depth, width), nn.ReLU()), nn.ModuleList()
        before = width
        for after, stride in zip(widths, STRIDES, strict=True):
            blocks = [Block(layer, before, after, stride)]
            blocks += [Block(layer, after, after, 1) for _ in range((described.depth - 2) // 6 - 1)]
            self.groups.append(nn.Sequential(*blocks))
            before = after
        self.head = nn.Linear(widths[-1], classes)
        early = widths[:-1] if described.exits else ()
        self.bottlenecks = nn.ModuleList(_bottleneck(layer, channels, widths[-1]) for channels in early)
        self.early_heads = nn.ModuleList(nn.Linear(widths[-1], classes) for _ in early)

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        x, outputs = self.stem(inputs), {}
        for i, group in enumerate(self.groups, 1):
            x = outputs[f"map {i}"] = group(x)
        for i, (bottleneck, head) in enumerate(zip(self.bottlenecks, self.early_heads, strict=True), 1):
            features = outputs[f"features {i}"] = bottleneck(outputs[f"map {i}"]).mean((-2, -1))
            outputs[f"logits {i}"] = head(features)
        features = x.mean((-2, -1))
        return outputs | {"features": features, "logits": self.head(features)}


class Block(nn.Module):
    """Two convolutions around which a shortcut leads."""

    def __init__(self, layer, before: int, after: int, stride: int):
        super().__init__()
        self.residual = nn.Sequential(*layer(before, after, stride=stride), nn.ReLU(), *layer(after, after))
        self.stride, self.new = stride, after - before

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x[:, :, :: self.stride, :: self.stride]
        if self.new:
            shortcut = F.pad(shortcut, (0, 0, 0, 0, self.new // 2, self.new - self.new // 2))
        return F.relu(shortcut + self.residual(x))


class StandardisedConv2d(nn.Conv2d):
    """A convolution by its filters less their means, over their standard deviations."""

    def forward(self, x: Tensor) -> Tensor:
        weight = F.layer_norm(self.weight, self.weight.shape[1:])  # of each filter, ε = 1e-5 under the root
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


def _convolution(
    before: int, after: int, side: int = 3, *, stride: int = 1, norm: str, standardised: bool
) -> tuple[nn.Module, nn.Module]:
    """A convolution drawn for ReLUs (He et al. 2015) and its norm."""
    kind = StandardisedConv2d if standardised else nn.Conv2d
    convolution = kind(before, after, side, stride, padding=side // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution, NORMS[norm](after)


def _bottleneck(layer, before: int, after: int) -> nn.Sequential:
    """From the map of an early group to as many channels as the last one has."""
    narrow = [*layer(before, before, 1), nn.ReLU(), *layer(before, before, stride=2), nn.ReLU()]
    return nn.Sequential(*narrow, *layer(before, after, 1), nn.ReLU())
