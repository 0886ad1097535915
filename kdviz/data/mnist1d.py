"""MNIST-1D: ten curves of 40 numbers, deformed at random and noisy. Greydanus and Kobak (2024), licence Apache 2.0.

They are generated, not downloaded, once: the package ``mnist1d`` makes them in some seconds.
"""

import hashlib
import os
import random
import tempfile
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from kdviz.data.files import folder

TRAIN, TEST, UNLABELLED = 4_000, 4_000, 40_000
KNOWN = "0397d4a527c6a49480d80f41cd7a52935e426605e0bae9ce4b300dea614894bb"  # SHA-256 of curves and labels


def read_mnist1d() -> tuple[tuple, tuple, np.ndarray]:
    """The training part, the test part, and curves without labels.

    A part is curves, shape (N, 1, 40), float32, and labels, shape (N,). All are drawn in one go, with the settings and
    the seed of the package, then centred and scaled by the mean and the standard deviation of all numbers of the
    training part, and rounded to thousandths, so that every machine has the same.
    """
    places = _places()
    curves, labels = next(filter(None, map(_kept, places)), None) or _made_and_kept(places)
    curves = (curves.astype(np.float32) / 1000)[:, None]
    end = TRAIN + TEST
    return (curves[:TRAIN], labels[:TRAIN]), (curves[TRAIN:end], labels[TRAIN:end]), curves[end:]


def _places() -> list[Path]:
    """Where they are kept: among the data, and where nothing can be written there among temporary files."""
    return [here / "mnist1d" / "mnist1d.npz" for here in (folder(), Path(tempfile.gettempdir()) / "kdviz")]


def _kept(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """What was made before, if it is whole."""
    with suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile), open(path, "rb") as file:
        arrays = np.load(file)
        curves, labels = arrays["curves"], arrays["labels"]
        if _digest(curves, labels) == KNOWN:
            return curves, labels
    return None


def _made_and_kept(places: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    curves, labels = _made()
    if _digest(curves, labels) != KNOWN:
        raise ValueError("the package mnist1d makes other curves here than are known: constraints.txt has its version")
    for path in places:
        with suppress(OSError):  # nothing can be written there: in the next place, or made again next time
            _write(path, curves, labels)
            break
    return curves, labels


def _write(path: Path, curves: np.ndarray, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, curves=curves, labels=labels)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _made() -> tuple[np.ndarray, np.ndarray]:
    """Curves in thousandths, shape (48,000, 40), int16, and labels."""
    from mnist1d.data import get_dataset_args, make_dataset

    settings = get_dataset_args()
    settings.num_samples = TRAIN + TEST + UNLABELLED
    with _random_state_as_it_was():
        made = make_dataset(settings)
    curves = np.concatenate([made["x"], made["x_test"]])
    curves = (curves - curves[:TRAIN].mean()) / curves[:TRAIN].std()
    return (curves * 1000).round().astype("<i2"), np.concatenate([made["y"], made["y_test"]]).astype("<i2")


@contextmanager
def _random_state_as_it_was():
    """The generator seeds the process's random numbers."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _digest(curves: np.ndarray, labels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(curves).tobytes() + np.ascontiguousarray(labels).tobytes()).hexdigest()
