"""What a function asks of its arguments first: one checker for all, whose errors say what was given and what to do."""

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

LONG = 60  # characters: what was given is told no longer


def told(given: Any) -> str:
    """What was given, in a few words: numbers and strings as they are, arrays by their shape, the rest by its kind."""
    if isinstance(given, Tensor | np.ndarray) and given.ndim:
        return f"an array of shape {tuple(given.shape)}"
    if given is None or isinstance(given, str | Real | complex | type):
        text = given.__name__ if isinstance(given, type) else repr(given)
        return text if len(text) <= LONG else f"{text[:LONG]}…"
    kind = type(given).__name__
    article = "an" if kind[0] in "AEIOaeio" else "a"
    return f"{article} {kind} of {len(given)}" if isinstance(given, list | tuple | dict) else f"{article} {kind}"


def tensor(name: str, given: Any, axes: str, sizes: dict[str, int] | None = None, least: int = 1) -> Tensor:
    """What was given as a tensor of real numbers on the CPU, without gradient.

    Parameters
    ----------
    name : str
        What the argument is called in the error.
    given : Tensor, array, or nested sequence of numbers or tensors
    axes : str
        A word for each axis, as in ``"N C"``.
    sizes : dict of axis to its length, optional
        What is known of the axes already; those that are not are added.
    least : int
        Numbers that there must be.

    Raises
    ------
    ValueError
        No such tensor can be made of it.
    """
    sizes, words = {} if sizes is None else sizes, axes.split()
    wanted = f"({', '.join(words)}{',' if len(words) == 1 else ''})"
    known = "".join(f", {word} = {sizes[word]}" for word in words if word in sizes)
    try:
        found = _as_tensor(given).detach().cpu()
    except (TypeError, ValueError, RuntimeError, AttributeError):
        raise ValueError(f"{name} must be numbers of shape {wanted}{known}, not {told(given)}") from None
    own = dict(sizes)
    fits = found.ndim == len(words) and found.numel() >= least and not found.is_complex()
    if not fits or any(own.setdefault(word, size) != size for word, size in zip(words, found.shape, strict=True)):
        kind = "complex numbers of shape " if found.is_complex() else ""
        raise ValueError(f"{name} must have shape {wanted}{known}, none of them 0, not {kind}{tuple(found.shape)}")
    sizes |= own
    return found


def _as_tensor(given: Any) -> Tensor:
    if isinstance(given, Tensor):
        return given
    if isinstance(given, list | tuple) and any(isinstance(part, Tensor) for part in given):
        return torch.stack([torch.as_tensor(part) for part in given])
    array = np.array(given)
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))


def finite(name: str, given: Any, axes: str, sizes: dict[str, int] | None = None) -> Tensor:
    """As :func:`tensor`, of finite numbers alone."""
    found = tensor(name, given, axes, sizes)
    if not found.isfinite().all():
        raise ValueError(f"{name} must be finite: {int((~found.isfinite()).sum())} of {found.numel()} numbers are not")
    return found


def logits(name: str, given: Any, axes: str, sizes: dict[str, int] | None = None) -> Tensor:
    """As :func:`tensor`: numbers, or −∞ for a class that is masked."""
    found = tensor(name, given, axes, sizes)
    if (found.isnan() | (found == math.inf)).any():
        raise ValueError(f"{name} must be numbers, or −∞ for a masked class: some are nan or +∞")
    return found


def indices(name: str, given: Any, axes: str, sizes: dict[str, int], below: int) -> Tensor:
    """As :func:`tensor`, of classes: whole numbers from 0 to ``below`` − 1, int64."""
    found = finite(name, given, axes, sizes)
    whole = found.long()
    low, high = found.double().min(), found.double().max()
    if not torch.equal(whole.double(), found.double()) or low < 0 or high >= below:
        raise ValueError(f"{name} must be whole numbers in 0..{below - 1}, not in {low:g}..{high:g}")
    return whole


