"""From strokes of a pen to the images that networks were trained on: pure functions."""

from collections.abc import Sequence
from math import isfinite

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

Strokes = Sequence[Sequence[tuple[float, float]]]

NO_INK = "there is no ink: a drawing needs a stroke"
PEN = 0.13  # width of the line, of the drawing's longer side: about that of MNIST's digits
SMALL = 0.03  # of the pad: what is shorter is a dot
FINE = 320  # pixels of that side before they are averaged
BOX, MIDDLE = 20, 14  # MNIST: pixels of the longer side, and the pixel where the centre of mass goes
BITMAP, BROAD, BLOCK = 32, 20, 4  # UCI's digits: the bitmap's side, a digit's breadth in it, a block's side
STRETCH = 2.0  # at most of one side of such a digit against the other
# The digit of a page without a kernel: one stroke, x to the right and y downwards.
THREE = [[
    (0.29, 0.26), (0.34, 0.20), (0.42, 0.16), (0.51, 0.15), (0.60, 0.18), (0.66, 0.24), (0.67, 0.32), (0.63, 0.40),
    (0.56, 0.45), (0.46, 0.48), (0.58, 0.50), (0.67, 0.56), (0.71, 0.64), (0.70, 0.73), (0.64, 0.81), (0.54, 0.86),
    (0.43, 0.86), (0.34, 0.82), (0.28, 0.75),
]]  # fmt: skip


def checked(strokes: Strokes) -> list[list[list[float]]]:
    """The strokes as lists of points (x, y); a ValueError says which is none."""
    try:
        tidy = [[[float(place) for place in point] for point in stroke] for stroke in strokes]
    except (TypeError, ValueError):
        raise ValueError(f"strokes are lists of points (x, y), not {str(strokes)[:60]}") from None
    for point in (point for stroke in tidy for point in stroke):
        if len(point) != 2 or not all(isfinite(place) and 0 <= place <= 1 for place in point):
            raise ValueError(f"a point of a stroke is (x, y), both between 0 and 1, not {tuple(point)}")
    return [stroke for stroke in tidy if stroke]


def bitmap(strokes: Strokes, pen: float = PEN) -> Tensor:
    """Strokes as ink, shape (H, W), 0 or 1: the longer side about 320 pixels, wherever and however large they were.

    Parameters
    ----------
    strokes : sequence of sequences of (x, y)
        A line through each stroke's points, round at its ends; one point is a dot. x to the right, y downwards.
    pen : float
        Width of the line, a share of the longer side.
    """
    points = [np.asarray(stroke, dtype=float) for stroke in strokes if len(stroke)]
    if not points:
        raise ValueError(NO_INK)
    low, high = (bound(np.concatenate(points), axis=0) for bound in (np.min, np.max))
    width = pen * FINE
    scale = (FINE - width) / max(*(high - low), SMALL)
    page = Image.new("L", tuple(int(side) for side in np.ceil((high - low) * scale + width) + 2))
    draw = ImageDraw.Draw(page)
    for stroke in points:
        places = (stroke - low) * scale + width / 2 + 1
        draw.line([tuple(place) for place in places], fill=255, width=round(width))
        for x, y in places:
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return _from_levels(page)


def normalised(ink: Tensor, size: int = 28) -> Tensor:
    """A drawing as its data set's makers would have brought it into the images' form, shape (1, 1, size, size).

    For 28 as MNIST (LeCun et al. 1998): cropped, the longer side scaled to 20 pixels with the aspect kept and grey
    levels at the edges, then moved by whole pixels until the centre of mass is the middle. For 8 as UCI's digits
    (Alpaydin and Kaynak 1998), in the manner of NIST's programs (Garris et al. 1994): slant taken out, cropped,
    stretched to 20×32 pixels (one side against the other at most twofold), centred in a bitmap of 32×32, and the ink
    counted in blocks of 4×4.

    Parameters
    ----------
    ink : Tensor, shape (H, W), in [0, 1]
        Ink is 1.
    size : {28, 8}
    """
    if size not in (28, 8):
        raise ValueError(f"drawings become images of 28×28 (MNIST) or 8×8 (digits) pixels, not of {size}×{size}")
    if not ink.any():
        raise ValueError(NO_INK)
    return (_as_mnist(_cropped(ink)) if size == 28 else _as_digits(_cropped(_upright(ink))))[None, None]


def _as_mnist(ink: Tensor) -> Tensor:
    digit = _resized(ink, *(BOX * side / max(ink.shape) for side in ink.shape))
    centre = [
        (digit.sum(1 - axis) @ torch.arange(1.0 * side) / digit.sum()).item() for axis, side in enumerate(digit.shape)
    ]
    return _placed(digit, [round(MIDDLE - place) for place in centre], 28)


def _as_digits(ink: Tensor) -> Tensor:
    down, across = BITMAP / ink.shape[0], BROAD / ink.shape[1]
    down, across = min(down, STRETCH * across), min(across, STRETCH * down)
    digit = (_resized(ink, ink.shape[0] * down, ink.shape[1] * across) >= 0.5).float()
    image = _placed(digit, [(BITMAP - side) // 2 for side in digit.shape], BITMAP)
    return image.unflatten(1, (-1, BLOCK)).unflatten(0, (-1, BLOCK)).mean((1, 3))


def _cropped(ink: Tensor) -> Tensor:
    rows, columns = (ink.amax(axis).nonzero().squeeze(1) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _upright(ink: Tensor) -> Tensor:
    """Each row moved sideways until height and place are uncorrelated."""
    y, x = (torch.arange(1.0 * side) for side in ink.shape)
    down, across = ink.sum(1), ink.sum(0)
    y, x = y - down @ y / ink.sum(), x - across @ x / ink.sum()
    slant = (y @ ink @ x / (down @ y**2).clamp(min=1e-6)).clamp(-1, 1).item()
    room = len(y)  # a row moves by less
    page = F.pad(ink, (room, room))
    shear = (1, slant, slant * y[0].item(), 0, 1, 0)
    return _from_levels(
        _levels(page).transform(page.shape[::-1], Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR)
    )


def _resized(ink: Tensor, height: float, width: float) -> Tensor:
    sides = max(1, round(width)), max(1, round(height))
    return _from_levels(_levels(ink).resize(sides, Image.Resampling.BICUBIC))  # antialiased where it shrinks


def _placed(digit: Tensor, corner: Sequence[int], side: int) -> Tensor:
    """On an empty page, as near to ``corner`` as it fits."""
    page = torch.zeros(side, side)
    top, left = (min(max(place, 0), side - own) for place, own in zip(corner, digit.shape, strict=True))
    page[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return page


def _levels(ink: Tensor) -> Image.Image:
    """In 256 levels, as the data sets are."""
    return Image.fromarray((ink * 255).round().to(torch.uint8).numpy())


def _from_levels(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(image) / np.float32(255))
