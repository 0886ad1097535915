"""Data of one's own: tensors, checked and known by their digest."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kdviz.data.datasets import Dataset, caches, load, load_described, remember
from kdviz.data.files import folder
from kdviz.data.seals import equal, tensors_of
from kdviz.data.splits import Description, Split, unlabelled_split


def data_of(*, train: tuple, test: tuple, classes: Sequence[str] | None = None, unlabelled=None) -> Dataset:
    """A data set of tensors or arrays, which are copied.

    It is known by its digest, and found by it among those that this process has made. Another process, such as a
    worker, or the one that goes on with a training, makes it again before it asks for it.

    Parameters
    ----------
    train, test : (inputs, labels)
        Inputs of shape (N, ...): bytes (uint8), of which x stands for x/255; other floats than images, finite; images
        (N, C, H, W) as floats in [0, 1]; or tokens (N, L), integers from 0, where 0 is padding. Labels, shape (N,), are
        integers from 0 to C − 1.
    classes : sequence of C str, optional
        What the classes are called; by default by their numbers.
    unlabelled : tensor or array, optional
        Inputs without labels, for :meth:`Dataset.unlabelled`.

    Raises
    ------
    ValueError
        What cannot be trained on, with its place: numbers that are not finite or out of range, labels beyond the
        classes, a class without a training example, shapes that differ.
    """
    parts = {"train": _pair("train", train), "test": _pair("test", test)}
    inputs = {name: pair[0] for name, pair in parts.items()}
    if unlabelled is not None:
        inputs["unlabelled"] = unlabelled
    inputs = {name: _inputs(name, given) for name, given in inputs.items()}
    _alike(inputs)
    labels = {name: _labels(name, given, len(inputs[name])) for name, (_, given) in parts.items()}
    classes = _classes(classes, labels)
    digest = hashlib.sha256(repr(classes).encode())
    for name, tensor in (*inputs.items(), *labels.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().data)
    splits = (Split(inputs[name], labels[name], torch.arange(len(labels[name]))) for name in ("train", "test"))
    bare = unlabelled_split(inputs["unlabelled"]) if unlabelled is not None else None
    description = Description(f"own:{digest.hexdigest()[:12]}")
    return remember(Dataset(description, *splits, torch.arange(len(labels["train"])), full_unlabelled=bare), classes)


def bag_of(data: Dataset) -> Dataset:
    """The same examples without order: of tokens which of them are there, 1 or 0.

    Its inputs have shape (N, V − 1), a column for each of the V tokens but padding.

    Raises
    ------
    ValueError
        The inputs are no tokens.
    """
    if data.vocabulary is None:
        raise ValueError(f"the inputs of {data.name} are no tokens: a bag is made of tokens")
    there = [
        torch.zeros(len(each), len(data.vocabulary)).scatter_(1, each.inputs, 1) for each in (data.train, data.test)
    ]
    bags = [(bag[:, 1:], each.labels) for bag, each in zip(there, (data.train, data.test), strict=True)]
    return data_of(train=bags[0], test=bags[1], classes=data.classes)


def _pair(name: str, given) -> tuple:
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise ValueError(f"{name} is a pair (inputs, labels), not {type(given).__name__}")
    return tuple(given)


def _tensor(what: str, given) -> Tensor:
    if not isinstance(given, (Tensor, np.ndarray)):
        raise ValueError(f"{what} are a tensor or an array, not {type(given).__name__}")
    try:
        return torch.as_tensor(given).detach().cpu().clone(memory_format=torch.contiguous_format)
    except TypeError:
        raise ValueError(f"{what} are an array of numbers, not of {given.dtype}") from None


def _inputs(name: str, given) -> Tensor:
    """Bytes, float32 or tokens, as they can be trained on."""
    inputs = _tensor(f"the inputs of {name}", given)
    shape, kind = tuple(inputs.shape), inputs.dtype
    if inputs.ndim < 2 or not inputs.numel():
        raise ValueError(f"the inputs of {name} have shape {shape}: a row an example, (N, ...), and at least one")
    if kind == torch.bool or kind.is_complex:
        raise ValueError(f"the inputs of {name} are {kind}: give bytes, floats or integer tokens")
    if inputs.ndim == 4 and shape[1] > 4 >= shape[3]:
        raise ValueError(f"the images of {name} have shape {shape}: channels come first, permute(0, 3, 1, 2)")
    if kind == torch.uint8:
        if inputs.ndim == 3:
            raise ValueError(f"the images of {name} have shape {shape}: grey ones have one channel, unsqueeze(1)")
        return inputs
    if not inputs.is_floating_point():
        return _tokens(name, inputs)
    if not torch.isfinite(inputs).all():
        raise ValueError(f"the inputs of {name} are not all finite: NaN or inf in example {_first(~inputs.isfinite())}")
    low, high = inputs.min().item(), inputs.max().item()
    if inputs.ndim == 4 and (low < 0 or high > 1):
        raise ValueError(
            f"the images of {name} reach from {low:g} to {high:g}: floats are in [0, 1]; give bytes as uint8, and "
            "leave centring to the network"
        )
    return inputs.float()


def _tokens(name: str, inputs: Tensor) -> Tensor:
    if inputs.ndim != 2:
        raise ValueError(
            f"integer inputs of {name} are tokens, shape (N, L), not {tuple(inputs.shape)}: give images as uint8"
        )
    if inputs.min() < 0:
        raise ValueError(f"the tokens of {name} count from 0: example {_first(inputs < 0)} has {inputs.min()}")
    return inputs.long()


def _labels(name: str, given, examples: int) -> Tensor:
    labels = _tensor(f"the labels of {name}", given)
    if labels.is_floating_point() or labels.dtype == torch.bool or labels.dtype.is_complex:
        raise ValueError(f"the labels of {name} are {labels.dtype}: give the classes' indices, integers")
    if tuple(labels.shape) != (examples,):
        raise ValueError(f"{name} has {examples} inputs and labels of shape {tuple(labels.shape)}: give ({examples},)")
    return labels.long()


def _alike(inputs: dict[str, Tensor]) -> None:
    first = inputs["train"]
    for name, other in inputs.items():
        if other.shape[1:] != first.shape[1:] or other.dtype != first.dtype:
            raise ValueError(
                f"an example of train has shape {tuple(first.shape[1:])}, {first.dtype}, one of {name} "
                f"{tuple(other.shape[1:])}, {other.dtype}: they must be alike"
            )


def _classes(given: Sequence[str] | None, labels: dict[str, Tensor]) -> tuple[str, ...]:
    """The classes' names, which labels do not exceed and of each of which there is a training example."""
    if isinstance(given, str):
        raise ValueError(f"classes are the names of several, not one text: {given!r}")
    largest = max(int(each.max()) for each in labels.values())
    classes = tuple(map(str, range(largest + 1) if given is None else given))
    if len(classes) < 2 or len({*classes}) < len(classes):
        raise ValueError(f"classes are two or more names that differ, not {classes}")
    for name, each in labels.items():
        wrong = (each < 0) | (each >= len(classes))
        if wrong.any():
            place = _first(wrong)
            raise ValueError(
                f"example {place} of {name} has label {each[place]}: {len(classes)} classes count from 0 to "
                f"{len(classes) - 1}"
            )
    absent = sorted({*range(len(classes))} - {*labels["train"].tolist()})
    if absent:
        named = ", ".join(classes[label] for label in absent[:5]) + (", …" if len(absent) > 5 else "")
        raise ValueError(f"no training example is of {named}: leave out classes that none has, here and in the labels")
    return classes


def _first(wrong: Tensor) -> int:
    return int(wrong.flatten(1).any(1).nonzero()[0] if wrong.ndim > 1 else wrong.nonzero()[0])


def check_stock(dataset: Dataset) -> None:
    """Raise ValueError unless the tensors are those that :func:`load` and the verbs give: a recipe keeps no others."""
    load(dataset.name)  # which notices what was changed in place
    said = dataset.description
    stock = load_described(said) if said.unlabelled else _stock(said, folder())  # other inputs are large
    if not all(map(equal, tensors_of(dataset), tensors_of(stock))):
        raise ValueError(
            f"this data set is called {said} and holds other tensors: a recipe would train on those of "
            f"kd.load({dataset.name!r}). Narrow what it gives, and clone() a tensor before you change it"
        )


@lru_cache(maxsize=8)
def _stock(description: Description, root: Path) -> Dataset:
    """What a description stands for, handed to nobody."""
    return load_described(description)


caches.append(_stock)
