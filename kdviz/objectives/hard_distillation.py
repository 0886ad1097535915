"""Hard distillation: the teacher's answers as labels."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from kdviz.measures.top_k import TopK
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import Objective, check_weights
from kdviz.objectives.soft_targets import as_teacher


@dataclass(frozen=True)
class HardDistillation(Objective):
    r"""``hard_weight`` · cross entropy with the labels + ``soft_weight`` · cross entropy with the teacher's argmax.

    .. math:: -\log \mathrm{softmax}(z)_t, \qquad t = \arg\max_i v_i

    averaged over examples (Touvron et al. 2021, DeiT, equation 3, where both weights are 1/2). No temperature and no
    factor T²: an argmax has none. Of equal logits the first class counts.

    Parameters
    ----------
    teacher : Recipe, tuple of Recipe, Tensor of shape (N, C), or TopK
        Several teachers' probabilities are averaged first; given logits have a row for each example of the full
        training set.
    hard_weight, soft_weight : float
        At least 0, and not both 0: of the labels, and of the teacher.
    """

    teacher: Any
    hard_weight: float = 0.0
    soft_weight: float = 1.0

    numbers = ("hard_weight", "soft_weight")
    reads = ("logits",)

    def __post_init__(self):
        object.__setattr__(self, "teacher", as_teacher(self.teacher))
        for name in self.numbers:
            object.__setattr__(self, name, float(getattr(self, name)))
        check_weights(hard_weight=self.hard_weight, soft_weight=self.soft_weight)

    @property
    def teachers(self) -> tuple:
        if isinstance(self.teacher, TopK):
            return (self.teacher.at(),)
        return self.teacher if isinstance(self.teacher, tuple) else (self.teacher,)

    @property
    def needs_labels(self) -> bool:
        return self.hard_weight > 0

    @staticmethod
    def losses(outputs, labels, teacher, extra, hard_weight, soft_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        hard, soft = (
            cross_entropy_terms(outputs["logits"], answers).mean(-1)
            for answers in (labels, teacher["logits"].argmax(-1))
        )
        return hard_weight * hard + soft_weight * soft
