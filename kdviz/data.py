"""Data sets as tensors, and the small descriptions by which a recipe remembers them."""

import operator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz import sources
from kdviz.sources import CLASSES


@dataclass(frozen=True, eq=False)
class Split:
    """Examples in a fixed order.

    Attributes
    ----------
    inputs : Tensor, shape (N, ...), float32
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
        """The inputs where they are images, shape (N, C, H, W) in [0, 1]."""
        if self.inputs.ndim != 4:
            raise ValueError(f"inputs of shape {tuple(self.inputs.shape)} are no images: read .inputs or .texts")
        return self.inputs

    def __getitem__(self, rows: Tensor) -> "Split":
        texts = self.texts and tuple(self.texts[row] for row in torch.arange(len(self))[rows].tolist())
        return Split(self.inputs[rows], self.labels[rows], self.index[rows], texts)


@dataclass(frozen=True)
class Description:
    """What a recipe holds of a data set: its name and how its training set was narrowed."""

    name: str
    narrowed: tuple[tuple, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{verb} {', '.join(map(str, what))}" for verb, *what in self.narrowed)])

    @property
    def missing(self) -> list[int]:
        """Indices of the classes that narrowing left out of the training set."""
        left = set(range(len(CLASSES[self.name])))
        for verb, *what in self.narrowed:
            left = left - set(what) if verb == "without" else left & set(what) if verb == "only" else left
        return sorted(set(range(len(CLASSES[self.name]))) - left)

    @property
    def unlabelled(self) -> bool:
        """Whether the training inputs come from elsewhere, so that the labels do not belong to them."""
        return any(verb == "replace_inputs" for verb, *_ in self.narrowed)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training and a test split. Verbs return a new data set; only :meth:`split` changes ``test``.

    Attributes
    ----------
    description : Description
    full_train, full_test : Split
        All there is to train on, and the test split of the data set itself. An epoch counts the full training set.
    rows : Tensor
        Which examples of the full training set are trained on.
    held_out : Tensor or None
        Which examples of the full training set stand in for the test split.
    """

    description: Description
    full_train: Split
    full_test: Split
    rows: Tensor
    held_out: Tensor | None = None

    @property
    def name(self) -> str:
        return self.description.name

    @property
    def classes(self) -> tuple[str, ...]:
        return CLASSES[self.name]

    @cached_property
    def train(self) -> Split:
        return self.full_train if len(self.rows) == len(self.full_train) else self.full_train[self.rows]

    @cached_property
    def test(self) -> Split:
        return self.full_test if self.held_out is None else self.full_train[self.held_out]

    def without(self, classes) -> "Dataset":
        """Leave out of ``train`` every example of ``classes`` (an index, a name, or several)."""
        return self._narrow("without", *sources.class_indices(self.name, classes))

    def only(self, classes) -> "Dataset":
        """Keep in ``train`` only the examples of ``classes`` (an index, a name, or several)."""
        return self._narrow("only", *sources.class_indices(self.name, classes))

    def take(self, n: int, seed: int) -> "Dataset":
        """Keep ``n`` training examples, drawn with the classes in proportion. The test split stays."""
        return self._narrow("take", operator.index(n), operator.index(seed))

    def split(self, n: int, seed: int) -> "Dataset":
        """Hold ``n`` training examples out, classes in proportion, as the new ``test``.

        Choices are made on such a data set: the original test split is out of its reach.
        """
        if self.description.missing or not {verb for verb, *_ in self.description.narrowed} <= {"take", "split"}:
            raise ValueError(f"split first: the held-out part of {self.description} would not be like its test split")
        return self._narrow("split", operator.index(n), operator.index(seed))

    def shuffle_labels(self, seed: int) -> "Dataset":
        """Give the training examples each other's labels at random: there is nothing to learn, only to memorise."""
        return self._narrow("shuffle_labels", operator.index(seed))

    def replace_inputs(self, source: str) -> "Dataset":
        """Train on other inputs, without labels: another data set's of the same shape, or ``"noise"``.

        The noise is uniform in [0, 1], each pixel by itself. Students learn from soft targets alone.
        """
        return self._narrow("replace_inputs", source)

    def _narrow(self, verb: str, *what) -> "Dataset":
        description = Description(self.name, (*self.description.narrowed, (verb, *what)))
        if verb in ("shuffle_labels", "replace_inputs"):
            train = self._shuffled(*what) if verb == "shuffle_labels" else self._replaced(*what)
            return Dataset(description, train, self.test, self.rows)
        labels, rows, held_out = self.full_train.labels[self.rows], self.rows, self.held_out
        if verb in ("without", "only"):
            rows = rows[torch.isin(labels, torch.tensor(what)) == (verb == "only")]
            if not len(rows):
                raise ValueError(f"{verb} {what} leaves no training example of {self.description}")
        else:
            chosen, rest = map(torch.from_numpy, sources.draw(labels.numpy(), *what))
            rows, held_out = (rows[chosen], held_out) if verb == "take" else (rows[rest], rows[chosen])
        return Dataset(description, self.full_train, self.full_test, rows, held_out)

    def _shuffled(self, seed: int) -> Split:
        labels = self.full_train.labels.clone()
        order = torch.randperm(len(self.rows), generator=torch.Generator().manual_seed(seed))
        labels[self.rows] = labels[self.rows[order]]
        return replace(self.full_train, labels=labels)

    def _replaced(self, source: str) -> Split:
        shape = self.full_train.inputs.shape
        inputs = _noise(shape) if source == "noise" else load(source).full_train.inputs[: len(self.full_train)]
        if inputs.shape != shape:
            raise ValueError(f"{source} has inputs of shape {tuple(inputs.shape)}: {self.name} needs {tuple(shape)}")
        return replace(self.full_train, inputs=inputs, texts=None)


