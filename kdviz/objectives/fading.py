"""Soft targets whose weight changes while the student learns."""

from dataclasses import dataclass

from torch import Tensor

from kdviz.arguments import number
from kdviz.objectives.objective import check_weights
from kdviz.objectives.soft_targets import SoftTargets


@dataclass(frozen=True)
class FadingTargets(SoftTargets):
    r"""Soft targets of which less and less is asked: their weight goes along a line, from step to step.

    .. math:: w_p = w_0 + (w_1 - w_0) \, p

    with p the share of the steps that are taken with this one, :math:`w_0` the ``soft_weight`` and :math:`w_1` the
    ``last_soft_weight``; all else as in :class:`SoftTargets`. So a FitNet learns in its second stage (Romero et al.
    2014, section 2.3: a hard example, of which the teacher is unsure, counts more for the labels in the end).

    Parameters
    ----------
    teacher, temperature, hard_weight, soft_weight
        As in :class:`SoftTargets`.
    last_soft_weight : float
        At least 0.
    """

    last_soft_weight: float = 0.0

    numbers = (*SoftTargets.numbers, "last_soft_weight")

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "last_soft_weight", number("last_soft_weight", self.last_soft_weight))
        if self.last_soft_weight < 0:
            raise ValueError(f"last_soft_weight must be at least 0, not {self.last_soft_weight}")
        check_weights(soft_weight=self.soft_weight + self.last_soft_weight, hard_weight=self.hard_weight)

    @staticmethod
    def losses(outputs, labels, teacher, extra, temperature, hard_weight, soft_weight, last_soft_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        weight = soft_weight + (last_soft_weight - soft_weight) * extra["done"]
        return SoftTargets.losses(outputs, labels, teacher, extra, temperature, hard_weight, weight)
