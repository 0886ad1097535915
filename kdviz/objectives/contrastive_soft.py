"""The contrastive loss and soft targets together."""

from dataclasses import dataclass

from torch import Tensor

from kdviz.arguments import number
from kdviz.measures.checks import check_temperature
from kdviz.objectives.contrastive import Contrastive
from kdviz.objectives.objective import check_weights
from kdviz.objectives.soft_targets import soft_target_terms


@dataclass(frozen=True)
class ContrastiveSoftTargets(Contrastive):
    """CRD + KD: the loss of :class:`Contrastive` + ``soft_weight`` · soft-target loss, of one teacher.

    The authors' code weighs cross entropy 1, soft targets 1 at T = 4, and the contrastive loss 0.8 (Tian et al. 2019).

    Parameters
    ----------
    teacher, hard_weight, contrastive_weight, tau, dimensions
        As in :class:`Contrastive`.
    soft_weight : float
        At least 0.
    temperature : float
        T of the soft targets, above 0.
    """

    soft_weight: float = 1.0
    temperature: float = 4.0

    numbers = (*Contrastive.numbers, "soft_weight", "temperature")
    reads = ("features", "logits")

    def __post_init__(self):
        super().__post_init__()
        if len(self.teachers) != 1:
            raise ValueError(f"soft targets beside contrast are of one teacher, not of {len(self.teachers)}")
        object.__setattr__(self, "soft_weight", number("soft_weight", self.soft_weight))
        object.__setattr__(self, "temperature", check_temperature(self.temperature))
        check_weights(hard_weight=1, soft_weight=self.soft_weight)

    def losses(self, outputs, labels, teacher, extra, soft_weight, temperature, **numbers) -> Tensor:
        """See :meth:`Objective.losses`."""
        soft = soft_target_terms(outputs["logits"], teacher["logits"], temperature[:, None, None]).mean(-1)
        return super().losses(outputs, labels, teacher, extra, **numbers) + soft_weight * soft
