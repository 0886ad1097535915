"""Deep mutual learning: peers that train together, each taught by the answers of the others."""

from dataclasses import dataclass
from math import log
from typing import Any

import torch
from torch import Tensor

from kdviz.arguments import number, told
from kdviz.objectives.labels import cross_entropy_terms, log_softmax
from kdviz.objectives.objective import Objective, check_weights
from kdviz.objectives.soft_targets import soft_target_terms, within_reach

LISTENS = "each", "mean"


@dataclass(frozen=True)
class MutualLearning(Objective):
    r"""Of the peers of a :func:`kdviz.members`, ``hard_weight`` · cross entropy + ``soft_weight`` · the others' loss.

    .. math:: \frac{1}{K - 1} \sum_{l \ne k} T^2 \, \mathrm{KL}(p_l \,\|\, p_k)

    for peer k of K, with p softened by T (Zhang et al. 2018, equation 8, at T = 1); summed over the peers. No gradient
    flows into the peer that teaches. The paper updates one peer after another; here all take their step at once.

    Parameters
    ----------
    temperature, hard_weight, soft_weight : float
        As in :class:`kdviz.objectives.SoftTargets`. A ``soft_weight`` of 0 trains the same nets independently.
    listens : {"each", "mean"}
        To each of the others, as above, or to their mean probabilities, taken at T = 1 and softened after (the
        paper's equation 9, at T = 1). There the two losses differ by a constant and have one gradient.
    """

    temperature: float = 1.0
    hard_weight: float = 1.0
    soft_weight: float = 1.0
    listens: str = "each"

    numbers = ("temperature", "hard_weight", "soft_weight")

    def __post_init__(self):
        for name in ("hard_weight", "soft_weight"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        object.__setattr__(self, "temperature", within_reach(self.temperature))
        check_weights(hard_weight=self.hard_weight, soft_weight=self.soft_weight)
        if self.listens not in LISTENS:
            raise ValueError(f"peers listen to 'each' of the others or to their 'mean', not to {told(self.listens)}")

    @property
    def needs_labels(self) -> bool:
        return self.hard_weight > 0

    def check(self, recipe: Any) -> None:
        """Raise ValueError unless the model has peers."""
        if getattr(recipe.model, "n", 1) < 2:
            raise ValueError(f"peers are members: kd.members({recipe.model}, 2), not one network")

    def losses(self, outputs, labels, teacher, extra, temperature, hard_weight, soft_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        peers = [outputs[name] for name in numbered("logits", outputs)]
        T, losses = temperature[:, None, None], 0
        for k, mine in enumerate(peers):
            others = [peer.detach() for place, peer in enumerate(peers) if place != k]
            if self.listens == "mean" and len(others) > 1:
                others = [torch.stack([log_softmax(other) for other in others]).logsumexp(0) - log(len(others))]
            soft = sum(soft_target_terms(mine, other, T).mean(-1) for other in others) / len(others)
            losses = losses + hard_weight * cross_entropy_terms(mine, labels).mean(-1) + soft_weight * soft
        return losses


def numbered(what: str, outputs: Any) -> list[str]:
    """The names "``what`` 1", "``what`` 2", … of outputs, in their order."""
    count = sum(name.startswith(f"{what} ") for name in outputs)
    return [f"{what} {i}" for i in range(1, count + 1)]
