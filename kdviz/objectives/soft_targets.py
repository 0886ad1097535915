"""Soft targets: the teacher's probabilities at a temperature."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz.measures.checks import check_temperature
from kdviz.measures.top_k import TopK, bucketed_terms
from kdviz.objectives.labels import cross_entropy_terms, log_softmax
from kdviz.objectives.objective import Objective, check_weights


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
    student = log_softmax(student_logits / temperature)
    teacher = log_softmax(teacher_logits / temperature).clamp(min=-1e30)  # −∞: a masked class, which adds 0
    return (F.kl_div(student, teacher, reduction="none", log_target=True) * temperature**2).sum(-1)


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


def as_teacher(given: Any) -> Any:
    """A tensor as :class:`GivenLogits`, a list as a tuple, all else as it is."""
    if isinstance(given, Tensor):
        return GivenLogits(given.detach().clone())
    return tuple(given) if isinstance(given, list) else given


@dataclass(frozen=True)
class SoftTargets(Objective):
    """``hard_weight`` · cross entropy with the labels + ``soft_weight`` · soft-target loss (Hinton et al. 2015).

    Parameters
    ----------
    teacher : Recipe, tuple of Recipe, Tensor of shape (N, C), or TopK
        Several teachers' probabilities are averaged; given logits have a row for each example of the full
        training set, and −∞ masks a class. Of a :class:`kdviz.measures.TopK` with the log-sum-exp at T the loss is a
        lower bound of the one with all logits: :func:`kdviz.measures.kl_lower_bound` times T².
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
        object.__setattr__(self, "teacher", as_teacher(self.teacher))
        for name in ("hard_weight", "soft_weight"):
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "temperature", check_temperature(self.temperature))
        check_weights(hard_weight=self.hard_weight, soft_weight=self.soft_weight)
        if isinstance(self.teacher, TopK) and not self.takes_top_k:
            raise ValueError(
                f"{type(self).__name__} needs the logits of all classes, not a top k: SoftTargets takes it"
            )
        _ = self.teachers  # of a top k: is the rest known at this temperature?

    @property
    def teachers(self) -> tuple:
        if isinstance(self.teacher, TopK):
            return (self.teacher.at(self.temperature),)
        return self.teacher if isinstance(self.teacher, tuple) else (self.teacher,)

    @property
    def needs_labels(self) -> bool:
        return self.hard_weight > 0

    numbers = ("temperature", "hard_weight", "soft_weight")
    reads = ("logits",)
    takes_top_k = True

    @staticmethod
    def losses(outputs, labels, teacher, extra, temperature, hard_weight, soft_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        hard = cross_entropy_terms(outputs["logits"], labels).mean(-1)
        T = temperature[:, None, None]
        if "rest" in teacher:
            soft = bucketed_terms(outputs["logits"], teacher["logits"], teacher["rest"], T).mean(-1)
        else:
            soft = soft_target_terms(outputs["logits"], teacher["logits"], T).mean(-1)
        return hard_weight * hard + soft_weight * soft
