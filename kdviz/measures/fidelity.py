"""How close two classifiers are to one another."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz.measures.checks import check_masks, checked_pair
from kdviz.measures.divergence import divergence


def agreement(logits_a: Tensor, logits_b: Tensor) -> float:
    """Top-1 agreement: share of examples where the two argmaxes coincide (Stanton et al. 2021, section 3).

    Parameters
    ----------
    logits_a, logits_b : Tensor, shape (N, C)
        Probabilities do as well; −∞ masks a class.
    """
    logits_a, logits_b = checked_pair(logits_a, logits_b, probabilities=True)
    return (logits_a.argmax(-1) == logits_b.argmax(-1)).double().mean().item()


def predictive_kl(student_logits: Tensor, teacher_logits: Tensor) -> float:
    """Mean KL(teacher ‖ student) of the predicted distributions at T = 1, in nats (Stanton et al. 2021, section 3).

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (N, C)
        −∞ masks a class: in the teacher or in both it adds 0.

    Raises
    ------
    ValueError
        A class masked in the student alone: the divergence is infinite, and the rows are named.
    """
    student, teacher = checked_pair(student_logits, teacher_logits)
    check_masks(student, teacher)
    return divergence(student, teacher)[0].mean().item()


def agreement_bounds(accuracy_a: float, accuracy_b: float, classes: int | None = None) -> tuple[float, float]:
    """The least and the most two classifiers of these accuracies can agree over the same examples.

    Parameters
    ----------
    accuracy_a, accuracy_b : float
        In [0, 1].
    classes : int, optional
        Three or more unless said; with two, two wrong answers agree.

    Returns
    -------
    low, high : float
        ``max(0, a + b − 1)`` (``|a + b − 1|`` for two classes) and ``1 − |a − b|``.
    """
    if not (0 <= accuracy_a <= 1 and 0 <= accuracy_b <= 1):
        raise ValueError(f"accuracies lie in [0, 1], not {accuracy_a}, {accuracy_b}: divide percentages by 100")
    if classes is not None and classes < 2:
        raise ValueError(f"a classifier needs at least two classes, not {classes}")
    both = accuracy_a + accuracy_b - 1
    return (abs(both) if classes == 2 else max(0.0, both)), 1 - abs(accuracy_a - accuracy_b)


def ensemble_logits(logits: list[Tensor]) -> Tensor:
    """Logits of an ensemble whose probabilities are averaged: log of the mean softmax, shape (N, C).

    −∞ masks a class of one member; what all of them mask is −∞.
    """
    if (isinstance(logits, Tensor | np.ndarray) and logits.ndim != 3) or not len(logits):
        raise ValueError("an ensemble is a list of logits of shape (N, C), one a member, at least one")
    pairs = [checked_pair(logits[0], other) for other in logits]
    stacked = torch.stack([F.log_softmax(other, -1) for _, other in pairs])
    return stacked.logsumexp(0) - torch.tensor(float(len(logits))).log()
