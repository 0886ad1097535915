"""Pseudo-labels: a few images with labels, many without, to which a teacher's answers stand in (Xie et al. 2020)."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kdviz.arguments import share, told
from kdviz.data import Dataset, Description, MixUp, load_described
from kdviz.measures.checks import check_temperature
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import Objective
from kdviz.objectives.soft_targets import soft_target_terms


@dataclass(frozen=True)
class PseudoLabels(Objective):
    r"""The labels of ``labelled``, and for all other examples the teacher's answers: T² KL, or its argmax as a label.

    The loss is the mean of the examples' terms, the same weight for each (Xie et al. 2020, section 2). What is trained
    on holds the labelled examples and the others; labels of the others are never read.

    Parameters
    ----------
    teacher : Recipe
        Trained on ``labelled``, or itself a student of pseudo-labels: the next round.
    labelled : Dataset or Description
        The examples whose labels are known.
    hard : bool
        Whether the teacher's argmax is the label; else its softened probabilities are.
    confident : float
        Examples of whose answer the teacher is less sure than this probability do not count.
    balanced : bool
        Whether the classes present in a batch weigh the same together: the paper drops and repeats images until each
        class has as many, which comes to the same over many batches.
    clean : bool
        Whether the teacher answers the image as it is, once, whatever augmentation changes for the student.
    temperature : float
        Of soft answers.
    """

    teacher: Any
    labelled: Description
    hard: bool = False
    confident: float = 0.0
    balanced: bool = False
    clean: bool = True
    temperature: float = 1.0

    numbers = ("confident", "temperature")
    stated = ("labelled",)
    reads = ("logits",)

    def __post_init__(self):
        if isinstance(self.labelled, Dataset):
            object.__setattr__(self, "labelled", self.labelled.description)
        if not isinstance(self.labelled, Description):
            said = told(self.labelled)
            raise ValueError(f"labelled is a data set, such as kd.load('mnist').take(100, seed=0), not {said}")
        object.__setattr__(self, "confident", share("confident", self.confident))
        object.__setattr__(self, "temperature", check_temperature(self.temperature))
        for name in ("hard", "balanced", "clean"):
            if getattr(self, name) not in (True, False):
                raise ValueError(f"{name} is True or False, not {getattr(self, name)!r}")

    def check(self, recipe: Any) -> None:
        """Raise ValueError where labelled and unlabelled examples are not of one data set, or would be mixed."""
        if recipe.data.name != self.labelled.name:
            raise ValueError(
                f"labelled are examples of {self.labelled.name}, trained on are those of {recipe.data.name}"
            )
        several = recipe.augment if isinstance(recipe.augment, tuple) else (recipe.augment,)
        if any(isinstance(each, MixUp) for each in several):
            raise ValueError("each example has its own answer here: MixUp leaves no example by itself")

    def state(self, student, teacher, labels, rows) -> dict[str, Tensor]:
        """Whether the label of each example of the full training set is known."""
        known = torch.zeros(len(labels), dtype=torch.bool)
        known[load_described(self.labelled).rows] = True
        return {"known": known}

    def losses(self, outputs, labels, teacher, extra, confident, temperature) -> Tensor:
        """See :meth:`Objective.losses`."""
        known = extra["known"].gather(-1, extra["rows"])
        logits, answers = outputs["logits"], teacher["logits"]
        stand_in = torch.where(known, labels, answers.argmax(-1))
        terms = cross_entropy_terms(logits, stand_in)
        if not self.hard:
            terms = torch.where(known, terms, soft_target_terms(logits, answers, temperature[:, None, None]))
        weights = (known | (answers.softmax(-1).amax(-1) >= confident[:, None])).to(terms.dtype)
        if self.balanced:
            of_class = torch.zeros(*labels.shape[:-1], logits.shape[-1], dtype=terms.dtype, device=terms.device)
            of_class.scatter_add_(-1, stand_in, weights)
            weights = weights / of_class.gather(-1, stand_in).clamp(min=1)
        return (weights * terms).sum(-1) / weights.sum(-1).clamp(min=torch.finfo(terms.dtype).tiny)
