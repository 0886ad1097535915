"""Hints in one stage: the labels and the hint at once, without soft targets."""

from dataclasses import dataclass

from torch import Tensor

from kdviz.arguments import number
from kdviz.objectives.hints import Hints
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import check_weights


@dataclass(frozen=True)
class OneStageHints(Hints):
    r"""``hard_weight`` · cross entropy with the labels + ``hint_weight`` · mean squared error of the hint.

    .. math:: \frac{1}{M} \| u_h(x) - r(v_g(x)) \|^2

    averaged over examples, with M the numbers in the teacher's layer :math:`u_h`, :math:`v_g` the student's and r the
    regressor of :class:`Hints`. So the CRD paper's comparison runs "FitNet" (Tian et al. 2019, table 1, their code:
    weight 100; its regressor also normalises the batch, ours does not). It has no first stage and no soft targets.

    Parameters
    ----------
    teacher, layer
        As in :class:`Hints`.
    hard_weight, hint_weight : float
        At least 0, and not both 0.
    """

    hard_weight: float = 1.0
    hint_weight: float = 100.0

    numbers = ("hard_weight", "hint_weight")

    def __post_init__(self):
        super().__post_init__()
        for name in self.numbers:
            object.__setattr__(self, name, number(name, getattr(self, name)))
        check_weights(hard_weight=self.hard_weight, hint_weight=self.hint_weight)

    @property
    def needs_labels(self) -> bool:
        return self.hard_weight > 0

    def losses(self, outputs, labels, teacher, extra, hard_weight, hint_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        hint = super().losses(outputs, labels, teacher, extra) * 2 / teacher[self.layer][0, 0].numel()
        return hard_weight * cross_entropy_terms(outputs["logits"], labels).mean(-1) + hint_weight * hint
