"""What a temperature does to one distribution, and to the gradient between two."""

import torch
from torch import Tensor

from kdviz.measures.checks import check_temperature, checked_logits, checked_pair


def entropy(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Entropy of softmax(logits / T) of each example, in nats, shape (N,).

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        −∞ masks a class, which adds 0.
    temperature : float
        T, above 0.
    """
    log_p = (checked_logits(logits).double() / check_temperature(temperature)).log_softmax(-1)
    log_p = log_p.clamp(min=torch.finfo(log_p.dtype).min)  # 0 · −∞ is 0 here
    return -(log_p.exp() * log_p).sum(-1)


def soft_target_gradient(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Gradient of T² KL(softmax(v/T) ‖ softmax(z/T)) with respect to z: T (q − p), shape (N, C), float64.

    Without the factor T² it is (q − p)/T (Hinton et al. 2015, equation 2); for T far above the logits it tends to
    (z − v)/C, each example's mean logit subtracted first (equation 4, where both have mean zero).

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (N, C)
        z and v; −∞ masks a class, whose probability is 0.
    temperature : float
        T, above 0.
    """
    student, teacher = checked_pair(student_logits, teacher_logits)
    q, p = ((logits.double() / check_temperature(temperature)).softmax(-1) for logits in (student, teacher))
    difference = q - p
    top = p.argmax(
        -1, keepdim=True
    )  # where both are nearly sure of it, q − p is lost in rounding: it is what the others lack
    others = difference.scatter(-1, top, 0.0)
    agreed = q.argmax(-1, keepdim=True) == top
    return check_temperature(temperature) * torch.where(
        agreed, others.scatter(-1, top, -others.sum(-1, keepdim=True)), difference
    )


def gradient_shares(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Share of each class in an example's gradient: |q − p| divided by its sum over the classes, shape (N, C).

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (N, C)
        Not the same for any example: no gradient has no shares.
    temperature : float
        T, above 0.
    """
    size = soft_target_gradient(student_logits, teacher_logits, temperature).abs()
    total = size.sum(-1, keepdim=True)
    if (total == 0).any():
        raise ValueError(f"student and teacher agree entirely on {int((total == 0).sum())} examples: no gradient there")
    return size / total


def high_temperature_gap(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float, center: bool = True
) -> tuple[Tensor, Tensor]:
    """How far the gradient is from its limit at high temperature, (z − v)/C for the loss with its factor T².

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (N, C)
        −∞ masks a class, the same ones in both: C counts the others.
    temperature : float
    center : bool
        First subtract each example's mean logit, which the softmax does not see and the limit does.

    Returns
    -------
    cosine : Tensor, shape (N,)
        Between gradient and limit.
    error : Tensor, shape (N,)
        Norm of their difference over the norm of the limit.
    """
    student, teacher = checked_pair(student_logits, teacher_logits)
    kept = student != -torch.inf
    if not torch.equal(kept, teacher != -torch.inf):
        raise ValueError("student and teacher mask (−∞) different classes: their gradient has no limit as T grows")
    gradient = soft_target_gradient(student, teacher, temperature)
    classes = kept.sum(-1, keepdim=True)
    limit = (student.double() - teacher.double()).masked_fill(~kept, 0.0) / classes
    if center:
        limit = (limit - limit.sum(-1, keepdim=True) / classes).masked_fill(~kept, 0.0)
    return torch.cosine_similarity(gradient, limit, -1), (gradient - limit).norm(dim=-1) / limit.norm(dim=-1)
