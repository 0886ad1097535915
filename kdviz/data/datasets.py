"""Data sets as tensors; verbs narrow them."""

import operator
import warnings
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, reduce
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from kdviz.arguments import number, whole
from kdviz.data import sources, splits
from kdviz.data.names import OWN, classes_of
from kdviz.data.seals import Seal, seal, tensors_of
from kdviz.data.splits import RELABELLED, Description, Split, as_split, noise, other_inputs
from kdviz.data.wordpieces import as_text

MADE: dict[str, "Dataset"] = {}  # data of one's own, in this process
HELD = 2**30  # bytes of a tensor that is watched, at most


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
    full_unlabelled : Split or None
        Inputs without labels, where the data set has some; the labels of this split are 0 and mean nothing.
    vocabulary : tuple of str or None
        What the tokens stand for, where inputs are tokens.
    """

    description: Description
    full_train: Split
    full_test: Split
    rows: Tensor
    held_out: Tensor | None = None
    full_unlabelled: Split | None = None
    vocabulary: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        return self.description.name

    @property
    def classes(self) -> tuple[str, ...]:
        return self.description.classes

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
        return self._narrow("take", whole("n", n), whole("seed", seed))

    def rest(self, n: int, seed: int) -> "Dataset":
        """Keep the training examples that ``take(n, seed)`` leaves: fresh ones, for who learnt from those."""
        return self._narrow("rest", whole("n", n), whole("seed", seed))

    def split(self, n: int, seed: int) -> "Dataset":
        """Hold ``n`` training examples out, classes in proportion, as the new ``test``: choices are made on them."""
        if self.description.missing or not {verb for verb, *_ in self.description.narrowed} <= {"take", "split"}:
            raise ValueError(f"split first: the held-out part of {self.description} would not be like its test split")
        return self._narrow("split", whole("n", n), whole("seed", seed))

    def shuffle_labels(self, seed: int) -> "Dataset":
        """Give the training examples each other's labels at random: there is nothing to learn, only to memorise."""
        return self._narrow("shuffle_labels", whole("seed", seed))

    def mislabel(self, share: float, seed: int) -> "Dataset":
        """Give a ``share`` of the training examples the label of another class; what is tested on stays right."""
        return self._narrow("mislabel", number("share", share), whole("seed", seed))

    def specialise(self, classes) -> "Dataset":
        """Give all examples that are not of ``classes`` one label, the last, in the test split too: for a specialist.

        Half of each batch is of ``classes``, half of the rest (Hinton et al. 2015, section 5.2). It is the last verb.
        """
        return self._narrow("specialise", *sources.class_indices(self.name, classes))

    @property
    def own_share(self) -> float:
        """The share of its own classes among a specialist's examples; 1 of anything else."""
        return len(splits.pools(self)[0]) / len(self.rows)

    def replace_inputs(self, source: str) -> "Dataset":
        """Train on other inputs, without labels: another data set's of the same shape, or ``"noise"``.

        The noise is uniform in [0, 1], each pixel by itself. Students learn from soft targets alone.
        """
        _ = source == "noise" or classes_of(source)
        return self._narrow("replace_inputs", source)

    def unlabelled(self, n: int | None = None, seed: int = 0) -> "Dataset":
        """Train on the inputs without labels: students learn from soft targets alone.

        They are the full training set then, which an epoch counts. The test split stays. ``n`` of them are drawn at
        random with ``seed``, all by default.
        """
        return self._narrow("unlabelled", *(() if n is None else (operator.index(n), operator.index(seed))))

    def decode(self, tokens) -> str:
        """The words that one example's tokens, shape (L,), stand for."""
        if self.vocabulary is None:
            raise ValueError(f"the inputs of {self.name} are no tokens: there is nothing to decode")
        return as_text(torch.as_tensor(tokens).tolist(), self.vocabulary)

    def _narrow(self, verb: str, *what) -> "Dataset":
        if self.full_unlabelled is not None and self.full_train is self.full_unlabelled:
            raise ValueError(f"no {verb} after unlabelled: unlabelled(n, seed) takes n of them, split comes before")
        if self.description.group:
            raise ValueError(f"no {verb} after specialise: its labels are others; narrow first, specialise last")
        description = Description(self.name, (*self.description.narrowed, (verb, *what)))
        if verb in ("unlabelled", "replace_inputs", *RELABELLED):
            changed = replace(self, description=description, full_test=self.test, held_out=None)
            if verb == "unlabelled":
                rows = splits.unlabelled_rows(self.full_unlabelled, self.description, *what)
                return replace(changed, full_train=self.full_unlabelled, rows=rows)
            if verb in RELABELLED:
                test = splits.specialised(self.test, *what) if verb == "specialise" else self.test
                return replace(changed, full_train=RELABELLED[verb](self.full_train, self.rows, *what), full_test=test)
            own, (name,) = self.full_train, what
            inputs = noise(own.inputs.shape).clone() if name == "noise" else load(name).full_train.inputs[: len(own)]
            return replace(changed, full_train=other_inputs(own, inputs, self.name, name))
        labels, rows, held_out = self.full_train.labels[self.rows], self.rows, self.held_out
        if verb in ("without", "only"):
            rows = rows[torch.isin(labels, torch.tensor(what)) == (verb == "only")]
            if not len(rows):
                raise ValueError(f"{verb} {what} leaves no training example of {self.description}")
        else:
            chosen, rest = map(torch.from_numpy, sources.draw(labels.numpy(), *what))
            held_out = rows[chosen] if verb == "split" else held_out
            rows = rows[chosen if verb == "take" else rest]
        return replace(self, description=description, rows=rows, held_out=held_out)


