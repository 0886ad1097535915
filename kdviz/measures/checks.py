"""What every measure asks of its input first; errors say what to do.

Logits and labels may be tensors of any device and precision, arrays or nested lists. A logit of −∞ masks its class:
it takes no part.
"""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_tensor(values: Any, name: str) -> Tensor:
    """``values`` as a tensor, where it is if it is one; ValueError if they are no numbers in rows of one length."""
    if isinstance(values, Tensor):
        return values
    try:
        if isinstance(values, list | tuple) and values and all(isinstance(part, Tensor) for part in values):
            return torch.stack(list(values))
        array = np.asarray(values)
        wide = np.float64 if array.dtype.kind == "f" and array.itemsize > 8 else array.dtype.newbyteorder("=")
        return torch.from_numpy(np.array(array, wide, order="C"))  # a copy: an array may be read-only, or backwards
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            f"{name} must be numbers in a tensor, an array or rows of one length, not {type(values).__name__}"
        ) from None


def checked_logits(logits: Any, name: str = "", probabilities: bool = False) -> Tensor:
    """``logits`` on the CPU, shape (N, C), as float32 or float64, −∞ for a masked class.

    Parameters
    ----------
    logits : Tensor, array or nested lists, shape (N, C)
    name : str
        What an error begins with.
    probabilities : bool
        Whether probabilities do as well: they do where only the largest counts.

    Raises
    ------
    ValueError
        No real numbers of that shape, one column, NaN, +∞, a row of −∞ alone, or probabilities.
    """
    tensor = as_tensor(logits, name or "logits").cpu()
    check_logits(tensor, name, probabilities)
    if tensor.dtype in (torch.float32, torch.float64):
        return tensor
    return tensor.to(torch.float32 if tensor.is_floating_point() else torch.float64)


def check_logits(logits: Tensor, name: str = "", probabilities: bool = False) -> None:
    """As :func:`checked_logits`, of a tensor that stays where and as it is."""
    said = f"{name}: " if name else ""
    if logits.is_complex() or logits.dtype == torch.bool:
        raise ValueError(f"{said}logits are real numbers, not {str(logits.dtype).removeprefix('torch.')}")
    if logits.ndim != 2 or not logits.numel():
        shape = tuple(logits.shape)
        raise ValueError(f"{said}logits must have shape (examples, classes), at least one example, not {shape}")
    if logits.shape[1] == 1:
        raise ValueError(
            f"{said}logits of shape {tuple(logits.shape)} have one column: one logit z means the two classes (0, z), "
            "so give both, torch.cat([0 * z, z], -1)"
        )
    if logits.isnan().any():
        raise ValueError(f"{said}some logits are not numbers (NaN): did the training diverge?")
    highest = logits.amax(-1)
    if highest.isinf().any():
        raise ValueError(
            f"{said}the logits of {int(highest.isinf().sum())} of {len(logits)} examples are not finite: −∞ masks a "
            "class, but +∞, or −∞ in every class, means nothing"
        )
    if not probabilities and (logits >= 0).all() and (logits.sum(-1, dtype=torch.float32) - 1).abs().max() < 1e-2:
        raise ValueError(
            f"{name or 'what is given as logits'} holds probabilities: give the logits, or the logarithm of the "
            "probabilities"
        )


def with_classes(logits: Any, classes: Sequence[int]) -> Tensor:
    tensor = checked_logits(logits)
    some = isinstance(classes, Sequence) and 0 < len(set(classes)) < tensor.shape[-1]
    if not some or not set(classes) <= set(range(tensor.shape[-1])):
        raise ValueError(f"classes must be a list of some but not all of 0..{tensor.shape[-1] - 1}, not {classes}")
    return tensor


def checked_pair(a: Any, b: Any, probabilities: bool = False) -> tuple[Tensor, Tensor]:
    a, b = checked_logits(a, probabilities=probabilities), checked_logits(b, probabilities=probabilities)
    if a.shape != b.shape:
        raise ValueError(f"logits of two shapes, {tuple(a.shape)} and {tuple(b.shape)}: {why_apart(a, b)}")
    return a, b


