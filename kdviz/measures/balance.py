"""Who moves a student: the labels or the teacher, and how soft a teacher's answers are beside smoothed labels."""

import math

import torch
from torch import Tensor

from kdviz.measures.checks import check_temperature, with_labels
from kdviz.measures.temperature import gradient_shares, soft_target_gradient


def label_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    """Gradient of the cross entropy of softmax(z) with the labels with respect to z, shape (N, C), float64.

    It is softmax(z), less 1 at the label.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        z.
    labels : Tensor, shape (N,), int64

    Raises
    ------
    ValueError
        Shapes that do not fit, NaN, or a label without a class.
    """
    logits, labels = with_labels(logits, labels)
    gradient = logits.double().softmax(-1)
    return gradient.scatter_add(-1, labels[:, None], torch.full_like(gradient[:, :1], -1.0))


def mean_norm(gradient: Tensor) -> float:
    """Mean over N examples of the length of each one's gradient, shape (N, C)."""
    return gradient.norm(dim=-1).mean().item()


def gradient_slope(
    student_logits: Tensor, teacher_logits: Tensor, span: tuple[float, float], factor: bool = True
) -> float:
    """Slope of the mean size of the soft targets' gradient between two temperatures, on log–log axes.

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (N, C)
        z and v.
    span : (lower, higher) temperature
    factor : bool
        With T²: 2 more than without.
    """
    low, high = (mean_norm(soft_target_gradient(student_logits, teacher_logits, t)) for t in span)
    return math.log(high / low) / math.log(span[1] / span[0]) - (0 if factor else 2)


def label_share(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float,
    *,
    hard_weight: float,
    soft_weight: float = 1.0,
) -> float:
    """Share of the labels in the gradient of ``hard_weight`` · CE + ``soft_weight`` · T² KL, in [0, 1].

    The mean length of the labels' gradient, weighted, over the sum of it and that of the soft targets. Leaving T² out
    is a ``soft_weight`` of 1/T², dividing by the number of classes one of 1/C.

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (N, C)
        z and v.
    labels : Tensor, shape (N,), int64
    temperature : float
        T, above 0.
    hard_weight, soft_weight : float
        At least 0.

    Raises
    ------
    ValueError
        As :func:`label_gradient`; or nothing that moves the student.
    """
    if not (hard_weight >= 0 and soft_weight >= 0):
        raise ValueError(f"weights are at least 0, not {hard_weight} and {soft_weight}")
    hard = hard_weight * mean_norm(label_gradient(student_logits, labels))
    soft = soft_weight * mean_norm(soft_target_gradient(student_logits, teacher_logits, temperature))
    if hard + soft == 0:
        raise ValueError("neither labels nor soft targets move this student: there are no shares")
    return hard / (hard + soft)


def ranked_shares(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Mean share of each class in an example's gradient, the classes in the order of the teacher's opinion, shape (C,).

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (N, C)
        z and v, not the same for any example.
    temperature : float
        T, above 0.
    """
    order = teacher_logits.argsort(-1, descending=True)
    return gradient_shares(student_logits, teacher_logits, temperature).gather(-1, order).mean(0)


def equivalent_smoothing(logits: Tensor, labels: Tensor, temperature: float = 1.0) -> float:
    """The a of smoothed labels that leave as much off the label as these soft targets do, on average over examples.

    Smoothed labels (1 − a) · label + a/C leave a (C − 1)/C off the label. Soft targets leave 1 − p(label). So
    a = mean(1 − p(label)) · C/(C − 1): 0 where a teacher is sure of every label, 1 where it says nothing. Müller et
    al. (2019, section 4) define it so, for figure 5.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        The teacher's, for the images its student learns from; two classes at least.
    labels : Tensor, shape (N,), int64
    temperature : float
        T of the soft targets, above 0.
    """
    logits, labels = with_labels(logits, labels)
    classes = logits.shape[-1]
    p = (logits.double() / check_temperature(temperature)).softmax(-1)
    return (1 - p.gather(-1, labels[:, None]).mean().item()) * classes / (classes - 1)
