"""Tensors that are handed out are shared: a seal shows whether a caller changed them in place."""

import zlib
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Seal:
    """What tensors were when they were sealed."""

    tensors: tuple[Tensor, ...]
    marks: list[tuple]
    sums: list[int]

    def is_marked(self) -> bool:
        """Whether torch itself knows of a change: an operation in place, another shape or memory, a gradient asked."""
        return self.marks != [_mark(tensor) for tensor in self.tensors]

    def is_broken(self) -> bool:
        """Whether anything changed, through NumPy or ``.data`` too: reads all of it, 4 GB a second."""
        return self.is_marked() or self.sums != [_sum(tensor) for tensor in self.tensors]


def seal(*tensors: Tensor) -> Seal:
    """Seal tensors on the CPU."""
    return Seal(tensors, [_mark(tensor) for tensor in tensors], [_sum(tensor) for tensor in tensors])


def _mark(tensor: Tensor) -> tuple:
    return tensor._version, tensor.requires_grad, tensor.shape, tensor.data_ptr()


def _sum(tensor: Tensor) -> int:
    return zlib.crc32(tensor.detach().numpy())
