"""Logits and labels from files that any program may have written."""

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from kdviz.arguments import told
from kdviz.measures import TopK
from kdviz.measures.checks import as_labels, checked_logits, checked_pair, with_labels

ROLES = {"student", "teacher", "labels"}
LARGE, RATIO = 2**28, 200  # bytes; logits are hardly packed to a half, labels to a hundredth
UNREADABLE = (SafetensorError, BadZipFile, zlib.error, OSError, EOFError, MemoryError, NotImplementedError)
UNREADABLE += (RuntimeError, TypeError, ValueError)


def read_logits(
    students: str | Path | Sequence[str | Path], teacher: str | Path, labels: str | Path
) -> dict[str, list[Tensor] | Tensor]:
    """Logits and labels of one test set, as :func:`kdviz.bench.card_of_logits` takes them.

    Parameters
    ----------
    students : path, or a sequence of paths
        Logits of shape (N, C), a file a seed.
    teacher : path
        Logits of shape (N, C), for the same examples in the same order; −∞ masks a class. Or, in one file, the k
        largest of each: ``values`` and ``indices`` of shape (N, k) and, of shape (N,), the row's log-sum-exp over all
        classes at each temperature, named ``lse_1``, ``lse_4`` and so on.
    labels : path
        Class indices of shape (N,), of any integer type.

    Returns
    -------
    dict
        ``students``, a list, ``teacher``, a :class:`kdviz.measures.TopK` where the file holds one, and ``labels``.

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
    several = (
        [students] if isinstance(students, str | Path) else list(students) if isinstance(students, Iterable) else []
    )
    if not several:
        raise ValueError("no student: give the path of its logits, or a list of paths, one a seed")
    taught, known = _teacher(teacher), _labels(labels)
    read = [check_logits(_array(path, "student"), Path(path).name) for path in several]
    for path, logits in zip(several, read, strict=True):
        try:
            checked_pair(logits, spread(taught, logits.shape[1]))
            with_labels(logits, known)
        except ValueError as problem:
            raise ValueError(f"{Path(path).name} does not fit: {problem}") from None
    return {"students": read, "teacher": taught, "labels": known}


def spread(teacher: Tensor | TopK, classes: int) -> Tensor:
    """The teacher's logits (N, C), −∞ where a top k leaves a class out."""
    return teacher.spread(classes) if isinstance(teacher, TopK) else teacher


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
        kind = str(read.dtype).removeprefix("torch.")
        largest, most = checked[checked.isfinite()].abs().max(), torch.finfo(read.dtype).max
        raise ValueError(f"{name}: logits up to {largest:.2g} do not fit {kind}, which ends at {most:.2g}")
    return read


def _teacher(path: str | Path) -> Tensor | TopK:
    arrays = _read(path) if isinstance(path, str | Path) and Path(path).is_file() else {}
    if not {"values", "indices"} <= {*arrays}:
        return check_logits(_array(path, "teacher"), Path(path).name)
    lse = {name.removeprefix("lse_"): array for name, array in arrays.items() if name.startswith("lse_")}
    try:
        return TopK(arrays["values"], arrays["indices"], {float(T): array for T, array in lse.items()})
    except ValueError as problem:
        raise ValueError(f"{Path(path).name}: {problem}") from None


def _labels(path: str | Path) -> Tensor:
    array, name = _array(path, "labels"), Path(path).name
    labels = as_labels(array, name=f"{name}: labels")
    if not len(labels):
        raise ValueError(f"{name}: there is no label")
    return labels


def _array(path: str | Path, role: str) -> Tensor:
    """The only array of a file, or the one named for its role."""
    if not isinstance(path, str | Path):
        raise ValueError(f"{role}: give the path of a file, not {told(path)}; tensors go to kdviz.bench.card_of_logits")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path.name} in {path.parent.name or 'the current folder'}")
    arrays = _read(path)
    if role not in arrays and (len(arrays) > 1 or ROLES & {*arrays}):
        raise ValueError(f"{path.name} holds {', '.join(sorted(arrays))}: name one of them {role!r}")
    return arrays[role] if role in arrays else next(iter(arrays.values()))


def _read(path: str | Path) -> dict[str, Tensor]:
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            arrays = load_file(path)
        elif path.suffix == ".npz":
            with ZipFile(path) as packed:  # numpy would read other things, too
                _check_members(packed, path.stat().st_size)
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = {name: torch.from_numpy(_native(file[name])) for name in file.files}
        else:
            raise ValueError(
                "is neither .npz nor .safetensors: write it with numpy.savez or safetensors.torch.save_file"
            )
    except UNREADABLE as problem:
        raise ValueError(f"{path.name}: {problem}: write it again, or check where it comes from") from None
    if not arrays:
        raise ValueError(f"{path.name} holds no array")
    return arrays


def _check_members(packed: ZipFile, size: int) -> None:
    """Raise ValueError where a member is encrypted or no array, or where all unpack to what no logits do."""
    for member in packed.infolist():
        if member.flag_bits & 1:
            raise ValueError(f"{member.filename} is encrypted: save it without a password")
        if not member.filename.endswith(".npy"):
            raise ValueError(f"{member.filename} is no array of numpy.savez")
    unpacked = sum(member.file_size for member in packed.infolist())
    if unpacked > LARGE and unpacked > RATIO * size:
        raise ValueError(f"{size:,} bytes unpack to {unpacked:,}: no logits are so alike, it is not read")


def _native(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))
