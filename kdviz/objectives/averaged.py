"""An average of a student's own weights as its teacher."""

from dataclasses import dataclass

from torch import Tensor

from kdviz.measures.checks import check_temperature
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import Objective, check_weights
from kdviz.objectives.soft_targets import soft_target_terms


@dataclass(frozen=True)
class AveragedTarget(Objective):
    """``hard_weight`` · cross entropy + ``soft_weight`` · soft-target loss, taught by an average of its own weights.

    After each step every averaged weight moves a share 1 − ``momentum`` of the way to the student's (Tarvainen and
    Valpola 2017, equation 1, who compare probabilities by squares). It answers in eval mode, to the same inputs.

    Parameters
    ----------
    momentum : float
        In [0, 1).
    temperature, hard_weight, soft_weight : float
        As in :class:`kdviz.objectives.SoftTargets`.
    """

    momentum: float = 0.99
    temperature: float = 1.0
    hard_weight: float = 1.0
    soft_weight: float = 1.0

    numbers = ("momentum", "temperature", "hard_weight", "soft_weight")
    averaged = "momentum"

    def __post_init__(self):
        for name in ("momentum", "hard_weight", "soft_weight"):
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "temperature", check_temperature(self.temperature))
        check_weights(hard_weight=self.hard_weight, soft_weight=self.soft_weight)
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum is in [0, 1), not {self.momentum}: at 1 the average would never move")

    @property
    def needs_labels(self) -> bool:
        return self.hard_weight > 0

    def losses(self, outputs, labels, teacher, extra, momentum, temperature, hard_weight, soft_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        hard = cross_entropy_terms(outputs["logits"], labels).mean(-1)
        soft = soft_target_terms(outputs["logits"], teacher["logits"], temperature[:, None, None]).mean(-1)
        return hard_weight * hard + soft_weight * soft
