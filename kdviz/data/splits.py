"""Examples as tensors, and the small descriptions by which a recipe remembers a data set."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from kdviz.data.names import classes_of


@dataclass(frozen=True, eq=False)
class Split:
    """Examples in a fixed order.

    Attributes
    ----------
    inputs : Tensor, shape (N, ...)
        float32; or uint8, of which x stands for x/255; or tokens, int64. :func:`as_numbers` reads all of them.
    labels : Tensor, shape (N,), int64
    index : Tensor, shape (N,), int64
        Where each example stands in the full split it was taken from.
    texts : tuple of str, optional
        The N sentences that the inputs are made of.
    """

    inputs: Tensor
    labels: Tensor
    index: Tensor
    texts: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def images(self) -> Tensor:
        """The inputs where they are images, shape (N, C, H, W), float32 in [0, 1]."""
        if self.inputs.ndim != 4:
            raise ValueError(f"inputs of shape {tuple(self.inputs.shape)} are no images: read .inputs or .texts")
        return as_numbers(self.inputs, torch.float32)

    def __getitem__(self, rows: Tensor) -> "Split":
        texts = self.texts and tuple(self.texts[row] for row in torch.arange(len(self))[rows].tolist())
        return Split(self.inputs[rows], self.labels[rows], self.index[rows], texts)


@dataclass(frozen=True)
class Description:
    """What a recipe holds of a data set: its name and how its training set was narrowed."""

    name: str
    narrowed: tuple[tuple, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{verb} {', '.join(map(str, what))}".rstrip() for verb, *what in self.narrowed)])

    @property
    def missing(self) -> list[int]:
        """Indices of the classes that narrowing left out of the training set."""
        left = set(range(len(classes_of(self.name))))
        for verb, *what in self.narrowed:
            left = left - set(what) if verb == "without" else left & set(what) if verb == "only" else left
        return sorted(set(range(len(classes_of(self.name)))) - left)

    @property
    def group(self) -> tuple[int, ...]:
        """The classes of a specialist, of which it says ``specialise``; none of anything else."""
        return next((tuple(what) for verb, *what in self.narrowed if verb == "specialise"), ())

    @property
    def classes(self) -> tuple[str, ...]:
        """What its labels are called: a specialist's own classes, and one name for all others."""
        known = classes_of(self.name)
        return (*(known[c] for c in self.group), "the rest") if self.group else known

    @property
    def unlabelled(self) -> bool:
        """Whether the training inputs come from elsewhere, so that the labels do not belong to them."""
        return any(verb in ("replace_inputs", "unlabelled") for verb, *_ in self.narrowed)


def as_numbers(inputs: Tensor, dtype: torch.dtype) -> Tensor:
    """Inputs as a network takes them: bytes as shares of 255, other numbers as ``dtype``, tokens as they are."""
    if are_tokens(inputs):
        return inputs
    return inputs.to(dtype).div_(255) if inputs.dtype == torch.uint8 else inputs.to(dtype)


def are_tokens(inputs: Tensor) -> bool:
    """Whether inputs are integers that stand for pieces of text."""
    return not inputs.is_floating_point() and inputs.dtype != torch.uint8


def unlabelled_split(inputs: Tensor) -> Split:
    """Inputs without labels: 0 stands in for each."""
    return Split(inputs, torch.zeros(len(inputs), dtype=torch.int64), torch.arange(len(inputs)))


def shuffled(split: Split, rows: Tensor, seed: int) -> Split:
    """The split with the labels of ``rows`` given to each other at random."""
    labels = split.labels.clone()
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    labels[rows] = labels[rows[order]]
    return replace(split, labels=labels)


def mislabelled(split: Split, rows: Tensor, share: float, seed: int) -> Split:
    """The split with the labels of a share of ``rows`` wrong: another class, each as likely as any other."""
    if not 0 < share <= 1:
        raise ValueError(f"a share of the labels is above 0 and at most 1, not {share:g}")
    generator, labels = torch.Generator().manual_seed(seed), split.labels.clone()
    wrong = rows[torch.randperm(len(rows), generator=generator)[: round(share * len(rows))]]
    classes = int(split.labels.max()) + 1
    further = torch.randint(1, classes, (len(wrong),), generator=generator)
    labels[wrong] = (labels[wrong] + further) % classes
    return replace(split, labels=labels)


def specialised(split: Split, *group: int) -> Split:
    """The split with the classes of ``group`` as the first labels, in order, and one label after them for the rest."""
    labels = torch.full_like(split.labels, len(group))
    for own, label in enumerate(group):
        labels[split.labels == label] = own
    return replace(split, labels=labels)


RELABELLED = {  # verbs that give training examples other labels
    "shuffle_labels": shuffled,
    "mislabel": mislabelled,
    "specialise": lambda split, rows, *group: specialised(split, *group),
}


def pools(dataset) -> tuple[Tensor, ...]:
    """The rows that batches are drawn from, an example of each in turn: of a specialist its own, and the rest.

    ValueError where it has none of its own, or no others.
    """
    rows, group = dataset.rows, dataset.description.group
    if not group:
        return (rows,)
    own = dataset.full_train.labels[rows] < len(group)
    if own.all() or not own.any():
        raise ValueError(f"a specialist learns from its own classes {group} and from others: both need examples")
    return rows[own], rows[~own]


def unlabelled_rows(bare: Split | None, said: Description, n: int | None = None, seed: int = 0) -> Tensor:
    """Which of the inputs without labels are trained on, of a data set that is described so far by ``said``."""
    if bare is None:
        raise ValueError(f"{said.name} has no inputs without labels: kd.data_of takes some, mnist1d and stl10 have")
    narrowed = ", ".join(verb for verb, *_ in said.narrowed if verb != "split")
    if narrowed:
        raise ValueError(f"unlabelled replaces all of the training set: only split comes before it, not {narrowed}")
    return some_of(len(bare), n, seed)


def other_inputs(split: Split, inputs: Tensor, name: str, source: str) -> Split:
    """The split of the data set ``name`` with the inputs of ``source`` in place of its own."""
    if inputs.shape != split.inputs.shape:
        raise ValueError(
            f"{source} has inputs of shape {tuple(inputs.shape)}: {name} needs {tuple(split.inputs.shape)}"
        )
    if are_tokens(inputs) != are_tokens(split.inputs):
        raise ValueError(f"inputs of {name} and {source} are not of a kind: tokens cannot stand for numbers")
    return replace(split, inputs=inputs, texts=None)


@lru_cache(maxsize=1)
def noise(shape: torch.Size) -> Tensor:
    """Uniform in [0, 1], the same in every process."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float32)


def as_split(
    largest: int | None, inputs: np.ndarray, labels: np.ndarray, texts: tuple[str, ...] | None = None
) -> Split:
    """Arrays as tensors; where the value of a full pixel is given, as shares of it."""
    if largest is None:
        inputs = torch.tensor(np.ascontiguousarray(inputs))
    else:
        inputs = torch.tensor(inputs, dtype=torch.float32).div_(largest)
        inputs = inputs.unsqueeze(1) if inputs.ndim == 3 else inputs  # grey images have one channel
    return Split(inputs, torch.tensor(labels, dtype=torch.int64), torch.arange(len(labels)), texts)


def some_of(size: int, n: int | None, seed: int) -> Tensor:
    """``n`` of ``size`` rows, drawn at random and in order; all of them if None."""
    if n is None:
        return torch.arange(size)
    if not 1 <= n <= size:
        raise ValueError(f"cannot draw {n} of {size} examples without labels: ask for 1 to {size}")
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed))[:n].sort().values
