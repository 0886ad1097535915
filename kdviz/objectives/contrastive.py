"""Contrastive representation distillation: tell an image's own teacher features from those of other images."""

import math
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from kdviz.arguments import number, whole
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import Objective, check_weights
from kdviz.objectives.soft_targets import as_teacher


def contrastive_terms(teacher: Tensor, student: Tensor, labels: Tensor, tau: float | Tensor) -> Tensor:
    r"""The loss of each example as an anchor, once of the teacher and once of the student, shape (..., N).

    .. math:: -\log h(T_i, S_i) - \sum_{j: y_j \ne y_i} \log(1 - h(T_i, S_j)), \qquad
              h(T, S) = \frac{e^{g_T \cdot g_S / \tau} / Z}{e^{g_T \cdot g_S / \tau} / Z + K_i}

    and the same with T and S exchanged (Tian et al. 2019, section 3). :math:`K_i` counts the negatives, the
    examples of the batch that have another label. Z is the mean of :math:`e^{g_T \cdot g_S / \tau}` over all pairs of
    the batch with different labels, taken as a constant. The authors' code draws its 16,384 negatives from a memory
    bank and estimates Z once, from the first batch.

    Parameters
    ----------
    teacher, student : Tensor, shape (..., N, D)
        g_T and g_S, of length 1.
    labels : Tensor, shape (..., N)
    tau : float or Tensor, shape (..., 1, 1)

    Raises
    ------
    ValueError
        Shapes that do not belong together, labels that are no whole numbers, tau that is not above 0.
    """
    if not all(0 < value < float("inf") for value in (tau.flatten().tolist() if isinstance(tau, Tensor) else [tau])):
        raise ValueError(f"tau must be finite and above 0, not {tau}: it divides the scores")
    if teacher.shape != student.shape or labels.shape != teacher.shape[:-1]:
        raise ValueError(
            "teacher and student must both have shape (..., examples, dimensions), labels (..., examples), "
            f"not {tuple(teacher.shape)}, {tuple(student.shape)} and {tuple(labels.shape)}"
        )
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"labels are class indices, int64, not {str(labels.dtype).removeprefix('torch.')}")
    return _terms(teacher, student, labels, tau)


def _terms(teacher: Tensor, student: Tensor, labels: Tensor, tau: float | Tensor) -> Tensor:
    """As above, unchecked: a check of tau would wait for the device."""
    scores = teacher @ student.mT / tau
    other = (labels.unsqueeze(-1) != labels.unsqueeze(-2)).to(scores.dtype)
    counts = other.sum(-1, keepdim=True).clamp(1)
    fixed = scores.detach()
    highest = fixed.amax((-2, -1), keepdim=True)
    pairs = other.sum((-2, -1), keepdim=True).clamp(1)
    mean = ((fixed - highest).exp() * other).sum((-2, -1), keepdim=True) / pairs
    log_odds = scores - (highest + mean.clamp(1e-30).log())

    def of_anchors(log_odds: Tensor) -> Tensor:
        log_odds = log_odds - counts.log()  # log h = −softplus(−log_odds), log(1 − h) = −softplus(log_odds)
        return F.softplus(-log_odds.diagonal(dim1=-2, dim2=-1)) + (F.softplus(log_odds) * other).sum(-1)

    return of_anchors(log_odds) + of_anchors(log_odds.mT)


def embedded(features: Tensor, side: str, extra: dict[str, Tensor]) -> Tensor:
    """Features (students, N, D) of a side, mapped by its own weights in ``extra`` and scaled to length 1."""
    return F.normalize(features @ extra[f"{side}.weight"].mT + extra[f"{side}.bias"].unsqueeze(1), dim=-1)


@dataclass(frozen=True)
class Contrastive(Objective):
    """``hard_weight`` · cross entropy with the labels + ``contrastive_weight`` · contrastive loss (CRD).

    Two linear maps, trained along and dropped, take the features before the last layer of teacher and student to
    ``dimensions`` numbers, scaled to length 1; then :func:`contrastive_terms` (Tian et al. 2019), averaged over the
    batch. The weights are those of the paper's code. Of several teachers the contrastive losses are summed, each with
    two maps of its own (the paper's ensemble distillation): twice the teachers, twice the weight.

    Parameters
    ----------
    teacher : Recipe, or tuple of Recipe
    hard_weight, contrastive_weight : float
        At least 0, and not both 0.
    tau : float
        Temperature of the critic, above 0.
    dimensions : int
    """

    teacher: Any
    hard_weight: float = 1.0
    contrastive_weight: float = 0.8
    tau: float = 0.07
    dimensions: int = 128

    numbers = ("hard_weight", "contrastive_weight", "tau")
    reads = ("features",)

    def __post_init__(self):
        object.__setattr__(self, "teacher", as_teacher(self.teacher))
        for name in self.numbers:
            object.__setattr__(self, name, number(name, getattr(self, name)))
        object.__setattr__(self, "dimensions", whole("dimensions", self.dimensions, -math.inf))
        check_weights(hard_weight=self.hard_weight, contrastive_weight=self.contrastive_weight)
        if not 0 < self.tau < float("inf") or self.dimensions < 1:
            raise ValueError(
                f"tau must be finite and above 0, dimensions at least 1, not {self.tau} and {self.dimensions}"
            )

    @property
    def teachers(self) -> tuple:
        return self.teacher if isinstance(self.teacher, tuple) else (self.teacher,)

    @property
    def _places(self) -> list[str]:
        """What stands after "features" in the outputs of several teachers."""
        return [f" {i}" for i in range(len(self.teachers))] if len(self.teachers) > 1 else [""]

    def extra(self, student: dict[str, Tensor], teacher: dict[str, Tensor]) -> dict[str, Tensor]:
        maps = {
            f"{name}{place}": nn.Linear(features.shape[1], self.dimensions)
            for place in self._places
            for name, features in (("student", student["features"]), ("teacher", teacher[f"features{place}"]))
        }
        return {f"{name}.{n}": weight for name, layer in maps.items() for n, weight in layer.state_dict().items()}

    def losses(self, outputs, labels, teacher, extra, hard_weight, contrastive_weight, tau) -> Tensor:
        """See :meth:`Objective.losses`."""
        contrast = 0.0
        for place in self._places:
            mine = embedded(outputs["features"], f"student{place}", extra)
            theirs = embedded(teacher[f"features{place}"], f"teacher{place}", extra)
            contrast = contrast + _terms(theirs, mine, labels, tau[:, None, None]).mean(-1)
        return hard_weight * cross_entropy_terms(outputs["logits"], labels).mean(-1) + contrastive_weight * contrast
