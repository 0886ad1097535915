"""What is alike inside a student and its teacher: where their layers look, and their hidden vectors.

Runs are :class:`kdviz.Run` here.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from kdviz.data import load_described
from kdviz.networks import measuring
from kdviz.objectives import cosine_terms, row_terms
from kdviz.recipes import Recipe
from kdviz.runs.scores import kept
from kdviz.runs.store import default_store

CHUNK = 250


def insides(runs: Sequence[Any]) -> pd.DataFrame:
    """How far apart a student and its teacher are inside, on the test examples: a row a run.

    Student layer i of n stands beside the teacher's layer i · N / n of its N. ``attention`` is the KL of attention
    rows, in nats, ``hidden`` 1 − the cosine of hidden vectors at all places; both are means over layers and examples
    (:func:`kdviz.objectives.row_terms`, :func:`kdviz.objectives.cosine_terms`).

    Parameters
    ----------
    runs : sequence of Run
        Encoders of tokens, with one teacher each, which the default store holds with its weights.

    Raises
    ------
    ValueError
        A run without such a teacher.
    """
    rows = [kept(run, "insides", insides_of).mean(0).tolist() for run in runs]
    return pd.DataFrame(rows, columns=["attention", "hidden"])


def insides_of(run: Any) -> Tensor:
    """Shape (layers, 2), float32, the columns of :func:`insides`."""
    student, teacher = run._network, _teacher_of(run)
    deep, deeper = len(student.layers), len(teacher.layers)
    sums = torch.zeros(deep, 2, dtype=torch.float64)
    tokens = load_described(run.recipe.data).test.inputs
    with measuring():
        for some in tokens.split(CHUNK):
            mine, theirs = student(some), teacher(some)
            for i in range(1, deep + 1):
                j = i * deeper // deep
                rows = row_terms(mine[f"attention {i}"], theirs[f"attention {j}"], mine["places"])
                hidden = cosine_terms(mine[f"hidden {i}"], theirs[f"hidden {j}"], mine["places"])
                sums[i - 1] += torch.stack([rows.double().sum(), hidden.double().sum()])
    return (sums / len(tokens)).float()


def _teacher_of(run: Any) -> Any:
    teachers = [each for each in run.recipe.objective.teachers if isinstance(each, Recipe)]
    found = default_store().find(teachers[0], weights=True) if len(teachers) == 1 else None
    if not found:
        raise ValueError(f"{run!r} has no teacher in the default store whose layers could stand beside its own")
    return found.network()
