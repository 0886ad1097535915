"""Runs on disk: whole or not there, checked when read, and what is half trained kept beside them."""

import hashlib
import json
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

from kdviz.data.sources import ROOT, absent, base
from kdviz.recipes import Recipe, describe, differences, restored
from kdviz.runs.run import Run

SHIPPED = ROOT / "data" / "runs"
A_DAY = 24 * 3600


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

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class Store:
    """Runs on disk, one ``<key>.safetensors`` each, its recipe and history in the header.

    A file is written under another name and moved into place, so that neither a killed process nor a full disk
    leaves half a run, and two processes that train the same recipe leave one whole run. A file that is truncated
    or altered is set aside with a warning, and its recipe trained again.

    Parameters
    ----------
    folder : Path
        Where new runs are written.
    *shipped : Path
        More folders to find runs in; nothing is written there.
    """

    def __init__(self, folder: Path | str, *shipped: Path | str):
        self.folder, self.shipped = Path(folder), [Path(other) for other in shipped]

    def find(self, recipe: Recipe, weights: bool = False) -> Run | None:
        """The run of ``recipe``, or None; with ``weights``, only a run that holds them will do."""
        for folder in (self.folder, *self.shipped):
            path = folder / f"{recipe.key}.safetensors"
            found = self._sound(path)
            if found:
                header, _ = found
                run = Run(recipe, StoredArrays(path), header["history"], header["facts"])
                if run.has_weights or not weights:
                    return run
        return None

    def save(self, run: Run) -> Path:
        """Write ``run`` and return its file."""
        return write(run, run.arrays, self.folder)

    def recipes(self) -> list[Recipe]:
        """The recipes of all its runs, but for those that were taught by given logits."""
        found = {}
        for path in (path for folder in (self.folder, *self.shipped) for path in sorted(folder.glob("*.safetensors"))):
            with suppress(ValueError):  # damaged, or not known by its description
                found[path.stem] = restored(read_header(path)["recipe"])
        return [recipe for key, recipe in found.items() if recipe.key == key]

    def nearest(self, recipe: Recipe) -> str:
        """A sentence on how ``recipe`` differs from the stored one most like it."""
        wanted = describe(recipe)
        gaps = []
        for folder in (self.folder, *self.shipped):
            for path in sorted(folder.glob("*.safetensors")):
                with suppress(ValueError):  # damaged: said when it is asked for
                    gaps.append(list(differences(wanted, read_header(path)["recipe"])))
        told = "; ".join(f"{path} is {a}, stored {b}" for path, a, b in min(gaps, key=len, default=()))
        said = f"The nearest stored run differs in: {told}" if gaps else "The store is empty"
        return ". ".join([said, *filter(None, map(absent, self.shipped))])

    def keep_unfinished(self, header: dict, arrays: Mapping[str, Tensor]) -> None:
        """Write the checkpoint of an array of students, known by ``header["keys"]``, over its last one."""
        name = hashlib.sha256(" ".join(header["keys"]).encode()).hexdigest()[:16]
        _write(self.folder / "unfinished" / f"{name}.safetensors", header, arrays)

    def unfinished(self, keys: set[str]) -> list[tuple[dict, Mapping[str, Tensor]]]:
        """Header and arrays of each checkpoint that holds a student of ``keys``, the furthest trained first.

        The arrays are read here and now: another process may write the next checkpoint in the same place.
        """
        found = []
        for path in sorted((self.folder / "unfinished").glob("*.safetensors")):
            with suppress(FileNotFoundError, ValueError):  # the others may be large: their headers will do
                if not keys & {*read_header(path)["keys"]}:
                    continue
            found.append(self._sound(path))
        return sorted(filter(None, found), key=lambda checkpoint: -checkpoint[0]["step"])

    def drop_unfinished(self, lost: set[str]) -> None:
        """Remove the checkpoints whose students are all finished, or lost."""
        for path in (self.folder / "unfinished").glob("*.safetensors"):
            with suppress(ValueError, FileNotFoundError):  # damaged, or another process has just removed it
                awaited = {*read_header(path)["keys"]} - lost
                if all((self.folder / f"{key}.safetensors").exists() for key in awaited):
                    path.unlink(missing_ok=True)

    def _sound(self, path: Path) -> tuple[dict, dict[str, Tensor]] | None:
        """Header and arrays of a file that is there and unharmed."""
        try:
            return read(path)
        except FileNotFoundError:  # not there, or another process has just moved it
            return None
        except ValueError as problem:
            done = "it is passed over"
            if path.is_relative_to(self.folder):
                with suppress(OSError):
                    os.replace(path, path.with_suffix(".damaged"))
                    done = "it is set aside"
            warnings.warn(f"{problem}; {done}, and what it held is trained again", stacklevel=4)
            return None


def write(run: Run, arrays: Mapping[str, Tensor], folder: Path) -> Path:
    """Write ``arrays`` as a file of ``run`` and return its path."""
    header = {"recipe": describe(run.recipe), "history": run.history, "facts": run.facts}
    return _write(folder / f"{run.key}.safetensors", header, arrays)


def _write(path: Path, header: dict, arrays: Mapping[str, Tensor]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob("*.partial"):  # by a process that was killed while writing
        with suppress(FileNotFoundError):  # another process has just finished it
            if time.time() - left.stat().st_mtime > A_DAY:
                left.unlink()
    tidy = {name: arrays[name].detach().cpu().contiguous() for name in arrays}
    said = json.dumps(header)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".partial")
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


def read(path: Path) -> tuple[dict, dict[str, Tensor]]:
    """Header and arrays of a file, held against the checksum written with them, where there is one."""
    with _opened(path) as file:
        said = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if "sha256" in said and _checksum(said["kdviz"], arrays) != said["sha256"]:
            raise ValueError(f"{path.name} was altered: its checksum is another")
        return json.loads(said["kdviz"]), arrays


def read_header(path: Path) -> dict:
    """A file's header: of a run, its recipe (as :func:`kdviz.recipes.describe` says it), history and facts."""
    with _opened(path) as file:
        return json.loads(file.metadata()["kdviz"])


@contextmanager
def _opened(path: Path) -> Iterator:
    try:
        with safetensors.safe_open(path, "pt") as file:
            yield file
    except (safetensors.SafetensorError, KeyError, TypeError, json.JSONDecodeError) as problem:
        raise ValueError(f"{path.name} is truncated or no run ({problem})") from None


def _checksum(said: str, arrays: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(said.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
        digest.update(array.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def default_store() -> Store:
    """``$KDVIZ_STORE`` (default ``data/store``, git-ignored) for new runs, and the shipped ones behind it.

    A relative one is read from :func:`kdviz.data.files.base`. Under ``KDVIZ_TRAIN=1`` the shipped ones are passed over:
    what they hold is trained again.
    """
    shipped = [] if os.environ.get("KDVIZ_TRAIN") == "1" else [SHIPPED]
    return Store(base() / (os.environ.get("KDVIZ_STORE") or "data/store"), *shipped)
