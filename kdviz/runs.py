"""Finished trainings: a run, many of them as a table, and the store on disk."""

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd
import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from kdviz import measures
from kdviz.data import load, load_described
from kdviz.models import predict_logits
from kdviz.objectives import SoftTargets
from kdviz.recipes import Recipe, describe, differences
from kdviz.sources import CLASSES, ROOT

SHIPPED = ROOT / "data" / "runs"
WEIGHTS = "weights/"


# What each run was asked for in this process: just that is shipped (kdviz.reference).
asked: dict[Recipe, set[str]] = defaultdict(set)


@dataclass(eq=False)
class Run:
    """A finished training.

    Attributes
    ----------
    recipe : Recipe
    arrays : mapping of str to Tensor
        ``test_logits`` (N, C) and ``weights/<name>``. A shipped run holds what the notebooks ask of it, reduced:
        see :func:`kdviz.reference.reduced`.
    history : dict
        ``epoch``, ``loss`` and ``test_accuracy``, a value at each epoch's end.
    facts : dict
        Seconds, device, threads and versions.
    """

    recipe: Recipe
    arrays: "dict[str, Tensor] | StoredArrays"
    history: dict[str, list[float]]
    facts: dict = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Run({self.key}: {self.recipe})"

    @cached_property
    def key(self) -> str:
        return self.recipe.key

    @property
    def has_weights(self) -> bool:
        return any(name.startswith(WEIGHTS) for name in self.arrays)

    @property
    def shifted_classes(self) -> list[int]:
        """The classes one common bias is added to: those left out, or those kept where it was said ``only`` which."""
        missing = self.recipe.data.missing
        if not any(verb == "only" for verb, *_ in self.recipe.data.narrowed):
            return missing
        return [c for c in range(len(CLASSES[self.recipe.data.name])) if c not in missing]

    def logits(self, split: str = "test") -> Tensor:
        """Logits, shape (N, C), float32.

        Parameters
        ----------
        split : {"test", "train"}
            ``"train"`` has a row for each example of the *full* training set, whatever the run was trained on;
            it is computed from the weights.
        """
        if split not in ("test", "train"):
            raise ValueError(f"a run has logits of 'test' and 'train', not of {split!r}")
        asked[self.recipe].add("weights" if split == "train" else "test_logits")
        return (self._train_logits if split == "train" else self._test_logits).clone()

    def predictions(self, bias: float = 0.0) -> Tensor:
        """Predicted classes of the test examples, shape (N,), int64, with ``bias`` added to :attr:`shifted_classes`."""
        if not self.shifted_classes:
            if bias:
                raise ValueError(f"no class is missing from the training set of {self!r}: there is nothing to shift")
            asked[self.recipe].add("test_predictions")
            stored = "test_predictions" in self.arrays
            return self.arrays["test_predictions"].long() if stored else self._test_logits.argmax(-1)
        asked[self.recipe].add("rivals")
        margin, inside, outside = self._rivals
        return torch.where(margin + bias > 0, inside, outside)

    def train_log_odds(self) -> Tensor:
        """Log-odds of :attr:`shifted_classes` for every image of the full training set, shape (N,).

        All that :func:`kdviz.measures.label_free_bias` needs. A shipped run holds a few thousand quantiles of
        them instead.
        """
        asked[self.recipe].add("log_odds")
        if "log_odds" in self.arrays:
            return self.arrays["log_odds"].float()
        return measures.log_odds(self._train_logits, self.shifted_classes)

    def network(self) -> nn.Module:
        """The trained network, on the CPU and in eval mode."""
        asked[self.recipe].add("weights")
        return self._network

    @cached_property
    def _network(self) -> nn.Module:
        if not self.has_weights:
            raise ValueError(
                f"{self!r} is a shipped run that holds {', '.join(self.arrays)} and no weights: "
                "train it yourself with kdviz.train(recipe, store=None)"
            )
        full = load(self.recipe.data.name)
        network = self.recipe.model.build(tuple(full.train.inputs.shape[1:]), len(full.classes))
        named = {n.removeprefix(WEIGHTS): self.arrays[n].float() for n in self.arrays if n.startswith(WEIGHTS)}
        network.load_state_dict(named)
        return network.eval()

    @cached_property
    def _train_logits(self) -> Tensor:
        return predict_logits(self._network, load(self.recipe.data.name).train.inputs)

    @property
    def _test_logits(self) -> Tensor:
        if "test_logits" in self.arrays:
            return self.arrays["test_logits"].float()
        return predict_logits(self._network, load_described(self.recipe.data).test.inputs)

    @cached_property
    def _rivals(self) -> tuple[Tensor, Tensor, Tensor]:
        if "rivals/margin" in self.arrays:
            margin, inside, outside = (self.arrays[f"rivals/{name}"] for name in ("margin", "inside", "outside"))
            return margin.float(), inside.long(), outside.long()
        return measures.rivals(self._test_logits, self.shifted_classes)