def tensors(
    name: str, given: Any, axes: str, sizes: dict[str, int] | None = None, check: Callable = finite
) -> dict[str, Tensor]:
    """A mapping of names to tensors. An axis in capitals is as long in each, one in small letters need not be."""
    sizes, found = {} if sizes is None else sizes, {}
    for key, values in mapping(name, given, f"numbers of shape ({', '.join(axes.split())})").items():
        own = dict(sizes)
        found[key] = check(f"{key!r} of {name}", values, axes, own)
        sizes |= {axis: size for axis, size in own.items() if axis.isupper()}
    return found


def number(name: str, given: Any) -> float:
    """What was given as a number: a real one, or an array of no axis."""
    single = given.item() if isinstance(given, Tensor | np.ndarray) and given.ndim == 0 else given
    if not isinstance(single, Real):
        raise ValueError(f"{name} must be a number, not {told(given)}")
    return float(single)


def share(name: str, given: Any) -> float:
    """A number in [0, 1]."""
    found = number(name, given)
    if not 0 <= found <= 1:
        raise ValueError(f"{name} is a share in [0, 1], not {told(given)}: divide percentages by 100")
    return found


def whole(name: str, given: Any, least: float = 0) -> int:
    """A whole number, not below ``least``."""
    try:
        found = operator.index(given)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, not {told(given)}") from None
    if found < least:
        raise ValueError(f"{name} must be a whole number, at least {least}, not {found}")
    return found


def wholes(name: str, given: Any) -> tuple[int, ...]:
    """Whole numbers, in a sequence."""
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        raise ValueError(f"{name} must be a tuple of whole numbers, not {told(given)}")
    return tuple(whole(f"each of {name}", each, -math.inf) for each in given)


def temperatures(given: Any) -> list[float]:
    """Temperatures, at least one, each finite and above 0."""
    found = finite("temperatures", given, "B").tolist()
    if min(found) <= 0:
        raise ValueError(f"temperatures must be above 0, not {min(found):g}")
    return found


def several(name: str, given: Any, of: str, least: int = 1) -> list:
    """A sequence of things that are no characters, at least one unless said, as a list."""
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping) or getattr(given, "ndim", 1) == 0:
        raise ValueError(f"{name} must be a list of {of}, not {told(given)}")
    found = list(given)
    if len(found) < least:
        raise ValueError(f"{name} must be a list of {of}, at least one: it is empty")
    return found


def mapping(name: str, given: Any, to: str) -> dict:
    """A mapping with at least one entry, as a dict."""
    if not isinstance(given, Mapping) or not given:
        raise ValueError(f"{name} must be a mapping, {{name: {to}}}, with at least one entry, not {told(given)}")
    return dict(given)


def names(given: Any, count: int | None = None, name: str = "classes") -> list[str]:
    """Names, as many as there are things to be named where that is known, in their order."""
    if isinstance(given, Mapping):
        raise ValueError(f"{name} must be a list of names, not a mapping: give its values, in the order of the classes")
    listed = several(name, list(given) if isinstance(given, str) else given, "names", 0 if count == 0 else 1)
    found = [str(each) for each in listed]
    if count is not None and len(found) != count:
        raise ValueError(f"{name} must be {count} names, one each, not {len(found)}")
    return found


def called(name: str, given: Any, how: str) -> Callable:
    """A function."""
    if not callable(given):
        raise ValueError(f"{name} must be a function, {how}, not {told(given)}")
    return given


def columns(name: str, given: Any, wanted: Iterable[str]) -> None:
    """Raise ValueError unless ``given`` is a data frame with a row or more and the columns ``wanted``."""
    if not hasattr(given, "columns") or not len(given):
        what = "an empty one" if hasattr(given, "columns") else told(given)
        raise ValueError(f"{name} must be a data frame with a row or more, not {what}")
    if missing := [column for column in wanted if column not in given.columns]:
        raise ValueError(f"{name} needs the columns {', '.join(map(str, missing))}: it has {', '.join(given.columns)}")
