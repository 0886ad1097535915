"""Be your own teacher: the early exits of a network learn from its deepest one."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from kdviz.arguments import number
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.mutual import numbered
from kdviz.objectives.objective import Objective, check_weights
from kdviz.objectives.soft_targets import soft_target_terms, within_reach


@dataclass(frozen=True)
class OwnExits(Objective):
    r"""Cross entropy of the deepest exit, and for each early exit i three terms, added up (Zhang et al. 2019).

    .. math:: \lambda_h \mathrm{CE}(z_i) + \lambda_s T^2 \, \mathrm{KL}(p \,\|\, p_i)
              + \lambda_f \, \frac{1}{D} \| f_i - f \|^2

    with p the deepest exit's softened probabilities and f its features, both without gradient: the deepest exit teaches
    and is not taught. The paper weighs the first by 1 − α and the second by α, and does not divide the third by the D
    units of a layer. With ``soft_weight`` and ``hint_weight`` 0 all exits learn from labels alone.

    Parameters
    ----------
    temperature, hard_weight, soft_weight : float
        Of the early exits; as in :class:`kdviz.objectives.SoftTargets`.
    hint_weight : float
        Of the third term; the network's ``features i`` are as wide as its ``features``.
    """

    temperature: float = 3.0
    hard_weight: float = 1.0
    soft_weight: float = 1.0
    hint_weight: float = 0.0

    numbers = ("temperature", "hard_weight", "soft_weight", "hint_weight")

    def __post_init__(self):
        weights = self.numbers[1:]
        for name in weights:
            object.__setattr__(self, name, number(name, getattr(self, name)))
        object.__setattr__(self, "temperature", within_reach(self.temperature))
        check_weights(**{name: getattr(self, name) for name in weights})

    def check(self, recipe: Any) -> None:
        """Raise ValueError unless the model has early exits."""
        if not numbered("features", recipe.model.outputs):
            raise ValueError(f"{recipe.model} has no early exits: describe it with exits=True, as kd.strided takes it")

    def losses(self, outputs, labels, teacher, extra, temperature, hard_weight, soft_weight, hint_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        deepest, features = outputs["logits"].detach(), outputs["features"].detach()
        losses = cross_entropy_terms(outputs["logits"], labels).mean(-1)
        for i in range(1, len(numbered("logits", outputs)) + 1):
            mine = outputs[f"logits {i}"]
            soft = soft_target_terms(mine, deepest, temperature[:, None, None]).mean(-1)
            hint = (outputs[f"features {i}"] - features).square().mean((-2, -1))
            hard = cross_entropy_terms(mine, labels).mean(-1)
            losses = losses + hard_weight * hard + soft_weight * soft + hint_weight * hint
        return losses