def why_apart(a: Tensor, b: Tensor) -> str:
    """What to do about logits of two shapes."""
    if a.ndim == b.ndim == 2 and a.shape[1] != b.shape[1]:
        return (
            f"they are of {a.shape[1]} and of {b.shape[1]} classes (or words of two vocabularies), which cannot be "
            "compared: bring both to the classes that they share"
        )
    return "give the same examples to both"


def check_masks(student: Tensor, teacher: Tensor) -> None:
    """Raise ValueError where the student masks a class that the teacher gives weight; it names the rows."""
    rows = ((student == -math.inf) & (teacher != -math.inf)).any(-1).nonzero().flatten().tolist()
    if rows:
        shown = f"{rows[:10]}" if len(rows) <= 10 else f"{rows[:10]} and {len(rows) - 10} more"
        raise ValueError(
            f"the divergence is infinite in rows {shown}: the student's logit is −∞ where the teacher gives weight; "
            "mask these classes in the teacher too, or in neither"
        )


def with_labels(logits: Any, labels: Any, probabilities: bool = False) -> tuple[Tensor, Tensor]:
    logits = checked_logits(logits, probabilities=probabilities)
    labels = as_labels(labels, logits.shape[-1])
    if labels.shape != logits.shape[:1]:
        raise ValueError(f"{tuple(logits.shape)} logits need {len(logits)} labels, not {tuple(labels.shape)}")
    return logits, labels


def as_labels(labels: Any, classes: int | None = None, name: str = "labels") -> Tensor:
    """Class indices of whatever type as int64 on the CPU, shape (N,).

    Parameters
    ----------
    labels : Tensor, array or list, shape (N,)
        Whole numbers of any type; False and True are the two classes 0 and 1.
    classes : int, optional
        How many there are: a label is below.
    name : str
        What they are, for an error.

    Raises
    ------
    ValueError
        Numbers that are not whole, several a row, or outside of the classes.
    """
    tensor = as_tensor(labels, name).cpu()
    form = f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"
    if tensor.ndim != 1:
        raise ValueError(f"{name} are class indices, one an example, not {form}: {_one_an_example(tensor)}")
    if tensor.is_complex():
        raise ValueError(f"{name} are whole numbers, one an example, not {form}")
    if tensor.dtype == torch.bool and classes not in (None, 2):
        raise ValueError(f"{name} of True and False are of two classes, not of {classes}: give class indices")
    whole = tensor.to(torch.int64)
    if tensor.is_floating_point() and not torch.equal(whole.double(), tensor.double()):
        raise ValueError(
            f"{name} are whole numbers, one an example, not {form} with fractions or NaN: give class indices, not "
            "shares or scores"
        )
    if classes is not None and len(whole) and (whole.min() < 0 or whole.max() >= classes):
        hint = ": leave unlabelled examples out first" if whole.min() < 0 else ""
        raise ValueError(f"{name} must lie in 0..{classes - 1}, not {whole.min()}..{whole.max()}{hint}")
    return whole.contiguous()


def _one_an_example(labels: Tensor) -> str:
    """What to do about labels that are no vector."""
    if labels.ndim != 2:
        return "give a vector"
    if labels.shape[-1] == 1:
        return "flatten them"
    if labels.is_complex() or not ((labels == 0) | (labels == 1)).all():
        return "shares of several classes are no labels: take the argmax if the likeliest class is meant"
    if (labels.sum(-1) == 1).all():
        return "they are one-hot: take the argmax"
    return "some examples have several labels, or none (multi-hot), and kdviz knows one class an example"


def check_temperature(temperature: Any) -> float:
    """``temperature`` as a float, if it is a finite number above 0, in a tensor or not; ValueError otherwise."""
    single = isinstance(temperature, Tensor | np.ndarray) and temperature.ndim == 0
    value = temperature.item() if single else temperature
    if not (isinstance(value, Real) and math.isfinite(value) and value > 0):
        raise ValueError(
            f"a temperature must be finite and above 0, not {temperature}: one number, 1 leaves the softmax as it is"
        )
    return float(value)


def check_count(count: Any, name: str) -> int:
    """``count`` as an int, if it is a whole number from 1 on; ValueError otherwise."""
    if not isinstance(count, Integral) or count < 1:
        raise ValueError(f"{name} must be at least 1 and whole, not {count}")
    return int(count)
