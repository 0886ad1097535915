"""Measures: pure functions of logits and labels, one definition each, averaged over examples."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from scipy.optimize import brentq
from torch import Tensor


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of examples whose largest logit is at the label.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
    labels : Tensor, shape (N,), int64

    Raises
    ------
    ValueError
        Shapes that do not fit, or no example.
    """
    logits, labels = _with_labels(logits, labels)
    return (logits.argmax(-1) == labels).double().mean().item()


def agreement(logits_a: Tensor, logits_b: Tensor) -> float:
    """Top-1 agreement: share of examples where the two argmaxes coincide (Stanton et al. 2021, section 3).

    Parameters
    ----------
    logits_a, logits_b : Tensor, shape (N, C)
    """
    logits_a, logits_b = _pair(logits_a, logits_b)
    return (logits_a.argmax(-1) == logits_b.argmax(-1)).double().mean().item()


def predictive_kl(student_logits: Tensor, teacher_logits: Tensor) -> float:
    """Mean KL(teacher ‖ student) of the predicted distributions at T = 1, in nats (Stanton et al. 2021, section 3).

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (N, C)
    """
    student_logits, teacher_logits = _pair(student_logits, teacher_logits)
    student, teacher = (F.log_softmax(logits.double(), -1) for logits in (student_logits, teacher_logits))
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True).item()


def expected_calibration_error(logits: Tensor, labels: Tensor, bins: int = 15) -> float:
    """ECE: gap between confidence and accuracy in equal-width bins (lo, hi] of top-1 confidence, weighted by counts.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
    labels : Tensor, shape (N,), int64
    bins : int
        At least 1.
    """
    logits, labels = _with_labels(logits, labels)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    confidence, predicted = F.softmax(logits.double(), -1).max(-1)
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    bin_of = torch.bucketize(confidence, edges[1:-1])  # right=False: a value on an edge falls into the lower bin
    gaps = torch.zeros(bins, dtype=torch.float64).index_add_(0, bin_of, (predicted == labels).double() - confidence)
    return (gaps.abs().sum() / len(labels)).item()


def logit_correlation(logits: Tensor, center: bool = False) -> Tensor:
    """Pearson correlation of the classes' logits over the examples, shape (C, C), float64.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
    center : bool
        First remove each example's mean logit, which a softmax does not see and this matrix does.

    Raises
    ------
    ValueError
        A class whose logit is the same for every example has no correlation.
    """
    values = _logits(logits).double()
    if center:
        values = values - values.mean(-1, keepdim=True)
    spread = values.std(0, correction=0) if len(values) > 1 else torch.zeros(values.shape[-1])
    flat = (spread <= 1e-6 * values.abs().max()).nonzero().flatten().tolist()
    if flat:
        raise ValueError(f"the logits of classes {flat} are the same for every example: no correlation is defined")
    return torch.corrcoef(values.T)


