"""Similarity-preserving distillation: which examples of a batch are alike."""

from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from kdviz.arguments import number
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import Objective, check_weights


def similarity_terms(ours: Tensor, theirs: Tensor) -> Tensor:
    r"""How differently two layers find the examples of a batch alike (Tung and Mori 2019, equations 2 to 4).

    .. math:: \frac{1}{N^2} \| G_T - G_S \|_F^2, \qquad G = \text{rows of } Q Q^\top \text{, each of length 1}

    with a row of Q for each example. Both Grams have shape (N, N), so the layers may have any two sizes.

    Parameters
    ----------
    ours, theirs : Tensor, shape (..., N, D) and (..., N, E)

    Returns
    -------
    Tensor, shape (...)
    """
    gap = F.normalize(ours @ ours.mT, dim=-1) - F.normalize(theirs @ theirs.mT, dim=-1)
    return gap.square().mean((-2, -1))


@dataclass(frozen=True)
class SimilarityPreserving(Objective):
    """``hard_weight`` · cross entropy with the labels + ``similarity_weight`` · :func:`similarity_terms` of a layer.

    It brings no weights of its own and asks for no equal sizes, neither of channels nor of positions.

    Parameters
    ----------
    teacher : Recipe
    hard_weight, similarity_weight : float
        At least 0, and not both 0; the paper has 3,000 for ``similarity_weight``.
    layer : str
        Of student and teacher, all but its first axis flattened.
    """

    teacher: Any
    hard_weight: float = 1.0
    similarity_weight: float = 3000.0
    layer: str = "features"

    numbers = ("hard_weight", "similarity_weight")

    def __post_init__(self):
        for name in self.numbers:
            object.__setattr__(self, name, number(name, getattr(self, name)))
        check_weights(hard_weight=self.hard_weight, similarity_weight=self.similarity_weight)

    @property
    def needs_labels(self) -> bool:
        return self.hard_weight > 0

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.layer,)

    def losses(self, outputs, labels, teacher, extra, hard_weight, similarity_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        apart = similarity_terms(outputs[self.layer].flatten(2), teacher[self.layer].flatten(2))
        return hard_weight * cross_entropy_terms(outputs["logits"], labels).mean(-1) + similarity_weight * apart
