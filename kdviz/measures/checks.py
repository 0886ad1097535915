"""What every measure asks of its input first; errors say what to do."""

import math
from collections.abc import Sequence
from numbers import Real

import torch
from torch import Tensor


def checked_logits(logits: Tensor) -> Tensor:
    tensor = torch.as_tensor(logits)
    if tensor.ndim != 2 or not len(tensor):
        raise ValueError(f"logits must have shape (examples, classes), at least one example, not {tuple(tensor.shape)}")
    if tensor.isnan().any():
        raise ValueError("some logits are not numbers (NaN): did the training diverge?")
    return tensor


def with_classes(logits: Tensor, classes: list[int]) -> Tensor:
    tensor = checked_logits(logits)
    some = isinstance(classes, Sequence) and 0 < len(set(classes)) < tensor.shape[-1]
    if not some or not set(classes) <= set(range(tensor.shape[-1])):
        raise ValueError(f"classes must be a list of some but not all of 0..{tensor.shape[-1] - 1}, not {classes}")
    return tensor


def checked_pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    a, b = checked_logits(a), checked_logits(b)
    if a.shape != b.shape:
        raise ValueError(f"logits of two shapes, {tuple(a.shape)} and {tuple(b.shape)}: give the same examples to both")
    return a, b


def with_labels(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    logits, labels = checked_logits(logits), torch.as_tensor(labels)
    if labels.shape != logits.shape[:1]:
        raise ValueError(f"{tuple(logits.shape)} logits need {len(logits)} labels, not {tuple(labels.shape)}")
    if labels.min() < 0 or labels.max() >= logits.shape[-1]:
        raise ValueError(f"labels must lie in 0..{logits.shape[-1] - 1}, not {labels.min()}..{labels.max()}")
    return logits, labels


def check_temperature(temperature: float) -> float:
    """``temperature`` as a float, if it is finite and above 0; ValueError otherwise."""
    if not (isinstance(temperature, Real) and math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"a temperature must be finite and above 0, not {temperature}: 1 leaves the softmax as it is")
    return float(temperature)
