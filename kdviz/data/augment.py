"""What changes training images as they are drawn, each example by its own draw, on the device.

``draw`` makes the numbers of a batch, a row an example, on the CPU; a call changes images by such rows. Nothing in a
call waits for the device, so that a GPU can replay it.
"""

import math
import operator
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
        channels, height, width = _images(images, "shift").shape[1:]
        if self.pixels >= min(height, width):
            raise ValueError(f"a jitter of {self.pixels} pixels moves {height}×{width} images out of sight: take fewer")
        wide = width + 2 * self.pixels
        rows = torch.arange(height, device=images.device) * wide
        window = (rows[:, None] + torch.arange(width, device=images.device)).flatten()
        padded = F.pad(images, [self.pixels] * 4).flatten(2)
        place = window + (shifts[:, 0] * wide + shifts[:, 1])[:, None]
        return padded.gather(2, place[:, None].expand(-1, channels, -1)).view_as(images)


@dataclass(frozen=True)
class Crop:
    """Pad every image on each side by ``padding`` pixels and cut its own size out again, anywhere.

    Parameters
    ----------
    padding : int
    reflect : bool
        Whether the padding mirrors the image; else it is black, as in He et al. (2016), section 4.2.
    """

    padding: int
    reflect: bool = False

    def __post_init__(self):
        object.__setattr__(self, "padding", operator.index(self.padding))
        if self.padding < 1:
            raise ValueError(f"a crop pads by at least one pixel, not {self.padding}: None leaves images as they are")

    def draw(self, examples: int, generator: torch.Generator) -> Tensor:
        """As :meth:`Jitter.draw`, shape (N, 2)."""
        return Jitter(self.padding).draw(examples, generator)

    def __call__(self, images: Tensor, shifts: Tensor) -> Tensor:
        """``images`` of shape (N, C, H, W), cropped."""
        if not self.reflect:
            return Jitter(self.padding)(images, shifts)
        channels, height, width = _images(images, "crop").shape[1:]
        if self.padding >= min(height, width):
            raise ValueError(f"images of {height} × {width} pixels have no {self.padding} to mirror: pad by fewer")
        rows, columns = (
            _mirrored(torch.arange(size, device=images.device) + (shifts[:, axis, None] - self.padding), size)
            for axis, size in enumerate((height, width))
        )
        place = (rows[:, :, None] * width + columns[:, None]).flatten(1)
        return images.flatten(2).gather(2, place[:, None].expand(-1, channels, -1)).view_as(images)


@dataclass(frozen=True)
class Flip:
    """Mirror every second image, left for right, each example by its own draw."""

    def draw(self, examples: int, generator: torch.Generator) -> Tensor:
        """1 where an example is mirrored, else 0, shape (N, 1)."""
        return torch.randint(0, 2, (examples, 1), generator=generator)

    def __call__(self, images: Tensor, mirrored: Tensor) -> Tensor:
        """``images`` of shape (N, C, H, W), some of them mirrored."""
        return torch.where(mirrored[:, :, None, None] > 0, _images(images, "flip").flip(-1), images)


@dataclass(frozen=True)
class Erase:
    """Black out a rectangle of some images, each example by its own draw (Zhong et al. 2020, algorithm 1).

    A rectangle takes from 0.02 to ``largest`` of the image, its height is from 0.3 to 1/0.3 of its width, and it lies
    inside: a side that would be too long is cut, where the paper draws again.

    Parameters
    ----------
    chance : float
        Of an image to lose a rectangle, in (0, 1].
    largest : float
        Share of the image, in (0.02, 1).
    """

    chance: float = 0.5
    largest: float = 0.4

    def __post_init__(self):
        for name in ("chance", "largest"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not (0 < self.chance <= 1 and 0.02 < self.largest < 1):
            raise ValueError(f"chance is in (0, 1] and largest in (0.02, 1), not {self.chance} and {self.largest}")

    def draw(self, examples: int, generator: torch.Generator) -> Tensor:
        """Five numbers in [0, 1) for each example, shape (N, 5): whether, how large, what form, where."""
        return torch.rand(examples, 5, generator=generator, dtype=torch.float32)

    def __call__(self, images: Tensor, drawn: Tensor) -> Tensor:
        """``images`` of shape (N, C, H, W), some of them with a black rectangle."""
        height, width = _images(images, "erase from").shape[2:]
        whether, large, form, low, right = drawn.unsqueeze(-1).unbind(1)
        area = (0.02 + (self.largest - 0.02) * large) * height * width
        ratio = (math.log(0.3) * (1 - 2 * form)).exp()
        tall, wide = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
        inside = [
            (place >= first) & (place < first + side)
            for place, first, side in (
                (torch.arange(height, device=images.device), *_placed(tall, low, height)),
                (torch.arange(width, device=images.device), *_placed(wide, right, width)),
            )
        ]
        gone = inside[0][:, :, None] & inside[1][:, None] & (whether < self.chance)[:, None]
        return images.masked_fill(gone[:, None], 0)


def _images(images: Tensor, verb: str) -> Tensor:
    if images.ndim != 4:
        raise ValueError(f"no image to {verb} in inputs of shape {tuple(images.shape)}: augment must be None")
    return images


def _mirrored(place: Tensor, size: int) -> Tensor:
    """Places beyond an end are mirrored at it; the end itself stands once."""
    return size - 1 - (size - 1 - place.abs()).abs()


def _placed(side: Tensor, where: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The first pixel of a side that lies inside, and its length, from 1 to ``size``."""
    side = side.clamp(1, size)
    return (where * (size - side + 1)).floor(), side
