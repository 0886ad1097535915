"""Soft targets: the teacher's probabilities at a temperature."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kdviz.measures.checks import as_tensor, check_logits, check_masks, check_temperature, why_apart
from kdviz.measures.divergence import divergence
from kdviz.measures.top_k import TopK, bucketed_terms
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import Objective, check_weights

COLDEST, HOTTEST = 1e-4, 1e6  # temperatures of a loss


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
        v; −∞ masks a class.
    temperature : float
        T, in [1e-4, 1e6].

    Returns
    -------
    Tensor, shape ()

    Raises
    ------
    ValueError
        Shapes that differ, no example, one column, NaN, +∞, probabilities; a class masked in the student alone, for
        which the loss is infinite; a temperature outside of its range.

    Notes
    -----
    Its checks wait for a GPU; :func:`soft_target_terms` has none.
    """
    student, teacher = as_tensor(student_logits, "student logits"), as_tensor(teacher_logits, "teacher logits")
    if student.shape != teacher.shape or student.ndim != 2 or not len(student):
        raise ValueError(
            "student and teacher logits must both have shape (examples, classes), with at least one example, "
            f"not {tuple(student.shape)} and {tuple(teacher.shape)}: {why_apart(student, teacher)}"
        )
    student, teacher = _floating(student), _floating(teacher).detach().to(student.device)
    check_logits(student.detach(), "student")
    check_logits(teacher, "teacher")
    check_masks(student.detach(), teacher)
    return soft_target_terms(student, teacher, within_reach(temperature)).mean()


def soft_target_terms(student_logits: Tensor, teacher_logits: Tensor, temperature: float | Tensor) -> Tensor:
    """The soft-target loss of each example, shape (..., N), unchecked; ``temperature`` broadcasts to (..., N, 1).

    The gradient flows into the student's logits, once: it is T (q − p), computed along with the loss. Both are those
    of :func:`kdviz.measures.divergence.divergence`, rounded to the logits' precision, float32 at least: for float32
    logits right to six digits at temperatures from 1e-2 to 1e4, also where student and teacher are nearly alike. On
    MPS, which has no float64, the same formula is computed in float32; how right it is there was not measured.
    """
    if any(isinstance(fixed, Tensor) and fixed.requires_grad for fixed in (teacher_logits, temperature)):
        raise ValueError("the gradient of soft targets flows into the student alone: detach teacher and temperature")
    if student_logits.shape != teacher_logits.shape:
        student_logits, teacher_logits = torch.broadcast_tensors(student_logits, teacher_logits)
    return _SoftTargetTerms.apply(student_logits, teacher_logits, temperature)


class _SoftTargetTerms(torch.autograd.Function):
    """T² KL, and its gradient with it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(ctx, student: Tensor, teacher: Tensor, temperature: float | Tensor) -> Tensor:
        terms, difference = divergence(student, teacher, temperature)
        ctx.save_for_backward(difference.mul_(temperature).to(student.dtype))
        factor = temperature.squeeze(-1) if isinstance(temperature, Tensor) and temperature.ndim else temperature
        precision = torch.promote_types(torch.promote_types(student.dtype, teacher.dtype), torch.float32)
        return terms.mul_(factor).mul_(factor).to(precision)

    @staticmethod
    @once_differentiable
    def backward(ctx, of_terms: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return (gradient * of_terms.unsqueeze(-1)).to(gradient.dtype), None, None


def _floating(logits: Tensor) -> Tensor:
    whole = not (logits.is_floating_point() or logits.is_complex() or logits.dtype == torch.bool)
    return logits.to(torch.get_default_dtype()) if whole else logits


def within_reach(temperature: float) -> float:
    """The temperature, if the loss at it is more than rounding."""
    value = check_temperature(temperature)
    if not COLDEST <= value <= HOTTEST:
        raise ValueError(
            f"a temperature of {value:g} leaves nothing to learn from: T times a gradient is rounding there; choose "
            f"one from {COLDEST:g} to {HOTTEST:g}"
        )
    return value


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


def as_teacher(teacher: Any) -> Any:
    """Logits as :class:`GivenLogits`, a list as a tuple; anything else as it is."""
    if isinstance(teacher, Tensor | np.ndarray):
        tensor = _floating(as_tensor(teacher, "teacher")).detach().clone()
        check_logits(tensor, "teacher")
        if (tensor.float().isinf() != tensor.isinf()).any():
            raise ValueError("teacher: some logits lie beyond float32's range: −∞ masks a class")
        return GivenLogits(tensor)
    if isinstance(teacher, list | tuple):
        if teacher and isinstance(teacher[0], list | tuple):  # rows of numbers
            return as_teacher(as_tensor(teacher, "teacher"))
        return tuple(as_teacher(one) if isinstance(one, Tensor | np.ndarray) else one for one in teacher)
    return teacher


@dataclass(frozen=True)
class SoftTargets(Objective):
    """``hard_weight`` · cross entropy with the labels + ``soft_weight`` · soft-target loss (Hinton et al. 2015).

    Parameters
    ----------
    teacher : Recipe, tuple of Recipe, Tensor or array of shape (N, C), or TopK
        Several teachers' probabilities are averaged; given logits have a row for each example of the full training
        set, in its order, and −∞ for a masked class; training warns where they meet the labels at chance. Of a
        :class:`kdviz.measures.TopK` with the log-sum-exp at T the loss is a lower bound of the one with all logits:
        :func:`kdviz.measures.kl_lower_bound` times T².
    temperature : float
        In [1e-4, 1e6].
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
        object.__setattr__(self, "temperature", within_reach(self.temperature))
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
