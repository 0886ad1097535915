"""Data sets as tensors; verbs narrow them."""

import operator
import warnings
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from kdviz.data import sources
from kdviz.data.seals import Seal, seal
from kdviz.data.sources import CLASSES
from kdviz.data.splits import Description, Split


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
        inputs = _noise(shape).clone() if source == "noise" else load(source).full_train.inputs[: len(self.full_train)]
        if inputs.shape != shape:
            raise ValueError(f"{source} has inputs of shape {tuple(inputs.shape)}: {self.name} needs {tuple(shape)}")
        return replace(self.full_train, inputs=inputs, texts=None)


_seals: WeakKeyDictionary[Dataset, Seal] = WeakKeyDictionary()  # of what is loaded


def load(name: str, *, download: bool = False) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : {"digits", "mnist", "fashion_mnist", "digits_pairs", "mnist_pairs", "banking77"}
        ``digits`` comes with scikit-learn. The others are read from ``$KDVIZ_DATA`` (default: ``data/``): images in
        torchvision's layout, sentences (bags of words) in ``text/BANKING77``. A pair is two digits side by side.
    download : bool
        Fetch the files first if they are missing. Nothing is downloaded otherwise.

    Tensors are shared by all who load a data set: ``clone()`` one before you change it. What is changed in place never
    reaches a training: it is read anew, with a warning.

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
    dataset = _load(name, sources.folder())
    return _anew(name) if _seals[dataset].is_marked() else dataset


def check_loaded() -> None:
    """Read anew, with a warning, what a caller changed in place: the tensors of a data set are shared.

    :func:`load` itself notices what torch counts; this also finds what was written through NumPy or ``.data``, by a
    checksum of all that is loaded: a tenth of a second for MNIST.
    """
    for dataset, sealed in list(_seals.items()):
        if sealed.is_broken():
            _anew(dataset.name)


def check_stock(dataset: Dataset) -> None:
    """Raise ValueError unless the tensors are those that :func:`load` and the verbs give: a recipe keeps no others."""
    load(dataset.name)  # which notices what was changed in place
    said = dataset.description
    stock = load_described(said) if said.unlabelled else _stock(said, sources.folder())  # other inputs are large
    if not all(map(_equal, _tensors(dataset), _tensors(stock))):
        raise ValueError(
            f"this data set is called {said} and holds other tensors: a recipe would train on those of "
            f"kd.load({dataset.name!r}). Narrow what it gives, and clone() a tensor before you change it"
        )


def load_described(description: Description) -> Dataset:
    """The data set that ``description`` was taken from, narrowed the same way."""
    dataset = load(description.name)
    for verb, *what in description.narrowed:
        dataset = dataset._narrow(verb, *what)
    return dataset


@lru_cache(maxsize=8)
def _stock(description: Description, root: Path) -> Dataset:
    """What a description stands for, handed to nobody."""
    return load_described(description)


@lru_cache(maxsize=1)
def _noise(shape: torch.Size) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float32)


@lru_cache(maxsize=4)
@torch.inference_mode(False)
def _load(name: str, root: Path) -> Dataset:
    *parts, largest = sources.read(name)
    train, test = (_as_split(largest, *part) for part in parts)
    dataset = Dataset(Description(name), train, test, torch.arange(len(train)))
    _seals[dataset] = seal(*filter(lambda tensor: tensor is not None, _tensors(dataset)))
    return dataset


def _anew(name: str) -> Dataset:
    """Read a data set that a caller changed once more."""
    warnings.warn(
        f"tensors of {name} were changed in place, and it is read anew: clone() what you change", stacklevel=3
    )
    for known in (_load, _stock):
        known.cache_clear()
    _seals.clear()
    return _load(name, sources.folder())


def _tensors(dataset: Dataset) -> list[Tensor | None]:
    parts = [(part.inputs, part.labels, part.index) for part in (dataset.full_train, dataset.full_test)]
    return [*parts[0], *parts[1], dataset.rows, dataset.held_out]


def _equal(one: Tensor | None, other: Tensor | None) -> bool:
    if one is other or one is None or other is None:
        return one is other
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one.cpu(), other)


def _as_split(largest: int, inputs: np.ndarray, labels: np.ndarray, texts: tuple[str, ...] | None = None) -> Split:
    inputs = torch.tensor(inputs, dtype=torch.float32).div_(largest)
    inputs = inputs.unsqueeze(1) if inputs.ndim == 3 else inputs  # grey images have one channel
    return Split(inputs, torch.tensor(labels, dtype=torch.int64), torch.arange(len(labels)), texts)