class Runs(list):
    """A list of runs that can be read as a table."""

    def table(self) -> pd.DataFrame:
        """One row a run: what its recipe says, its errors and accuracy on the test split, and its seconds."""
        return pd.DataFrame([_row(run) for run in self])


def _row(run: Run) -> dict:
    recipe, labels = run.recipe, load_described(run.recipe.data).test.labels
    soft = recipe.objective if isinstance(recipe.objective, SoftTargets) else None
    errors = int((run.predictions() != labels).sum())
    return {
        "data": str(recipe.data),
        "model": str(recipe.model),
        "objective": type(recipe.objective).__name__,
        "temperature": soft.temperature if soft else None,
        "hard_weight": soft.hard_weight if soft else 1.0,
        "soft_weight": soft.soft_weight if soft else 0.0,
        "epochs": recipe.epochs,
        "seed": recipe.seed,
        "errors": errors,
        "accuracy": 1 - errors / len(labels),
        "seconds": run.facts.get("seconds"),
        "key": run.key,
    }


class StoredArrays:
    """The arrays of one file, read when asked for."""

    def __init__(self, path: Path):
        self.path = path
        with safetensors.safe_open(path, "pt") as file:
            self.names = sorted(file.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __getitem__(self, name: str) -> Tensor:
        with safetensors.safe_open(self.path, "pt") as file:
            return file.get_tensor(name)


class Store:
    """Runs on disk, one ``<key>.safetensors`` each, its recipe and history in the header.

    Parameters
    ----------
    folder : Path
        Where new runs are written, whole or not at all.
    *shipped : Path
        More folders to find runs in; nothing is written there.
    """

    def __init__(self, folder: Path | str, *shipped: Path | str):
        self.folder, self.shipped = Path(folder), [Path(other) for other in shipped]

    def find(self, recipe: Recipe, weights: bool = False) -> Run | None:
        """The run of ``recipe``, or None; with ``weights``, only a run that holds them will do."""
        for folder in (self.folder, *self.shipped):
            path = folder / f"{recipe.key}.safetensors"
            if path.exists():
                header = read_header(path)
                run = Run(recipe, StoredArrays(path), header["history"], header["facts"])
                if run.has_weights or not weights:
                    return run
        return None

    def save(self, run: Run) -> Path:
        """Write ``run`` and return its file."""
        return write(run, {name: run.arrays[name] for name in run.arrays}, self.folder)

    def nearest(self, recipe: Recipe) -> str:
        """A sentence on how ``recipe`` differs from the stored one most like it."""
        wanted = describe(recipe)
        files = [path for folder in (self.folder, *self.shipped) for path in sorted(folder.glob("*.safetensors"))]
        gaps = [list(differences(wanted, read_header(path)["recipe"])) for path in files]
        if not gaps:
            return "The store is empty."
        told = "; ".join(f"{path} is {a}, stored {b}" for path, a, b in min(gaps, key=len))
        return f"The nearest stored run differs in: {told}"


def write(run: Run, arrays: dict[str, Tensor], folder: Path) -> Path:
    """Write a run's file under another name, then move it into place: a reader sees all of it or none."""
    folder.mkdir(parents=True, exist_ok=True)
    header = {"recipe": describe(run.recipe), "history": run.history, "facts": run.facts}
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".partial")
    os.close(handle)
    try:
        tidy = {name: array.detach().cpu().contiguous() for name, array in arrays.items()}
        save_file(tidy, temporary, {"kdviz": json.dumps(header)})
        os.chmod(temporary, 0o644)
        path = folder / f"{run.key}.safetensors"
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def read_header(path: Path) -> dict:
    """Recipe (as :func:`kdviz.recipes.describe` says it), history and facts of a stored run."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            return json.loads(file.metadata()["kdviz"])
    except (safetensors.SafetensorError, KeyError, TypeError, json.JSONDecodeError) as problem:
        raise ValueError(f"{path.name} is truncated or no run ({problem}): delete it and it is trained again") from None


def default_store() -> Store:
    """``$KDVIZ_STORE`` (default ``data/store``, git-ignored) for new runs, and the shipped ones behind it."""
    return Store(ROOT / (os.environ.get("KDVIZ_STORE") or "data/store"), SHIPPED)
