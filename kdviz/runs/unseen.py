"""Students that some classes were kept from: the bias that brings those back, and what is right before and after.

Runs are :class:`kdviz.Run` here, whose table asks this file.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from kdviz import measures
from kdviz.data import load, load_described
from kdviz.runs.scores import kept


def bias_of(run: Any) -> float:
    """The label-free bias of a run's :attr:`shifted_classes`: see :func:`kdviz.measures.label_free_bias`.

    Their frequency is read off the labels of the full training set, and nothing else.
    """
    return kept(run, "label_free_bias", label_free_bias).item()


def biases(runs: Sequence[Any]) -> pd.Series:
    """The label-free bias of each run: one number, and all that is shipped of a run asked for no more."""
    return pd.Series([bias_of(run) for run in runs], name="bias")


def shifts(runs: Sequence[Any], label: int | None = None) -> pd.DataFrame:
    """One row a run: its label-free bias, and errors and recall on the test images before and after it is added.

    Parameters
    ----------
    runs : sequence of Run
        Each with classes missing from its training set.
    label : int, optional
        The class whose recall is told; by default the first that is shifted.
    """
    return pd.DataFrame([_row(run, run.shifted_classes[0] if label is None else label) for run in runs])


def _row(run: Any, label: int) -> dict:
    images = torch.bincount(load_described(run.recipe.data).test.labels)
    before, after = kept(run, "shifted_right", shifted_right)
    return {
        "seed": run.recipe.seed,
        "bias": bias_of(run),
        "errors before": int((images - before).sum()),
        "errors after": int((images - after).sum()),
        "% right before": 100 * (before[label].double() / images[label]).item(),
        "% right after": 100 * (after[label].double() / images[label]).item(),
    }


def recognised(run: Any) -> float:
    """Share of the test images of :attr:`shifted_classes` that are recognised at the label-free bias."""
    images = torch.bincount(load_described(run.recipe.data).test.labels)
    after = kept(run, "shifted_right", shifted_right)[1]
    return (after[run.shifted_classes].sum().double() / images[run.shifted_classes].sum()).item()


def label_free_bias(run: Any) -> Tensor:
    """Shape (1,), float64."""
    inside = torch.isin(load(run.recipe.data.name).train.labels, torch.tensor(run.shifted_classes))
    bias = measures.label_free_bias(run.train_log_odds(), frequency=inside.double().mean().item())
    return torch.tensor([bias], dtype=torch.float64)


def shifted_right(run: Any) -> Tensor:
    """How many test images of each class are right without a bias and at the label-free one, shape (2, C), int32."""
    labels = load_described(run.recipe.data).test.labels
    answers = run.predictions(0.0), run.predictions(bias_of(run))
    classes = len(run.recipe.data.classes)
    return torch.stack([torch.bincount(labels[each == labels], minlength=classes) for each in answers]).int()


def errors_at(runs: Sequence[Any], biases: Tensor) -> Tensor:
    """Errors on the test images with each of B biases added, shape (runs, B)."""
    rows = [(run, load_described(run.recipe.data).test.labels) for run in runs]
    return torch.tensor([[int((run.predictions(b) != y).sum()) for b in biases.tolist()] for run, y in rows])


def mean_logits(runs: Sequence[Any], label: int) -> Tensor:
    """Mean logit of the class ``label`` on the test images of each class, shape (runs, C).

    What an image's logits have in common is taken out first: a softmax ignores it.
    """
    means = torch.stack([run.class_mean_logits() for run in runs])
    return (means - means.mean(-1, keepdim=True))[..., label]
