"""From strokes of a pen to the images that networks were trained on: pure functions."""

from collections.abc import Sequence
from math import floor, isfinite

import numpy as np
import torch
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
    columns, rows = (int(side) for side in np.ceil((high - low) * scale + width) + 2)
    ink = np.zeros((rows, columns), bool)
    for stroke in points:
        places = (stroke - low) * scale + (width / 2 + 1)
        for start, end in zip(places, [*places[1:], places[-1]], strict=True):
            _draw(ink, start, end, width / 2)
    return torch.from_numpy(ink.astype(np.float32))


def _draw(ink: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float) -> None:
    """Ink wherever a pixel's middle is within ``radius`` of the segment from ``start`` to ``end``, both (x, y)."""
    first = np.maximum(np.floor(np.minimum(start, end) - radius), 0).astype(int)
    last = np.ceil(np.maximum(start, end) + radius).astype(int)
    part = ink[first[1] : last[1], first[0] : last[0]]
    y, x = np.ogrid[: part.shape[0], : part.shape[1]]
    x, y = x + (first[0] + 0.5) - start[0], y + (first[1] + 0.5) - start[1]
    across, down = end - start
    length = across * across + down * down
    along = np.clip((x * across + y * down) / length, 0.0, 1.0) if length else 0.0
    x, y = x - along * across, y - along * down
    part |= x * x + y * y <= radius * radius


def normalised(ink: Tensor, size: int = 28) -> Tensor:
    """A drawing as its data set's makers would have brought it into the images' form, shape (1, 1, size, size).

    For 28 as MNIST (LeCun et al. 1998): cropped, the longer side scaled to 20 pixels with the aspect kept and grey
    levels at the edges, then moved by whole pixels until the centre of mass is the middle. For 8 as UCI's digits
    (Alpaydin and Kaynak 1998), in the manner of NIST's programs (Garris et al. 1994): slant taken out, cropped,
    stretched to 20×32 pixels (one side against the other at most twofold), centred in a bitmap of 32×32, and the ink
    counted in blocks of 4×4. All of it in whole numbers, so that ``views/ink.js`` comes to the same bits.

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
    levels = (ink * 255).round().to(torch.int64).numpy()
    image = _as_mnist(_cropped(levels)) if size == 28 else _as_digits(_cropped(_upright(levels)))
    return torch.from_numpy(image)[None, None]


def _as_mnist(levels: np.ndarray) -> np.ndarray:
    longest = max(levels.shape)
    digit = _resized(levels, *(max(1, _nearest(BOX * side, longest)) for side in levels.shape))
    mass = int(digit.sum())
    moments = (int(digit.sum(1 - axis) @ np.arange(side)) for axis, side in enumerate(digit.shape))
    corner = [_nearest(MIDDLE * mass - moment, mass) for moment in moments]
    return _placed(digit, corner, 28).astype(np.float32) / np.float32(255)


def _as_digits(levels: np.ndarray) -> np.ndarray:
    down, across = BITMAP / levels.shape[0], BROAD / levels.shape[1]
    down, across = min(down, STRETCH * across), min(across, STRETCH * down)
    sides = (max(1, floor(side * by + 0.5)) for side, by in zip(levels.shape, (down, across), strict=True))
    digit = (_resized(levels, *sides) >= 128).astype(np.int64)
    image = _placed(digit, [(BITMAP - side) // 2 for side in digit.shape], BITMAP)
    return image.reshape(8, BLOCK, 8, BLOCK).sum((1, 3)).astype(np.float32) / np.float32(BLOCK * BLOCK)


def _cropped(levels: np.ndarray) -> np.ndarray:
    rows, columns = (levels.any(axis).nonzero()[0] for axis in (1, 0))
    return levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _upright(levels: np.ndarray) -> np.ndarray:
    """Each row moved sideways by whole pixels until height and place are uncorrelated."""
    y, x = (levels >= 128).nonzero()
    if not len(y):
        return levels
    count, down, across = len(y), int(y.sum()), int(x.sum())
    together, spread = count * int(y @ x) - down * across, count * int(y @ y) - down * down
    slant = min(1.0, max(-1.0, together / spread)) if spread else 0.0
    room = len(levels)  # a row moves by less
    page = np.zeros((room, levels.shape[1] + 2 * room), np.int64)
    for row, own in enumerate(levels):
        left = room - floor(slant * (row - down / count) + 0.5)
        page[row, left : left + len(own)] = own
    return page


def _resized(levels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Each new pixel the mean of what it covers, in whole levels."""
    covered = _overlap(levels.shape[0], height) @ levels @ _overlap(levels.shape[1], width).T
    return (2 * covered + levels.size) // (2 * levels.size)


def _overlap(old: int, new: int) -> np.ndarray:
    """How far each of ``new`` pixels covers each of ``old`` ones, in parts of which an old one has ``new``."""
    ends = [np.arange(many + 1) * (old * new // many) for many in (new, old)]
    first = np.maximum(ends[0][:-1, None], ends[1][None, :-1])
    return np.maximum(np.minimum(ends[0][1:, None], ends[1][None, 1:]) - first, 0)


def _nearest(above: int, below: int) -> int:
    """Their quotient, to the nearest whole number; halves upwards."""
    return (2 * above + below) // (2 * below)


def _placed(digit: np.ndarray, corner: Sequence[int], side: int) -> np.ndarray:
    """On an empty page, as near to ``corner`` as it fits."""
    page = np.zeros((side, side), np.int64)
    top, left = (min(max(place, 0), side - own) for place, own in zip(corner, digit.shape, strict=True))
    page[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return page
