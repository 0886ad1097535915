"""What changes training images as they are drawn, each example by its own draw, on the device."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz.arguments import whole


@dataclass(frozen=True)
class Jitter:
    """Shift every image by up to ``pixels`` in each direction, each example by its own draw."""

    pixels: int

    def __post_init__(self):
        object.__setattr__(self, "pixels", whole("pixels", self.pixels, -math.inf))
        if self.pixels < 1:
            raise ValueError(f"a jitter is of at least one pixel, not {self.pixels}: None leaves images as they are")

    def draw(self, examples: int, generator: torch.Generator) -> Tensor:
        """A shift down and one to the right for each example, shape (N, 2), from 0, which is the largest up or left."""
        return torch.randint(0, 2 * self.pixels + 1, (2, examples), generator=generator).T

    def __call__(self, images: Tensor, shifts: Tensor) -> Tensor:
        """``images`` of shape (N, C, H, W), shifted; what is shifted in from outside is black."""
        if images.ndim != 4:
            raise ValueError(f"no image to shift in inputs of shape {tuple(images.shape)}: augment must be None")
        channels, height, width = images.shape[1:]
        if self.pixels >= min(height, width):
            raise ValueError(f"a jitter of {self.pixels} pixels moves {height}×{width} images out of sight: take fewer")
        wide = width + 2 * self.pixels
        rows = torch.arange(height, device=images.device) * wide
        window = (rows[:, None] + torch.arange(width, device=images.device)).flatten()
        padded = F.pad(images, [self.pixels] * 4).flatten(2)
        place = window + (shifts[:, 0] * wide + shifts[:, 1])[:, None]
        return padded.gather(2, place[:, None].expand(-1, channels, -1)).view_as(images)
