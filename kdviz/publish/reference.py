"""The reference runs: train what the notebooks' cells tagged ``recipes`` say, ship what the notebooks read of them."""

import dataclasses
import json
import math
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import torch
from torch import Tensor

from kdviz import training
from kdviz.data import load, load_described
from kdviz.data.sources import ROOT
from kdviz.recipes import Recipe
from kdviz.recipes.descriptions import describe
from kdviz.runs import WEIGHTS, Run, asked
from kdviz.runs.answers import answer_scores_of, exit_answers_of, exit_counts_of, shifted_error_count
from kdviz.runs.deep import attention_maps_of, hidden_weights_of, training_error_count
from kdviz.runs.files import read_file
from kdviz.runs.insides import insides_of
from kdviz.runs.scores import calibration_error_of, class_errors_of, error_count, groups_of, scores_of
from kdviz.runs.store import SHIPPED, default_store, write
from kdviz.runs.unseen import label_free_bias, shifted_right

NOTEBOOKS = ROOT / "notebooks"
EPOCHS = 200  # longer histories are shipped thinned
SCORES = {
    "error_count": error_count,
    "calibration_error": calibration_error_of,
    "label_free_bias": label_free_bias,
    "shifted_right": shifted_right,
    "soft_scores": scores_of,
    "groups": groups_of,
    "class_error_counts": class_errors_of,
    "answer_scores": answer_scores_of,
    "shifted_error_count": shifted_error_count,
    "exit_counts": exit_counts_of,
    "exit_answers": exit_answers_of,
    "training_error_count": training_error_count,
    "attention_maps": attention_maps_of,
    "hidden_weights": hidden_weights_of,
    "insides": insides_of,
}


def recipes_of(notebook: Path) -> list[Recipe]:
    """Every recipe that the cells tagged ``recipes`` define, in the order they stand."""
    defined = _flat(execute(notebook, tag="recipes"))
    return list(dict.fromkeys(thing for thing in defined if isinstance(thing, Recipe)))


def _flat(thing: Any) -> Iterator:
    if isinstance(thing, dict | list):
        for part in thing.values() if isinstance(thing, dict) else thing:
            yield from _flat(part)
    else:
        yield thing


def execute(notebook: Path, tag: str | None = None) -> dict:
    """Run a notebook's code cells (those with ``tag``) in this process and return what they defined."""
    from IPython.core.interactiveshell import InteractiveShell

    main = sys.modules["__main__"]  # a shell puts its own in that place
    shell = InteractiveShell.instance()
    shell.user_module, shell.user_ns = shell.prepare_user_module()  # functions of notebooks before keep what they name
    shell.reset()
    try:
        for cell in nbformat.read(notebook, as_version=4).cells:
            if cell.cell_type == "code" and (tag is None or tag in cell.metadata.get("tags", [])):
                shell.run_cell(cell.source).raise_error()
    finally:
        sys.modules["__main__"] = main
    return {name: value for name, value in shell.user_ns.items() if not name.startswith("_")}


def reduced(run: Run, names: set[str]) -> dict[str, Tensor]:
    """What a shipped run holds of ``names``, in half precision or less.

    ``weights``, ``test_logits``, ``train_logits`` and ``class_means`` as half-precision numbers; of predictions the
    ``errors``: where the test examples stand and what they were taken for; ``doubt``, 1 − confidence;
    ``correlation/raw`` and ``correlation/centred`` above the diagonal; ``rivals`` (see :func:`kdviz.measures.rivals`)
    as half-precision margins and a byte for both classes; the few numbers of :data:`SCORES` as
    :mod:`kdviz.runs.scores`, :mod:`kdviz.runs.unseen` and :mod:`kdviz.runs.answers` have them.
    """
    arrays: dict[str, Tensor] = {}
    if "weights" in names:
        arrays |= {name: run.arrays[name].half() for name in run.arrays if name.startswith(WEIGHTS)}
    if "test_logits" in names:
        arrays["test_logits"] = run.logits("test").half()
    if "train_logits" in names:
        arrays["train_logits"] = run.logits("train").half()
    if "errors" in names:
        predicted = run.predictions()
        rows = (predicted != load_described(run.recipe.data).test.labels).nonzero().squeeze(1)
        short = torch.int16 if len(predicted) < 2**15 else torch.int32
        arrays |= {"errors/row": rows.to(short), "errors/predicted": predicted[rows].to(torch.uint8)}
    if "doubt" in names:
        arrays["doubt"] = (1 - run.confidence()).half()
    arrays |= {name: compute(run) for name, compute in SCORES.items() if name in names}
    for name in {"correlation/raw", "correlation/centred"} & names:
        matrix = run.correlation(center=name.endswith("centred"))
        arrays[name] = matrix[*torch.triu_indices(*matrix.shape, 1)].half()
    if "class_means" in names:
        arrays["class_means"] = run.class_mean_logits().half()
    if "rivals" in names:
        margin, inside, outside = run._rivals
        arrays["rivals/margin"] = margin.half()
        classes = len(run.recipe.data.classes)
        arrays["rivals/pair"] = (inside * classes + outside).to(torch.uint8 if classes <= 16 else torch.int32)
    return arrays


