"""Where data sets come from: files on disk, scikit-learn's digits, a download when asked. Arrays, no tensors."""

import os
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from kdviz.data import files
from kdviz.data.banking77 import SIZES, read_banking77, read_banking77_pieces
from kdviz.data.files import FILES, ROOT, absent, base, download, folder, in_repository, read_images
from kdviz.data.lookup import TASKS, read_lookup
from kdviz.data.mnist1d import read_mnist1d
from kdviz.data.names import CLASSES, classes_of
from kdviz.data.vision import KINDS, download_vision, read_vision, vision_on_disk

__all__ = [
    "CLASSES", "FILES", "ROOT", "Source", "absent", "base", "class_indices", "classes_of", "download", "draw", "fetch",
    "folder", "in_repository", "lane", "on_disk", "read",
]  # fmt: skip


class Source(NamedTuple):
    """What a data set is made of.

    A part is its inputs, images (N, H, W) or bags of words (N, V), its labels, shape (N,), and of sentences the
    sentences themselves. ``largest`` is the value of a full pixel; where it is None inputs stay as they are: bytes
    (N, C, H, W), tokens (N, L) or numbers.
    """

    train: tuple
    test: tuple
    largest: int | None = None
    unlabelled: np.ndarray | None = None
    vocabulary: tuple[str, ...] | None = None


def read(name: str) -> Source:
    """What the data set ``name`` is made of."""
    if name.endswith("_pairs"):
        return _pairs(*read(name.removesuffix("_pairs"))[:3])
    if name == "banking77":
        return Source(*read_banking77(), 1)
    if name in SIZES:
        train, test, vocabulary = read_banking77_pieces(name)
        return Source(train, test, vocabulary=vocabulary)
    if name in TASKS:
        train, test, vocabulary = read_lookup(name)
        return Source(train, test, vocabulary=vocabulary)
    if name == "mnist1d":
        train, test, unlabelled = read_mnist1d()
        return Source(train, test, unlabelled=unlabelled)
    if name in KINDS:
        train, test, unlabelled = read_vision(name)
        return Source(train, test, unlabelled=unlabelled)
    if name == "digits":
        images, labels = load_digits(return_X_y=True)
        images = images.reshape(-1, 8, 8)
        train, test = draw(labels, 1000, seed=0)
        return Source((images[train], labels[train]), (images[test], labels[test]), 16)
    return Source(*read_images(name, len(CLASSES[name])), 255)


def on_disk(name: str) -> bool:
    """Whether ``name`` can be loaded without a download."""
    return name in TASKS or (vision_on_disk(name) if name in KINDS else files.on_disk(name))


def fetch(name: str) -> None:
    """Download the files of ``name`` where they are missing."""
    if not on_disk(name):
        (download_vision if name in KINDS else download)(name)


def _pairs(train: tuple, test: tuple, largest: int) -> Source:
    """20,000 training and 2,000 test pairs of two digits drawn at random, the same in every process."""
    random = np.random.RandomState(0)  # unlike a Generator's, its numbers are the same in every version of NumPy
    return Source(_side_by_side(*train, 20_000, random), _side_by_side(*test, 2_000, random), largest)


def _side_by_side(images: np.ndarray, labels: np.ndarray, n: int, random: np.random.RandomState) -> tuple:
    left, right = random.randint(len(labels), size=(2, n), dtype=np.int64)
    return np.concatenate([images[left], images[right]], axis=2), 10 * labels[left] + labels[right]


def draw(labels: np.ndarray, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of ``n`` examples drawn with the classes in proportion, and the other rows; both in order."""
    return tuple(rows.copy() for rows in _drawn(labels.astype(np.int32).tobytes(), n, seed))


@lru_cache(maxsize=64)  # who asks again for what a recipe was trained on waits for no second draw
def _drawn(of: bytes, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.frombuffer(of, np.int32)
    classes = len(np.unique(labels))
    if not classes <= n <= len(labels) - classes:
        raise ValueError(f"cannot draw {n} of {len(labels)} examples: ask for {classes} to {len(labels) - classes}")
    chosen, rest = train_test_split(np.arange(len(labels)), train_size=n, random_state=seed, stratify=labels)
    return np.sort(chosen), np.sort(rest)


def class_indices(name: str, classes) -> tuple[int, ...]:
    """The indices, in order, of ``classes`` of the data set ``name``: an index, a name, or several."""
    known = classes_of(name)
    classes = classes.tolist() if hasattr(classes, "tolist") else classes
    several = classes if isinstance(classes, Iterable) and not isinstance(classes, str) else [classes]
    found = [known.index(c) if isinstance(c, str) and c in known else c for c in several]
    strange = [c for c in found if not isinstance(c, (int, np.integer)) or not 0 <= c < len(known)]
    if strange or not found:
        raise ValueError(f"no class {strange} in {name}: give one or several of {known} or an index")
    return tuple(sorted(int(c) for c in found))


def lane() -> str:
    """The data set a notebook runs on: ``$KDVIZ_DATASET``, else MNIST where it is on disk, else the digits."""
    chosen = os.environ.get("KDVIZ_DATASET") or ("mnist" if on_disk("mnist") else "digits")
    if chosen == "digits":
        print("Running on the embedded 8x8 digits. For MNIST: `make data`, or point KDVIZ_DATA at its folder.")
    return chosen