_seals: WeakKeyDictionary[Dataset, Seal] = WeakKeyDictionary()  # of what is loaded


def load(name: str, *, download: bool = False) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : str
        ``digits`` and ``digits_pairs`` come with scikit-learn, ``mnist1d``, ``lookup`` and ``lookup_long`` (tokens) are
        generated. The others are read from ``$KDVIZ_DATA`` (default: ``data/``): ``mnist``, ``fashion_mnist``,
        ``mnist_pairs``, ``kmnist``, ``emnist``, ``cifar10``, ``cifar100``, ``svhn`` and ``stl10`` in torchvision's
        layout, ``banking77`` (bags of words), ``banking77_pieces`` and ``banking77_short`` (tokens) in
        ``text/BANKING77``. A pair is two digits side by side. Data of one's own have the name in their description.
    download : bool
        Fetch the files first if they are missing. Nothing is downloaded otherwise.

    Tensors are shared by all who load a data set: ``clone()`` one before you change it. What is changed in place never
    reaches a training: it is read anew, with a warning.

    Raises
    ------
    ValueError
        Unknown name, or a file that is truncated, altered or of another kind.
    FileNotFoundError, LookupError
        The files are missing; data of one's own that this process has not made.
    """
    classes_of(name)
    if name not in OWN and download:
        sources.fetch(name)
    dataset = MADE[name] if name in OWN else _load(name, sources.folder())
    return _anew(name) if _seals[dataset].is_marked() else dataset


def check_loaded() -> None:
    """Read anew, with a warning, what a caller changed in place: the tensors of a data set are shared.

    :func:`load` itself notices what torch counts; this also finds what was written through NumPy or ``.data``, by a
    checksum of all that is loaded: a tenth of a second for MNIST.
    """
    for dataset, sealed in list(_seals.items()):
        if sealed.is_broken():
            _anew(dataset.name)


def remember(dataset: Dataset, classes: tuple[str, ...]) -> Dataset:
    """Let :func:`load` find data of one's own in this process, and return what it finds."""
    OWN[dataset.name] = classes
    return MADE[dataset.name] if dataset.name in MADE else MADE.setdefault(dataset.name, _sealed(dataset))


def load_described(description: Description) -> Dataset:
    """The data set that ``description`` was taken from, narrowed the same way."""
    return reduce(lambda narrowed, verb: narrowed._narrow(*verb), description.narrowed, load(description.name))


@lru_cache(maxsize=4)
@torch.inference_mode(False)
def _load(name: str, root: Path) -> Dataset:
    source = sources.read(name)
    train, test = (as_split(source.largest, *part) for part in (source.train, source.test))
    bare = None if source.unlabelled is None else splits.unlabelled_split(torch.from_numpy(source.unlabelled))
    rows = torch.arange(len(train))
    return _sealed(Dataset(Description(name), train, test, rows, None, bare, source.vocabulary))


caches = [_load]  # what holds tensors that are read anew


def _anew(name: str) -> Dataset:
    """Read a data set that a caller changed once more; ValueError where it was made here, of one's own tensors."""
    if name in OWN:
        raise ValueError(f"tensors of {name} were changed in place: make it again with kd.data_of, and clone() first")
    told = f"tensors of {name} were changed in place, and it is read anew: clone() what you change"
    warnings.warn(told, stacklevel=3)
    for known in caches:
        known.cache_clear()
    for dataset in [each for each in _seals if each.name not in OWN]:
        del _seals[dataset]
    return _load(name, sources.folder())


def _sealed(dataset: Dataset) -> Dataset:
    """The data set, watched; what is read from the disk as it is asked for cannot be."""
    _seals[dataset] = seal(*(each for each in tensors_of(dataset) if each is not None and each.nbytes < HELD))
    return dataset
