"""Tensors that are handed out are shared: a seal shows whether a caller changed them in place."""

import zlib
from dataclasses import dataclass

import torch
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
    return zlib.crc32(tensor.detach().contiguous().numpy())


def tensors_of(dataset) -> list[Tensor | None]:
    """All that a data set is made of, in order."""
    parts = [(part.inputs, part.labels, part.index) for part in (dataset.full_train, dataset.full_test)]
    bare = dataset.full_unlabelled
    return [*parts[0], *parts[1], dataset.rows, dataset.held_out, None if bare is None else bare.inputs]


def equal(one: Tensor | None, other: Tensor | None) -> bool:
    """Whether two tensors, or what stands for none, are the same to the last bit."""
    if one is other or one is None or other is None:
        return one is other
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one.cpu(), other)
