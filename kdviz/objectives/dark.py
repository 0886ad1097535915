"""Two controls that ask what of soft targets teaches: how sure the teacher is, or which classes it confuses."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import Objective
from kdviz.objectives.soft_targets import SoftTargets, as_teacher, soft_target_terms

MANY = 7919.0  # a prime: what a logit leaves after it is multiplied by this and cut at the point is as good as drawn


@dataclass(frozen=True)
class WeightedByTeacher(Objective):
    r"""Cross entropy with the labels, each example weighted by how sure its teacher is of its answer.

    .. math:: \sum_n \frac{w_n}{\sum_m w_m} \, \bigl(-\log \mathrm{softmax}(z_n)_{y_n}\bigr), \qquad
              w_n = \max_i \mathrm{softmax}(v_n)_i

    over a batch (Furlanello et al. 2018, section 3.2: confidence-weighted by teacher max, CWTM). The soft targets'
    weights are kept, and what they say of other classes is not.

    Parameters
    ----------
    teacher : Recipe, or Tensor of shape (N, C)
    """

    teacher: Any

    reads = ("logits",)

    def __post_init__(self):
        object.__setattr__(self, "teacher", as_teacher(self.teacher))

    @staticmethod
    def losses(outputs, labels, teacher, extra) -> Tensor:
        """See :meth:`Objective.losses`."""
        sure = teacher["logits"].softmax(-1).amax(-1)
        return (sure * cross_entropy_terms(outputs["logits"], labels)).sum(-1) / sure.sum(-1)


@dataclass(frozen=True)
class PermutedTargets(SoftTargets):
    """Soft targets whose classes other than the teacher's answer have changed places, in each example anew.

    Dark knowledge with permuted predictions, DKPP (Furlanello et al. 2018, section 3.2): as sure and as soft as the
    teacher, and what resembles what is lost. An example is permuted alike whenever it comes: see :func:`permuted`.
    ``teacher``, ``temperature`` and the weights are those of :class:`SoftTargets`.
    """

    takes_top_k = False

    @staticmethod
    def losses(outputs, labels, teacher, extra, temperature, hard_weight, soft_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        hard = cross_entropy_terms(outputs["logits"], labels).mean(-1)
        soft = soft_target_terms(outputs["logits"], permuted(teacher["logits"]), temperature[:, None, None]).mean(-1)
        return hard_weight * hard + soft_weight * soft


def permuted(logits: Tensor) -> Tensor:
    """Logits, shape (..., C), the largest where it was and the others in another order, drawn by the logits' last bits.

    So one example's order is always the same, needs no generator, and says nothing about its classes.
    """
    top = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, logits.argmax(-1, keepdim=True), True)
    drawn = (logits * MANY).frac().abs().masked_fill(top, 2.0).argsort(-1)  # the largest last
    classes = torch.arange(logits.shape[-1], device=logits.device).expand_as(logits)
    places = classes.masked_fill(top, logits.shape[-1]).argsort(-1)  # the others' in order, then the largest's
    return torch.empty_like(logits).scatter(-1, places, logits.gather(-1, drawn))
