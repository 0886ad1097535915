"""A run's file: arrays with a header and a checksum over both, whole or not there."""

import hashlib
import itertools
import json
import os
import re
import tempfile
import time
from collections.abc import ItemsView, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

A_DAY = 24 * 3600
PARTIAL = re.compile(r"[0-9a-f]{16}(-\d+)?-\w{8}\.kdviz\.partial")  # what a file is called while it is written


class Foreign(ValueError):
    """A file is sound, and not what its name says: another recipe's, or of another layout."""


class StoredArrays(Mapping):
    """The arrays of one file, read when asked for."""

    def __init__(self, path: Path):
        self.path = path
        with safetensors.safe_open(path, "pt") as file:
            self.names = sorted(file.keys())

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.names:
            raise KeyError(name)
        with safetensors.safe_open(self.path, "pt") as file:
            return file.get_tensor(name)

    def items(self) -> ItemsView[str, Tensor]:
        """All of them: the file is opened once."""
        with safetensors.safe_open(self.path, "pt") as file:
            return {name: file.get_tensor(name) for name in self.names}.items()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def write_file(path: Path, header: dict, arrays: Mapping[str, Tensor]) -> Path:
    """Write a file under another name and move it into place; OSError where that cannot be done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tidy = {name: arrays[name].detach().cpu().contiguous() for name in arrays}
    said = json.dumps(header)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.stem}-", suffix=".kdviz.partial")
    os.close(handle)
    try:
        save_file(tidy, temporary, {"kdviz": said, "sha256": _checksum(said, tidy)})
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except safetensors.SafetensorError as problem:
        raise OSError(f"{path.name} could not be written: {problem}") from None
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def sweep(folder: Path) -> None:
    """Remove what processes that were killed while writing left in ``folder`` a day ago or more; nothing else."""
    for left in folder.glob("*.kdviz.partial"):
        with suppress(OSError):  # another process has just finished it, or it is another user's
            if PARTIAL.fullmatch(left.name) and time.time() - left.stat().st_mtime > A_DAY:
                left.unlink()


def read_file(path: Path) -> tuple[dict, dict[str, Tensor]]:
    """Header and arrays of a file, held against the checksum written with them.

    Raises
    ------
    ValueError
        It is truncated, altered, without a checksum or no file of ours.
    OSError
        It is not there (FileNotFoundError), a folder, or may not be read.
    """
    with _opened(path) as file:
        said = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if "sha256" not in said:
            raise ValueError(f"{path.name} has no checksum")
        if _checksum(said["kdviz"], arrays) != said["sha256"]:
            raise ValueError(f"{path.name} was altered: its checksum is another")
        return _header(path, said), arrays


def read_header(path: Path) -> dict:
    """A file's header: of a run, its recipe (as :func:`kdviz.recipes.describe` says it), history and facts."""
    with _opened(path) as file:
        return _header(path, file.metadata())


def _header(path: Path, said: Mapping[str, str]) -> dict:
    header = json.loads(said["kdviz"])
    if not isinstance(header, dict):
        raise Foreign(f"{path.name} has a header of another layout")
    return header


@contextmanager
def _opened(path: Path) -> Iterator:
    try:
        with safetensors.safe_open(path, "pt") as file:
            yield file
    except (safetensors.SafetensorError, KeyError, TypeError, json.JSONDecodeError) as problem:
        raise ValueError(f"{path.name} is truncated or no run ({problem})") from None
    except RuntimeError as problem:  # torch maps a file by its name, after its header was read
        if path.exists():
            raise
        raise FileNotFoundError(f"{path.name} was removed while it was read") from problem


def _checksum(said: str, arrays: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(said.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
        digest.update(array.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def set_aside(path: Path, foreign: bool) -> Path:
    """Move a file out of the way, under a name that is free: it is damaged, or ``foreign`` here; returns its place."""
    kind = "foreign" if foreign else "damaged"
    names = (f"{path.stem}{f'-{again}' if again else ''}.{kind}" for again in itertools.count())
    place = next(place for name in names if not os.path.lexists(place := path.with_name(name)))
    os.replace(path, place)
    return place
