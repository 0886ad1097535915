"""The store: runs found by their recipes, written once, and what is half trained kept beside them."""

import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from kdviz.data.sources import ROOT, absent, base
from kdviz.recipes import Recipe, restored
from kdviz.recipes.descriptions import describe, differences, undescribed
from kdviz.runs.files import Foreign, StoredArrays, read_file, read_header, set_aside, sweep, write_file
from kdviz.runs.run import WEIGHTS, Run

SHIPPED = ROOT / "data" / "runs"
RUN, CHECKPOINT = re.compile(r"[0-9a-f]{16}"), re.compile(r"[0-9a-f]{16}(-\d+)?")  # how files of ours are named


class Store:
    """Runs on disk, one ``<key>.safetensors`` each, its recipe and history in the header.

    A file is written under another name and moved into place, so that neither a killed process nor a full disk
    leaves half a run, and two processes that train the same recipe leave one whole run. A file that is truncated
    or altered, or that is not what its name says, is set aside with a warning, and its recipe trained again.

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
        if undescribed(said := describe(recipe)):
            return None
        said, key = json.loads(json.dumps(said)), recipe.key
        for folder in (self.folder, *self.shipped):
            path = folder / f"{key}.safetensors"
            found = self._sound(path, lambda header, name: _check_run(header, name, said))
            if found:
                header, _ = found
                run = Run(recipe, StoredArrays(path), header["history"], header["facts"])
                if run.has_weights or not weights:
                    return run
        return None

    def save(self, run: Run) -> Path:
        """Write ``run`` and return its file; ValueError where its key would not say what it is."""
        if unknown := undescribed(run.recipe):
            raise ValueError(f"{run.recipe} cannot be stored: {'; '.join(unknown)}")
        numbers = [run.arrays[name] for name in run.arrays if name.startswith((WEIGHTS, "test_logits"))]
        kinds = {array.dtype for array in numbers if array.is_floating_point()}
        if kinds - {torch.float32}:
            raise ValueError(f"{run.recipe} cannot be stored: its key is of float32, and it holds {kinds}")
        return write(run, run.arrays, self.folder)

    def sweep(self) -> None:
        """Remove what processes that were killed while they wrote left here a day ago or more."""
        for folder in (self.folder, self.folder / "unfinished"):
            sweep(folder)

    def recipes(self) -> list[Recipe]:
        """The recipes of all its runs, but for those that are not known by their description alone."""
        found = {}
        for path, said in self._described():
            with suppress(ValueError):  # taught by given logits, written in a notebook, or another version's
                found[path.stem] = restored(said)
        return [recipe for key, recipe in found.items() if recipe.key == key]

    def nearest(self, recipe: Recipe) -> str:
        """A sentence on how ``recipe`` differs from the stored one most like it."""
        wanted = describe(recipe)
        gaps = [(list(differences(wanted, said)), path) for path, said in self._described()]
        gap, path = min(gaps, key=lambda each: len(each[0]), default=([], None))
        told = "; ".join(f"{field} is {a}, stored {b}" for field, a, b in gap)
        said = f"The nearest stored run differs in: {told}" if gaps else "The store is empty"
        if gaps and not gap:
            said = f"{path} is its file and cannot be used: restore it (`git checkout` what is shipped), or train it"
        return ". ".join([said, *filter(None, map(absent, self.shipped))])

    def _described(self) -> Iterator[tuple[Path, dict]]:
        """Each file that is named as a run is, and what its header says is its recipe."""
        for folder in (self.folder, *self.shipped):
            for path in sorted(folder.glob("*.safetensors")):
                if RUN.fullmatch(path.stem):
                    with suppress(ValueError, OSError):  # damaged: said when it is asked for
                        if _is_run(header := read_header(path)):
                            yield path, header["recipe"]

    def keep_unfinished(self, header: dict, arrays: Mapping[str, Tensor]) -> None:
        """Write the checkpoint of an array of students, known by ``header["keys"]``, and remove those before it.

        Another process may train the same students and be slower: what it writes stands beside, and is not read.
        """
        path = self.folder / "unfinished" / f"{_checkpoint_name(header)}.safetensors"
        write_file(path, header, arrays)
        students = path.stem.partition("-")[0]
        for before in path.parent.glob(f"{students}*.safetensors"):
            step = before.stem.partition("-")[2]
            if CHECKPOINT.fullmatch(before.stem) and int(step or 0) < header["step"]:
                with suppress(OSError):  # another process has just removed it
                    before.unlink()

    def unfinished(self, keys: set[str]) -> list[tuple[dict, Mapping[str, Tensor]]]:
        """Header and arrays of each checkpoint that holds a student of ``keys``, the furthest trained first.

        The arrays are read here and now: another process may go on, and remove what stands before its next one.
        """
        found = []
        for path in self._checkpoints():
            with suppress(OSError, ValueError, TypeError):  # the others may be large: their headers will do
                if not keys & {*read_header(path).get("keys", keys)}:
                    continue
            found.append(self._sound(path, _check_checkpoint))
        return sorted(filter(None, found), key=lambda checkpoint: -checkpoint[0]["step"])

    def refuse_unfinished(self, header: dict, problem: str) -> None:
        """Set the checkpoint with this header aside: training cannot go on from it."""
        path = self.folder / "unfinished" / f"{_checkpoint_name(header)}.safetensors"
        self._refuse(path, Foreign(f"{path.name} is a checkpoint of another layout ({problem})"))

    def drop_unfinished(self, lost: set[str]) -> None:
        """Remove the checkpoints whose students are all finished, or lost."""
        for path in self._checkpoints():
            with suppress(ValueError, OSError, KeyError, TypeError):  # damaged, removed meanwhile, another user's
                awaited = {*read_header(path)["keys"]} - lost
                if all((self.folder / f"{key}.safetensors").exists() for key in awaited):
                    path.unlink(missing_ok=True)

    def _checkpoints(self) -> list[Path]:
        found = sorted((self.folder / "unfinished").glob("*.safetensors"))
        return [path for path in found if CHECKPOINT.fullmatch(path.stem)]

    def _sound(self, path: Path, check) -> tuple[dict, dict[str, Tensor]] | None:
        """Header and arrays of a file that is there, unharmed, and what ``check(header, name)`` raises nothing at."""
        try:
            header, arrays = read_file(path)
            check(header, path.name)
            return header, arrays
        except FileNotFoundError:  # not there, or another process has just moved it
            return None
        except OSError as problem:
            warnings.warn(f"{path} cannot be read and is passed over: {problem}", stacklevel=5)
            return None
        except ValueError as problem:
            self._refuse(path, problem)
            return None

    def _refuse(self, path: Path, problem: ValueError) -> None:
        done, place = "it is passed over", ""
        if path.is_relative_to(self.folder):
            with suppress(OSError):
                place = f" (it is now {set_aside(path, isinstance(problem, Foreign)).name})"
                done = "it is set aside"
        again = "" if os.environ.get("KDVIZ_TRAIN") == "0" else ", and what it held is trained again"
        warnings.warn(f"{problem}; {done}{again}{place}", stacklevel=6)


def write(run: Run, arrays: Mapping[str, Tensor], folder: Path) -> Path:
    """Write ``arrays`` as a file of ``run`` and return its path."""
    header = {"recipe": describe(run.recipe), "history": run.history, "facts": run.facts}
    return write_file(folder / f"{run.key}.safetensors", header, arrays)


def _is_run(header: dict) -> bool:
    return all(isinstance(header.get(part), dict) for part in ("recipe", "history", "facts"))


def _check_run(header: dict, name: str, recipe: dict) -> None:
    """Raise :class:`Foreign` unless ``header`` is of a run of ``recipe``, as it is described."""
    if not _is_run(header):
        raise Foreign(f"{name} is a file of another layout")
    if header["recipe"] != recipe:
        told = "; ".join(f"{path} is {b}, asked {a}" for path, a, b in differences(recipe, header["recipe"]))
        raise Foreign(f"{name} holds the run of another recipe ({told})")


def _check_checkpoint(header: dict, name: str) -> None:
    """Raise :class:`Foreign` unless ``header`` is of a checkpoint that would be called ``name``."""
    said = [header.get("keys"), header.get("step")]
    if [type(each) for each in said] != [list, int] or not all(isinstance(key, str) for key in said[0]):
        raise Foreign(f"{name} is a checkpoint of another layout")
    if name.removesuffix(".safetensors") not in (whole := _checkpoint_name(header), whole.partition("-")[0]):
        raise Foreign(f"{name} is a checkpoint of other students")


def _checkpoint_name(header: dict) -> str:
    return f"{hashlib.sha256(' '.join(header['keys']).encode()).hexdigest()[:16]}-{header['step']}"


def default_store() -> Store:
    """``$KDVIZ_STORE`` (default ``data/store``, git-ignored) for new runs, and the shipped ones behind it.

    A relative one is read from :func:`kdviz.data.files.base`. Under ``KDVIZ_TRAIN=1`` the shipped ones are passed over:
    what they hold is trained again.
    """
    shipped = [] if os.environ.get("KDVIZ_TRAIN") == "1" else [SHIPPED]
    return Store(base() / Path(os.environ.get("KDVIZ_STORE") or "data/store").expanduser(), *shipped)
