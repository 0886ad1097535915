"""What a student is trained to match: one formula each, with the equation it comes from."""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz.measures.checks import check_temperature


def soft_target_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    r"""Cross entropy with the teacher's soft targets, less their entropy, times the temperature squared.

    .. math:: T^2 \, \mathrm{KL}(\mathrm{softmax}(v / T) \,\|\, \mathrm{softmax}(z / T))

    summed over classes and averaged over examples. The factor keeps the gradient's size as T grows, since
    :math:`\partial/\partial z` of the divergence falls as 1/T² (Hinton et al. 2015, section 2).

    Parameters
    ----------
    student_logits : Tensor, shape (N, C)
        z; the gradient flows into these alone.
    teacher_logits : Tensor, shape (N, C)
        v.
    temperature : float
        T, above 0.

    Returns
    -------
    Tensor, shape ()

    Raises
    ------
    ValueError
        Shapes that differ, no example, or a temperature that is not a finite number above 0.
    """
    if student_logits.shape != teacher_logits.shape or student_logits.ndim != 2 or not len(student_logits):
        raise ValueError(
            "student and teacher logits must both have shape (examples, classes), with at least one example, "
            f"not {tuple(student_logits.shape)} and {tuple(teacher_logits.shape)}"
        )
    return soft_target_terms(student_logits, teacher_logits.detach(), check_temperature(temperature)).mean()


def soft_target_terms(student_logits: Tensor, teacher_logits: Tensor, temperature: float | Tensor) -> Tensor:
    """The soft-target loss of each example, shape (..., N), unchecked; ``temperature`` broadcasts to (..., N, C)."""
    student = _log_softmax(student_logits / temperature)
    teacher = _log_softmax(teacher_logits / temperature)
    return (F.kl_div(student, teacher, reduction="none", log_target=True) * temperature**2).sum(-1)


def cross_entropy_terms(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross entropy of each example with its label, shape (..., N)."""
    return -_log_softmax(logits).gather(-1, labels.unsqueeze(-1)).squeeze(-1)


def _log_softmax(logits: Tensor) -> Tensor:
    return F.log_softmax(logits.mT, -2).mT  # over a dimension that is not the last: twenty times faster for ten classes


@dataclass(frozen=True)
class HardLabels:
    """Cross entropy with the labels, smoothed if asked for: (1 − a) · label + a/C (Müller et al. 2019, section 1.1).

    Parameters
    ----------
    smoothing : float
        a, in [0, 1).
    """

    smoothing: float = 0.0

    teachers = ()
    numbers = ("smoothing",)

    def __post_init__(self):
        object.__setattr__(self, "smoothing", float(self.smoothing))
        if not 0 <= self.smoothing < 1:
            raise ValueError(f"smoothing is a share in [0, 1), not {self.smoothing}: 0 leaves the labels as they are")

    @staticmethod
    def losses(outputs: dict[str, Tensor], labels: Tensor, teacher_logits: None, smoothing: Tensor) -> Tensor:
        """Loss of each student, shape (students,); see :meth:`SoftTargets.losses`."""
        log_q = _log_softmax(outputs["logits"])
        of_label = log_q.gather(-1, labels.unsqueeze(-1)).mean((-2, -1))
        return -((1 - smoothing) * of_label + smoothing * log_q.mean((-2, -1)))


@dataclass(frozen=True, eq=False)
class GivenLogits:
    """Teacher logits from anywhere, one row for each example of the full training set; known by their digest."""

    logits: Tensor

    @cached_property
    def digest(self) -> str:
        rounded = self.logits.detach().cpu().to(torch.float32).contiguous()
        return hashlib.sha256(str(tuple(rounded.shape)).encode() + rounded.numpy().tobytes()).hexdigest()

    def __eq__(self, other) -> bool:
        return isinstance(other, GivenLogits) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True)
class SoftTargets:
    """``hard_weight`` · cross entropy with the labels + ``soft_weight`` · soft-target loss (Hinton et al. 2015).

    Parameters
    ----------
    teacher : Recipe, tuple of Recipe, or Tensor of shape (N, C)
        Several teachers' probabilities are averaged; given logits have a row for each example of the full
        training set.
    temperature : float
        Finite and above 0.
    hard_weight, soft_weight : float
        At least 0, and not both 0.
    """

    teacher: Any
    temperature: float = 1.0
    hard_weight: float = 0.0
    soft_weight: float = 1.0

    def __post_init__(self):
        given = GivenLogits(self.teacher.detach().clone()) if isinstance(self.teacher, Tensor) else self.teacher
        object.__setattr__(self, "teacher", tuple(given) if isinstance(given, list) else given)
        for name in ("hard_weight", "soft_weight"):
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "temperature", check_temperature(self.temperature))
        weights = self.hard_weight, self.soft_weight
        if not all(math.isfinite(w) and w >= 0 for w in weights) or not any(weights):
            raise ValueError(f"hard_weight and soft_weight must be at least 0 and not both 0, not {weights}")

    @property
    def teachers(self) -> tuple:
        return self.teacher if isinstance(self.teacher, tuple) else (self.teacher,)

    # What may differ between students that train together; `losses` is given them as tensors of shape (students,).
    numbers = ("temperature", "hard_weight", "soft_weight")

    @staticmethod
    def losses(
        outputs: dict[str, Tensor],
        labels: Tensor,
        teacher_logits: Tensor,
        temperature: Tensor,
        hard_weight: Tensor,
        soft_weight: Tensor,
    ) -> Tensor:
        """Loss of each student, shape (students,).

        Parameters
        ----------
        outputs : dict
            ``logits`` of shape (students, N, C).
        labels : Tensor, shape (students, N)
        teacher_logits : Tensor, shape (students, N, C)
        temperature, hard_weight, soft_weight : Tensor, shape (students,)
        """
        hard = cross_entropy_terms(outputs["logits"], labels).mean(-1)
        soft = soft_target_terms(outputs["logits"], teacher_logits, temperature[:, None, None]).mean(-1)
        return hard_weight * hard + soft_weight * soft
