"""Photographs and characters as torchvision lays them out, with its digests and downloaders; images stay bytes.

torchvision is imported where it is used, for that takes a second.
"""

import hashlib
import importlib
import io
import pickle
import warnings
from pathlib import Path

import numpy as np

from kdviz.data.files import folder
from kdviz.data.names import CLASSES

KINDS = {  # torchvision's class, and how it is asked for the training and the test part
    "kmnist": ("KMNIST", {"train": True}, {"train": False}),
    "emnist": ("EMNIST", {"train": True, "split": "balanced"}, {"train": False, "split": "balanced"}),
    "cifar10": ("CIFAR10", {"train": True}, {"train": False}),
    "cifar100": ("CIFAR100", {"train": True}, {"train": False}),
    "svhn": ("SVHN", {"split": "train"}, {"split": "test"}),
    "stl10": ("STL10", {"split": "train"}, {"split": "test"}),
}
IDX = {"kmnist": "KMNIST/raw/{}", "emnist": "EMNIST/raw/emnist-balanced-{}"}


def vision_on_disk(name: str) -> bool:
    """Whether all files of ``name`` lie in the data folder."""
    return all(path.exists() for path in _files(name))


def read_vision(name: str) -> tuple[tuple, tuple, np.ndarray | None]:
    """The training part, the test part, and images without labels where there are some.

    A part is images, shape (N, C, H, W), uint8, and labels, shape (N,). Of EMNIST the balanced split of 47 classes is
    read, upright (its files hold every image transposed); of SVHN not the extra part; STL-10 has 96 × 96 pixels, and
    100,000 images without labels, which are read from the disk as they are asked for.

    Raises
    ------
    FileNotFoundError
        A file is missing.
    ValueError
        A file is truncated, or its digest is not the one that torchvision knows of its publisher. CIFAR's files are
        pickles, which can run code: no other is opened.
    """
    missing = [path.name for path in _files(name) if not path.exists()]
    if missing:
        how = f"kd.load({name!r}, download=True) downloads it, or set KDVIZ_DATA to its folder, in torchvision's layout"
        raise FileNotFoundError(f"{name} is not on disk ({missing[0]} is missing): {how}")
    readers = {"kmnist": _idx, "emnist": _idx, "cifar10": _cifar, "cifar100": _cifar, "svhn": _svhn, "stl10": _stl10}
    train, test, *unlabelled = readers[name](name)
    return train, test, *(unlabelled or [None])


def download_vision(name: str) -> None:
    """Fetch ``name`` with torchvision's downloader, which holds what it fetched against its digests."""
    for which in KINDS[name][1:]:
        try:
            _kind(name)(folder(), download=True, **which)
        except (OSError, RuntimeError) as problem:  # no connection, or content whose digest is another
            raise OSError(f"could not download {name} ({problem}): put its files into {folder()}") from None


def _kind(name: str) -> type:
    return getattr(importlib.import_module("torchvision.datasets"), KINDS[name][0])


def _files(name: str) -> dict[Path, str | None]:
    """The files of ``name``, and the MD5 of each where it is known."""
    if name in IDX:
        parts = ("train", "t10k" if name == "kmnist" else "test")
        files = [f"{part}-{what}-ubyte" for part in parts for what in ("images-idx3", "labels-idx1")]
        return {folder() / IDX[name].format(file): None for file in files}
    kind = _kind(name)
    if name == "svhn":
        return {folder() / file: md5 for _, file, md5 in (kind.split_list[part] for part in ("train", "test"))}
    meta = [(kind.meta["filename"], kind.meta["md5"])] if hasattr(kind, "meta") else []
    return {folder() / kind.base_folder / file: md5 for file, md5 in (*kind.train_list, *kind.test_list, *meta)}


def _sound(name: str) -> dict[str, bytes]:
    """The content of each file by its name, held against the publisher's digest."""
    found = {}
    for path, md5 in _files(name).items():
        content = np.memmap(path, mode="c") if path.name == "unlabeled_X.bin" else path.read_bytes()  # it is 3 GB
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            raise ValueError(
                f"{path.name} of {name} is truncated or not its publisher's, and is not opened: delete it, and "
                f"kd.load({name!r}, download=True)"
            )
        found[path.name] = content
    return found


def _cifar(name: str) -> tuple[tuple, tuple]:
    kind, contents = _kind(name), _sound(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, on how it was pickled then
        read = {file: pickle.loads(content, encoding="latin1") for file, content in contents.items()}
    called = tuple(label.replace("_", " ") for label in read[kind.meta["filename"]][kind.meta["key"]])
    if called != CLASSES[name]:
        raise ValueError(f"{name} lists other classes than kdviz/data/names.py: correct that")
    labels = "labels" if name == "cifar10" else "fine_labels"
    return tuple(
        (
            np.concatenate([read[file]["data"] for file, _ in files]).reshape(-1, 3, 32, 32),
            np.concatenate([read[file][labels] for file, _ in files]),
        )
        for files in (kind.train_list, kind.test_list)
    )


def _svhn(name: str) -> tuple[tuple, tuple]:
    from scipy.io import loadmat

    parts = [loadmat(io.BytesIO(content)) for content in _sound(name).values()]
    return tuple((part["X"].transpose(3, 2, 0, 1), part["y"].reshape(-1) % 10) for part in parts)  # 10 is the digit 0


def _stl10(name: str) -> tuple[tuple, tuple, np.ndarray]:
    read = {file: np.frombuffer(content, np.uint8) for file, content in _sound(name).items()}
    train, test, unlabelled = (
        read[f"{part}_X.bin"].reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2) for part in ("train", "test", "unlabeled")
    )
    return (train, read["train_y.bin"].astype(int) - 1), (test, read["test_y.bin"].astype(int) - 1), unlabelled


def _idx(name: str) -> tuple[tuple, tuple]:
    from torchvision.datasets.mnist import read_image_file, read_label_file

    read = []
    for i, path in enumerate(_files(name)):  # images, labels, images, labels
        try:
            read.append((read_label_file if i % 2 else read_image_file)(str(path)).numpy())
            sound = i % 2 == 0 or (len(read[-1]) == len(read[-2]) and read[-1].max() < len(CLASSES[name]))
        except (AssertionError, KeyError, RuntimeError, TypeError, ValueError):
            sound = False
        if not sound:
            how = f"delete it, and kd.load({name!r}, download=True)"
            raise ValueError(f"{path.name} of {name} is truncated or of another data set: {how}")
    images, labels, test_images, test_labels = read
    if name == "emnist":
        images, test_images = images.transpose(0, 2, 1), test_images.transpose(0, 2, 1)
    return (images[:, None], labels), (test_images[:, None], test_labels)