def train(notebooks: list[Path], seeds: int, device: str | None) -> None:
    """Train the recipes of ``notebooks`` whose seeds are below ``seeds``, the lowest first."""
    recipes = dict.fromkeys(recipe for notebook in notebooks for recipe in recipes_of(notebook))
    needed = sorted((recipe for recipe in recipes if recipe.seed < seeds), key=lambda recipe: recipe.seed)
    print(f"{len(needed)} recipes; runs already in the store are kept")
    # bfloat16 products with float32 sums where the processor has them; a run records it among its facts
    torch.set_float32_matmul_precision("medium")
    training.train(needed, device=device)


def held(path: Path, run: Run) -> dict[str, Tensor]:
    """What a shipped file holds of the same training: it is not made again, and git need not keep it twice."""
    try:
        header, arrays = read_file(path)
    except (ValueError, OSError):  # damaged, without a checksum, or not there
        return {}
    same = header.get("facts") == run.facts and header.get("recipe") == json.loads(json.dumps(describe(run.recipe)))
    return arrays if same else {}


def asked_for(run: Run, names: set[str], there: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a file of a run is to hold: of ``there`` what is still asked for, and what is missing, made now."""
    names = _lesser(run, names, there)
    kept = {name: array for name, array in there.items() if {name, _kind(name)} & names}
    return kept | reduced(run, names - {*kept, *map(_kind, kept)})


def _kind(name: str) -> str:
    return name.split("/")[0]


def _lesser(run: Run, names: set[str], there: dict[str, Tensor]) -> set[str]:
    """``names`` with the weights for the logits that they make, where those are fewer numbers.

    Test logits that a file holds already stay: halved weights would make slightly others.
    """
    if not run.has_weights or not {"train_logits", "test_logits"} & names:
        return names
    data, classes = load(run.recipe.data.name), len(run.recipe.data.classes)
    weights = sum(run.arrays[name].numel() for name in run.arrays if name.startswith(WEIGHTS))
    for name, examples in (("train_logits", data.train), ("test_logits", data.test)):
        kept = name == "test_logits" and name in there
        if name in names and not kept and ("weights" in names or weights <= len(examples) * classes):
            names = names - {name} | {"weights"}
    return names


def rounded(history: dict[str, list[float]]) -> dict[str, list[float]]:
    """A history in six digits, of thousands of epochs some hundreds: as text it would outweigh what a run ships.

    They are evenly spaced, and the last epoch is among them.
    """
    epochs = max(map(len, history.values()), default=0)
    step = 1 if epochs <= EPOCHS else math.ceil(2 * epochs / EPOCHS)
    kept = {name: values[(len(values) - 1) % step :: step] for name, values in history.items()}
    return {name: [float(f"{value:.6g}") for value in values] for name, values in kept.items()}


def asked_by_key() -> dict[str, set[str]]:
    """What was asked of runs, by their recipes' keys: what a cell defines is another class each time it is run."""
    names: dict[str, set[str]] = defaultdict(set)
    for recipe, some in asked.items():
        names[recipe.key] |= some
    return names


def ship(notebooks: list[Path]) -> None:
    """Run the notebooks and write what they asked of the runs their recipe cells name; other files there go."""
    os.environ["KDVIZ_TRAIN"] = "0"
    asked.clear()
    for notebook in notebooks:
        execute(notebook)
    store, kept = default_store(), set()
    names_of = asked_by_key()
    for recipe in dict.fromkeys(recipe for notebook in notebooks for recipe in recipes_of(notebook)):
        run, names = store.find(recipe), names_of[recipe.key]
        if not (run and names):
            raise LookupError(
                f"{recipe}: its notebook trains it, and asks nothing of it" if run else f"no run of {recipe}"
            )
        path = SHIPPED / f"{run.key}.safetensors"
        there = held(path, run)
        arrays = asked_for(run, names, there)
        if arrays.keys() != there.keys():
            write(dataclasses.replace(run, history=rounded(run.history)), arrays, SHIPPED)
        kept.add(path)
    for path in set(SHIPPED.glob("*.safetensors")) - kept:
        path.unlink()
    size = sum(path.stat().st_size for path in kept) / 1e6
    print(f"{len(kept)} runs in {SHIPPED.relative_to(ROOT)}, {size:.1f} MB")
