"""Logits and labels from files that any program may have written."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile
from zlib import error

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from kdviz.measures.checks import as_labels, checked_logits, checked_pair, with_labels

ROLES = {"student", "teacher", "labels"}


def read_logits(
    students: str | Path | Sequence[str | Path], teacher: str | Path, labels: str | Path
) -> dict[str, list[Tensor] | Tensor]:
    """Logits and labels of one test set, as :func:`kdviz.bench.card_of_logits` takes them.

    Parameters
    ----------
    students : path, or a sequence of paths
        Logits of shape (N, C), a file a seed.
    teacher : path
        Logits of shape (N, C), for the same examples in the same order.
    labels : path
        Class indices of shape (N,), of any integer type.

    Returns
    -------
    dict
        ``students``, a list, ``teacher`` and ``labels``.

    Raises
    ------
    ValueError
        A file that is no ``.npz`` or ``.safetensors``, or truncated, or holds several arrays and none of its role's
        name (``student``, ``teacher``, ``labels``); probabilities; NaN or +∞ (−∞ masks a class); shapes that do
        not fit.
    FileNotFoundError

    Notes
    -----
    One file may hold all: ``numpy.savez("all.npz", student=z, teacher=v, labels=y)``, given three times.
    """
    several = [students] if isinstance(students, str | Path) else list(students)
    if not several:
        raise ValueError("no student: give the path of its logits, or a list of paths, one a seed")
    taught, known = check_logits(_array(teacher, "teacher"), Path(teacher).name), _labels(labels)
    read = [check_logits(_array(path, "student"), Path(path).name) for path in several]
    for path, logits in zip(several, read, strict=True):
        try:
            checked_pair(logits, taught)
            with_labels(logits, known)
        except ValueError as problem:
            raise ValueError(f"{Path(path).name} does not fit: {problem}") from None
    return {"students": read, "teacher": taught, "labels": known}


def check_logits(logits: Tensor, name: str) -> Tensor:
    """``logits`` in the default precision, if they have shape (N, C), are no probabilities, and −∞ at most masks.

    Raises
    ------
    ValueError
        They are not; the sentence begins with ``name``.
    """
    checked = checked_logits(logits, name)
    read = checked.to(torch.get_default_dtype())
    if (read.isinf() != checked.isinf()).any():
        raise ValueError(f"{name}: some logits lie beyond {read.dtype}'s range: −∞ masks a class")
    return read


def _labels(path: str | Path) -> Tensor:
    array, name = _array(path, "labels"), Path(path).name
    labels = as_labels(array, name=f"{name}: labels")
    if not len(labels):
        raise ValueError(f"{name}: there is no label")
    return labels


def _array(path: str | Path, role: str) -> Tensor:
    """The only array of a file, or the one named for its role."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path.name} in {path.parent.name or 'the current folder'}")
    arrays = _read(path)
    if role not in arrays and (len(arrays) > 1 or ROLES & {*arrays}):
        raise ValueError(f"{path.name} holds {', '.join(sorted(arrays))}: name one of them {role!r}")
    return arrays[role] if role in arrays else next(iter(arrays.values()))


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            arrays = load_file(path)
        elif path.suffix == ".npz":
            with ZipFile(path):  # numpy would read other things, too
                pass
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = {name: torch.from_numpy(_native(file[name])) for name in file.files}
        else:
            raise ValueError(
                "is neither .npz nor .safetensors: write it with numpy.savez or safetensors.torch.save_file"
            )
    except (SafetensorError, BadZipFile, OSError, EOFError, RuntimeError, TypeError, ValueError, error) as problem:
        raise ValueError(f"{path.name}: {problem}") from None
    if not arrays:
        raise ValueError(f"{path.name} holds no array")
    return arrays


def _native(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))