def class_mean_logits(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean logit vector of the examples of each class, shape (C, C): row = label, column = logit. No correlation.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
    labels : Tensor, shape (N,), int64
        Every class at least once.
    """
    logits, labels = _with_labels(logits, labels)
    members = F.one_hot(labels, logits.shape[-1]).T.double()
    counts = members.sum(-1, keepdim=True)
    if (counts == 0).any():
        raise ValueError(f"no example of classes {(counts == 0).squeeze(-1).nonzero().flatten().tolist()}")
    return members @ logits.double() / counts


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
    """Logits of an ensemble whose probabilities are averaged: log of the mean softmax, shape (N, C)."""
    pairs = [_pair(logits[0], other) for other in logits]
    stacked = torch.stack([F.log_softmax(other, -1) for _, other in pairs])
    return stacked.logsumexp(0) - torch.tensor(float(len(logits))).log()


def confusion(predictions: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Counts of examples by label (row) and predicted class (column), shape (classes, classes), int64."""
    if predictions.shape != labels.shape or predictions.ndim != 1:
        raise ValueError(f"predictions and labels need one shape (N,): {predictions.shape}, {labels.shape}")
    return torch.bincount(labels * classes + predictions, minlength=classes**2).view(classes, classes)


def log_odds(logits: Tensor, classes: list[int]) -> Tensor:
    """log p/(1 − p) of "one of ``classes``" for each example at T = 1, shape (N,)."""
    logits = _with_classes(logits, classes)
    inside = torch.zeros(logits.shape[-1], dtype=torch.bool)
    inside[classes] = True
    return logits[:, inside].logsumexp(-1) - logits[:, ~inside].logsumexp(-1)


def shifted(logits: Tensor, classes: list[int], bias: float) -> Tensor:
    """The logits with ``bias`` added to those of ``classes``, shape (N, C)."""
    moved = logits.clone()
    moved[:, classes] += bias
    return moved


def rivals(logits: Tensor, classes: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """All that decides a prediction as a bias is added to ``classes``.

    Returns
    -------
    margin : Tensor, shape (N,)
        Largest logit inside ``classes`` less the largest outside: with a bias above ``-margin`` the one inside wins.
    inside, outside : Tensor, shape (N,), int64
        The classes of those two logits.
    """
    logits = _with_classes(logits, classes)
    within = torch.zeros(logits.shape[-1], dtype=torch.bool)
    within[classes] = True
    best, inside = logits.masked_fill(~within, -torch.inf).max(-1)
    rival, outside = logits.masked_fill(within, -torch.inf).max(-1)
    return best - rival, inside, outside


def label_free_bias(log_odds: Tensor, frequency: float) -> float:
    """The bias that gives a set of classes its known share, without reading a label.

    Adding b to the logits of every class of the set adds b to their log-odds, so b solves
    ``mean(sigmoid(log_odds + b)) = frequency``: the mean probability given to the set equals its known frequency.

    Parameters
    ----------
    log_odds : Tensor, shape (N,)
        Of the set, for unlabelled images among which the set has that frequency (:func:`log_odds`).
    frequency : float
        In (0, 1).
    """
    if not 0 < frequency < 1:
        raise ValueError(f"a frequency lies between 0 and 1, not {frequency}")
    if not torch.isfinite(log_odds).all():
        raise ValueError("log-odds must be finite")
    values = log_odds.double()
    reach = values.abs().max().item() + 50.0
    return float(brentq(lambda bias: torch.sigmoid(values + bias).mean().item() - frequency, -reach, reach))


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean over seeds and half the width of its 95 % interval (Student's t; nan for a single value)."""
    numbers = np.asarray(values, dtype=float)
    if not numbers.size:
        raise ValueError("no value to average")
    if numbers.size == 1:
        return float(numbers[0]), float("nan")
    return float(numbers.mean()), float(stats.sem(numbers) * stats.t.ppf(0.975, numbers.size - 1))


def _logits(logits: Tensor) -> Tensor:
    tensor = torch.as_tensor(logits)
    if tensor.ndim != 2 or not len(tensor):
        raise ValueError(f"logits must have shape (examples, classes), at least one example, not {tuple(tensor.shape)}")
    if tensor.isnan().any():
        raise ValueError("some logits are not numbers (NaN): did the training diverge?")
    return tensor


def _with_classes(logits: Tensor, classes: list[int]) -> Tensor:
    tensor = _logits(logits)
    some = isinstance(classes, Sequence) and 0 < len(set(classes)) < tensor.shape[-1]
    if not some or not set(classes) <= set(range(tensor.shape[-1])):
        raise ValueError(f"classes must be a list of some but not all of 0..{tensor.shape[-1] - 1}, not {classes}")
    return tensor


def _pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    a, b = _logits(a), _logits(b)
    if a.shape != b.shape:
        raise ValueError(f"logits of two shapes, {tuple(a.shape)} and {tuple(b.shape)}: give the same examples to both")
    return a, b


def _with_labels(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    logits, labels = _logits(logits), torch.as_tensor(labels)
    if labels.shape != logits.shape[:1]:
        raise ValueError(f"{tuple(logits.shape)} logits need {len(logits)} labels, not {tuple(labels.shape)}")
    if labels.min() < 0 or labels.max() >= logits.shape[-1]:
        raise ValueError(f"labels must lie in 0..{logits.shape[-1] - 1}, not {labels.min()}..{labels.max()}")
    return logits, labels
