"""How often a classifier is right, on what it is wrong, and how sure a mean over seeds is."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from kdviz.measures.checks import as_labels, check_count, with_labels


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of examples whose largest logit is at the label.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        Probabilities do as well; −∞ masks a class.
    labels : Tensor, shape (N,), of any integer type

    Raises
    ------
    ValueError
        Shapes that do not fit, no example, or labels that are no classes.
    """
    logits, labels = with_labels(logits, labels, probabilities=True)
    return (logits.argmax(-1) == labels).double().mean().item()


def balanced_accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of right answers within each class, averaged over the classes: a rare class counts as much as any other.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
    labels : Tensor, shape (N,), int64
        A class without an example is left out of the average.

    Raises
    ------
    ValueError
        Shapes that do not fit, or no example.
    """
    logits, labels = with_labels(logits, labels)
    counts = torch.bincount(labels)
    right = torch.bincount(labels[logits.argmax(-1) == labels], minlength=len(counts))
    return (right.double() / counts)[counts > 0].mean().item()


def confusion(predictions: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Counts of examples by label (row) and predicted class (column), shape (classes, classes), int64."""
    classes = check_count(classes, "classes")
    predictions, labels = as_labels(predictions, classes, "predictions"), as_labels(labels, classes)
    if predictions.shape != labels.shape:
        raise ValueError(
            f"predictions and labels need one shape (N,), not {tuple(predictions.shape)} and {tuple(labels.shape)}"
        )
    return torch.bincount(labels * classes + predictions, minlength=classes**2).view(classes, classes)


def at_chance(logits: Tensor, labels: Tensor) -> bool:
    """Whether logits know no more of the labels than in any other order, by three standard deviations.

    Neither is the largest at the label more often, nor the label's probability above that class's mean. (A weak
    classifier's still is.) Never so where nine in ten predictions are of one class: they have no order.
    """
    logits, labels = with_labels(logits, labels)
    counts = confusion(logits.argmax(-1), labels, logits.shape[-1]).double()
    said, true = counts.sum(0) / len(labels), counts.sum(-1) / len(labels)
    chance = (said * true).sum().item()
    right = counts.diagonal().sum().item() / len(labels)
    p = logits.detach().double().softmax(-1)
    surplus = (p - p.mean(0)).gather(-1, labels[:, None])
    seldom = right <= chance + 3 * (chance * (1 - chance) / len(labels)) ** 0.5
    return bool(said.max() < 0.9 and seldom and surplus.mean() <= 3 * surplus.std() / len(labels) ** 0.5)


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean over seeds and half the width of its 95 % interval (Student's t; nan for a single value)."""
    numbers = np.asarray(values, dtype=float)
    if not numbers.size:
        raise ValueError("no value to average")
    if numbers.size == 1:
        return float(numbers[0]), float("nan")
    return float(numbers.mean()), float(stats.sem(numbers) * stats.t.ppf(0.975, numbers.size - 1))
