"""What a few numbers say of a run: its errors, and how good and how soft its probabilities are at each temperature.

Runs are :class:`kdviz.Run` here, whose table asks this file.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from kdviz import measures
from kdviz.data import load_described
from kdviz.networks import predict_logits

TEMPERATURES = (1.0, 2.0, 4.0, 8.0)  # of which a shipped run keeps the scores
EACH = 5  # classes a group, about

# What each run was asked for in this process: just that is shipped (kdviz.publish.reference).
asked: dict[Any, set[str]] = defaultdict(set)


def error_counts(runs: Sequence[Any]) -> pd.Series:
    """Errors of each run on its test images: one number, and all that is shipped of a run asked for no more."""
    return pd.Series([kept(run, "error_count", error_count).item() for run in runs], name="errors")


def class_error_counts(runs: Sequence[Any]) -> Tensor:
    """Errors of each run on the test images of each class, shape (runs, C), int64."""
    return torch.stack([kept(run, "class_error_counts", class_errors_of) for run in runs]).long()


def soft_scores(runs: Sequence[Any], temperature: float) -> pd.DataFrame:
    """How good and how soft the probabilities of each run are at T, a row a run.

    Parameters
    ----------
    runs : sequence of Run
    temperature : float
        T, one of :data:`TEMPERATURES`.

    Returns
    -------
    DataFrame
        ``nll``, that of the labels under softmax(z/T), and ``entropy`` of softmax(z/T), both in nats and means over the
        test images; ``nll seen`` and ``entropy seen`` over the images the run was trained on, with the labels it saw.

    Raises
    ------
    ValueError
        A temperature of which no scores are kept.
    """
    place = _place(temperature)
    rows = [kept(run, "soft_scores", scores_of)[place].tolist() for run in runs]
    return pd.DataFrame(rows, columns=["nll", "entropy", "nll seen", "entropy seen"])


def confused_groups(run: Any, temperature: float) -> list[list[int]]:
    """A run's classes in groups, about five a group, that its probabilities at T on the test inputs bring together.

    No label is read. A shipped run keeps the groups alone.

    Parameters
    ----------
    run : Run
    temperature : float
        T, one of :data:`TEMPERATURES`.

    Returns
    -------
    list of list of int
        As :func:`kdviz.measures.confused_groups` gives them.

    Raises
    ------
    ValueError
        A temperature of which no groups are kept.
    """
    of = kept(run, "groups", groups_of)[_place(temperature)].tolist()
    groups = [[label for label, group in enumerate(of) if group == one] for one in sorted({*of})]
    return sorted(groups, key=lambda group: (-len(group), group))


def kept(run: Any, name: str, compute: Any) -> Tensor:
    """The array ``name`` of a run, where it was shipped with it; else what ``compute`` makes of the run."""
    wanted = asked[run.recipe] | {name}
    found = run.arrays[name] if name in run.arrays else compute(run)
    asked[run.recipe] = wanted  # without what computing it asked for
    return found


def error_count(run: Any) -> Tensor:
    """Errors on the test images, shape (1,), int32."""
    labels = load_described(run.recipe.data).test.labels
    return (run.predictions() != labels).sum(dtype=torch.int32)[None]


def calibration_error_of(run: Any) -> Tensor:
    """The expected calibration error on the test images, 15 bins, shape (1,), float64."""
    right = run.predictions() == load_described(run.recipe.data).test.labels
    return torch.tensor([measures.calibration_error(run.confidence(), right)], dtype=torch.float64)


def class_errors_of(run: Any) -> Tensor:
    """Errors on the test images of each class, shape (C,), int32."""
    data = load_described(run.recipe.data)
    wrong = data.test.labels[run._predictions != data.test.labels]
    return torch.bincount(wrong, minlength=len(data.classes)).int()


def scores_of(run: Any) -> Tensor:
    """Shape (temperatures, 4), float32, the columns of :func:`soft_scores`."""
    data = load_described(run.recipe.data)
    pairs = [(run._test_logits, data.test.labels), (predict_logits(run._network, data.train.inputs), data.train.labels)]
    rows = [
        [score for z, y in pairs for score in (measures.nll(z / T, y), measures.entropy(z, T).mean().item())]
        for T in TEMPERATURES
    ]
    return torch.tensor(rows, dtype=torch.float32)


def groups_of(run: Any) -> Tensor:
    """Which group each class is of, shape (temperatures, C), uint8: what :func:`confused_groups` reads."""
    logits = run._test_logits
    of = torch.zeros(len(TEMPERATURES), logits.shape[-1], dtype=torch.uint8)
    for row, T in zip(of, TEMPERATURES, strict=True):
        for i, group in enumerate(measures.confused_groups(logits, max(2, logits.shape[-1] // EACH), T)):
            row[group] = i
    return of


def symmetric(above: Tensor) -> Tensor:
    """A correlation matrix from what stands above its diagonal, row by row."""
    classes = round((1 + (1 + 8 * len(above)) ** 0.5) / 2)
    matrix = torch.eye(classes, dtype=above.dtype)
    rows, columns = torch.triu_indices(classes, classes, 1)
    matrix[rows, columns] = matrix[columns, rows] = above
    return matrix


def _place(temperature: float) -> int:
    if temperature not in TEMPERATURES:
        raise ValueError(f"scores are kept at T = {', '.join(f'{T:g}' for T in TEMPERATURES)}, not {temperature}")
    return TEMPERATURES.index(temperature)