@dataclass(frozen=True)
class Jitter:
    """Shift every image by up to ``pixels`` in each direction, each example by its own draw."""

    pixels: int

    def __post_init__(self):
        object.__setattr__(self, "pixels", operator.index(self.pixels))
        if self.pixels < 1:
            raise ValueError(f"a jitter is of at least one pixel, not {self.pixels}: None leaves images as they are")

    def draw(self, examples: int, generator: torch.Generator) -> Tensor:
        """A shift down and one to the right for each example, shape (N, 2), from 0, which is the largest up or left."""
        return torch.randint(0, 2 * self.pixels + 1, (2, examples), generator=generator).T

    def __call__(self, images: Tensor, shifts: Tensor) -> Tensor:
        """``images`` of shape (N, C, H, W), shifted; what is shifted in from outside is black."""
        if images.ndim != 4:
            raise ValueError(f"no image to shift in inputs of shape {tuple(images.shape)}: augment must be None")
        channels, height, width = images.shape[1:]
        wide = width + 2 * self.pixels
        rows = torch.arange(height, device=images.device) * wide
        window = (rows[:, None] + torch.arange(width, device=images.device)).flatten()
        padded = F.pad(images, [self.pixels] * 4).flatten(2)
        place = window + (shifts[:, 0] * wide + shifts[:, 1])[:, None]
        return padded.gather(2, place[:, None].expand(-1, channels, -1)).view_as(images)


def load(name: str, *, download: bool = False) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : {"digits", "mnist", "fashion_mnist", "digits_pairs", "mnist_pairs", "banking77"}
        ``digits`` comes with scikit-learn. The others are read from ``$KDVIZ_DATA`` (default: ``data/``): images in
        torchvision's layout, sentences (bags of words) in ``text/BANKING77``. A pair is two digits side by side.
    download : bool
        Fetch the files first if they are missing. Nothing is downloaded otherwise.

    Raises
    ------
    ValueError
        Unknown name, or a file that is truncated, altered or of another kind.
    FileNotFoundError
        The files are missing.
    """
    if name not in CLASSES:
        raise ValueError(f"unknown data set {name!r}: choose one of {', '.join(CLASSES)}")
    if download and not sources.on_disk(name):
        sources.download(name)
    return _load(name, sources.folder())


def load_described(description: Description) -> Dataset:
    """The data set that ``description`` was taken from, narrowed the same way."""
    dataset = load(description.name)
    for verb, *what in description.narrowed:
        dataset = dataset._narrow(verb, *what)
    return dataset


@lru_cache(maxsize=1)
def _noise(shape: torch.Size) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float32)


@lru_cache(maxsize=4)
def _load(name: str, root: Path) -> Dataset:
    *parts, largest = sources.read(name)
    train, test = (_as_split(largest, *part) for part in parts)
    return Dataset(Description(name), train, test, torch.arange(len(train)))


def _as_split(largest: int, inputs: np.ndarray, labels: np.ndarray, texts: tuple[str, ...] | None = None) -> Split:
    inputs = torch.tensor(inputs, dtype=torch.float32).div_(largest)
    inputs = inputs.unsqueeze(1) if inputs.ndim == 3 else inputs  # grey images have one channel
    return Split(inputs, torch.tensor(labels, dtype=torch.int64), torch.arange(len(labels)), texts)
