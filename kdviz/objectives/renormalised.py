"""Soft targets over a teacher's top k alone."""

from dataclasses import dataclass

from torch import Tensor

from kdviz.measures.top_k import TopK, renormalised_terms
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.soft_targets import SoftTargets


@dataclass(frozen=True)
class RenormalisedTopK(SoftTargets):
    """As :class:`SoftTargets`, between both nets' softmaxes over the teacher's k classes: no divergence of the nets.

    For a :class:`kdviz.measures.TopK` without its log-sum-exp, where the mass of the other classes is not known. What
    the student gives them costs nothing here. With the factor T².

    Parameters
    ----------
    teacher : TopK
    temperature, hard_weight, soft_weight
        As those of :class:`SoftTargets`.
    """

    def __post_init__(self):
        if not isinstance(self.teacher, TopK):
            raise ValueError(f"the teacher is a kdviz.measures.TopK here, not {type(self.teacher).__name__}")
        super().__post_init__()

    @property
    def teachers(self) -> tuple:
        return (self.teacher.at(),)

    @staticmethod
    def losses(outputs, labels, teacher, extra, temperature, hard_weight, soft_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        hard = cross_entropy_terms(outputs["logits"], labels).mean(-1)
        soft = renormalised_terms(outputs["logits"], teacher["logits"], temperature[:, None, None]).mean(-1)
        return hard_weight * hard + soft_weight * soft
