"""A generator that completes images of which it sees the left half, and the patch discriminator that judges them."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdviz.networks.network import whole


@dataclass(frozen=True)
class UNet:
    """A small U-Net (Ronneberger et al. 2015) that draws the right half of an image.

    Whatever it is given, it sees the left half alone. Two convolutions of 4×4 halve the sides, three of 3×3 with a
    shortcut work on what is left, two transposed ones double them again; the first layer is also read by the last
    (pix2pix's generator in small, Isola et al. 2017).

    Parameters
    ----------
    channels : int
        Of the first layer; twice as many in the middle.
    """

    channels: int

    outputs = ("map 1", "map 2", "map 3", "map 4", "image")

    def __post_init__(self):
        object.__setattr__(self, "channels", whole(self.channels, "the number of channels"))
        if self.channels < 1:
            raise ValueError(f"a U-Net needs at least one channel, not {self.channels}")

    def __str__(self) -> str:
        return f"U-Net of {self.channels}c"

    def build(self, input_shape: tuple[int, ...], classes: int) -> "Generator":
        """A new module for images (N, depth, H, W), whose sides are multiples of 4."""
        if len(input_shape) != 3 or any(side % 4 for side in input_shape[1:]):
            raise ValueError(f"a U-Net takes images whose sides are multiples of 4, not inputs of shape {input_shape}")
        return Generator(input_shape[0], self.channels)


def unet(channels: int) -> UNet:
    """Describe a generator: ``unet(16)``."""
    return UNet(channels)


class Generator(nn.Module):
    """What :class:`UNet` builds.

    A forward pass gives ``image`` (N, depth, H, W), its left half as it was given and its right half in [0, 1], and
    ``map 1`` to ``map 4``: after both halvings, the middle and the first doubling, (N, channels, H/k, W/k).
    """

    def __init__(self, depth: int, channels: int):
        super().__init__()
        self.down = nn.ModuleList([_halving(depth, channels), _normed(_halving(channels, 2 * channels, False))])
        self.middle = nn.ModuleList(_normed(_same(2 * channels)) for _ in range(3))
        self.up = nn.ModuleList([_normed(_doubling(2 * channels, channels, False)), _doubling(2 * channels, depth)])

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        half = inputs.shape[-1] // 2
        first = F.relu(self.down[0](F.pad(inputs[..., :half], (0, half))))
        x = second = F.relu(self.down[1](first))
        for layer in self.middle:
            x = x + F.relu(layer(x))
        fourth = F.relu(self.up[0](x))
        drawn = self.up[1](torch.cat([fourth, first], 1)).sigmoid()
        image = torch.cat([inputs[..., :half], drawn[..., half:]], -1)
        return {"map 1": first, "map 2": second, "map 3": x, "map 4": fourth, "image": image}


class Patches(nn.Module):
    """A discriminator that judges overlapping patches of 18×18 pixels, each by itself (Isola et al. 2017, 3.2.2).

    A forward pass gives ``scores`` of shape (N, 1, H/4, W/4), one for each patch.
    """

    def __init__(self, depth: int, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            _halving(depth, channels), nn.LeakyReLU(0.2), _halving(channels, 2 * channels), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * channels, 1, 3, padding=1),
        )  # fmt: skip

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"scores": self.layers(images)}


def _halving(before: int, after: int, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(before, after, 4, stride=2, padding=1, bias=bias)


def _same(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, padding=1, bias=False)


def _doubling(before: int, after: int, bias: bool = True) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=bias)


def _normed(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm2d(layer.out_channels))
