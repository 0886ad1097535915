"""A generalist and its specialists as one teacher."""

from dataclasses import dataclass

from torch import Tensor

from kdviz.data import load_described
from kdviz.measures import with_specialists, without_oversampling
from kdviz.objectives.soft_targets import SoftTargets


@dataclass(frozen=True)
class SpecialistTargets(SoftTargets):
    """:class:`SoftTargets` of what a generalist and its specialists answer together (Hinton et al. 2015, section 5.4).

    Each specialist's rest is corrected for what it was shown more often, and their answers are combined at T = 1 by
    :func:`kdviz.measures.with_specialists`, which asks those that have the generalist's first answer.

    Parameters
    ----------
    teacher : tuple of Recipe
        The generalist, and one or more specialists: trained on data that :meth:`kdviz.data.Dataset.specialise` gave.
    temperature, hard_weight, soft_weight : float
        As in :class:`SoftTargets`.
    """

    takes_top_k = False

    def __post_init__(self):
        super().__post_init__()
        groups = [getattr(getattr(each, "data", None), "group", None) for each in self.teachers]
        if len(groups) < 2 or groups[0] != () or not all(groups[1:]):
            raise ValueError(
                "SpecialistTargets learns from a generalist and specialists, (recipe, recipe, …): each specialist's "
                "data have specialise as their last verb, the generalist's have not"
            )

    def together(self, several: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Their one answer: see :meth:`Objective.together`."""
        first, *others = (each["logits"] for each in several)
        specialists = [recipe.data for recipe in self.teachers[1:]]
        answers = [
            without_oversampling(logits, load_described(data).own_share)
            for logits, data in zip(others, specialists, strict=True)
        ]
        joined = with_specialists(first, answers, [data.group for data in specialists])
        return {"logits": joined.to(first.dtype).to(first.device)}
