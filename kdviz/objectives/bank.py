"""Contrastive distillation as its authors run it: negatives from a memory bank."""

import math
import operator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz.objectives.contrastive import Contrastive, embedded
from kdviz.objectives.contrastive_soft import ContrastiveSoftTargets
from kdviz.objectives.labels import cross_entropy_terms

SIDES = "student", "teacher"


@dataclass(frozen=True)
class ContrastiveBank(Contrastive):
    r"""CRD with the memory bank of the authors' code (Tian et al. 2019, section 3 and their repository).

    Two banks keep a vector of length 1 for each training example, one of the student's side and one of the teacher's.
    An anchor meets its own and ``negatives`` vectors, drawn among examples of other classes, of the other side's bank.
    Both are constants: the gradient reaches the anchor alone, so a step moves the student half as far as
    :class:`Contrastive` does at the same weight. Z is the mean of :math:`e^{g_T \cdot g_S / \tau}` over the first
    batch, once for each side. After each batch its vectors move a share 1 − ``momentum`` towards the new ones.

    Parameters
    ----------
    teacher, hard_weight, contrastive_weight, tau, dimensions
        As in :class:`Contrastive`.
    negatives : int
        K; the paper's 16,384 on CIFAR-100's 50,000 images.
    momentum : float
        In [0, 1); the paper's 0.5.
    """

    teacher: Any
    negatives: int = 16384
    momentum: float = 0.5

    numbers = ("hard_weight", "contrastive_weight", "tau", "momentum")

    def __post_init__(self):
        super().__post_init__()
        if len(self.teachers) != 1:
            raise ValueError(f"a memory bank is of one teacher, not of {len(self.teachers)}: Contrastive takes several")
        object.__setattr__(self, "negatives", operator.index(self.negatives))
        if self.negatives < 1 or not 0 <= self.momentum < 1:
            raise ValueError(
                f"negatives must be at least 1, momentum in [0, 1), not {self.negatives} and {self.momentum}"
            )

    def state(self, student, teacher, labels, rows) -> dict[str, Tensor]:
        """Banks (examples, D), log Z of each side, and the examples by class, with where each class ends."""
        counts = torch.bincount(labels[rows], minlength=int(labels.max()) + 1)
        if (counts > 0).sum() < 2:
            raise ValueError("contrast needs training examples of two classes at least")
        bound = (3 / self.dimensions) ** 0.5
        kept = {f"bank.{side}": torch.empty(len(labels), self.dimensions).uniform_(-bound, bound) for side in SIDES}
        by_class = torch.zeros(len(labels), dtype=torch.int64)  # as long for students of fewer examples
        by_class[: len(rows)] = rows[labels[rows].argsort(stable=True)]
        kept |= {f"log_z.{side}": torch.full((), float("nan")) for side in SIDES}
        return kept | {"by_class": by_class, "ends": counts.cumsum(0)}

    def drawn(self, labels: Tensor, extra: dict[str, Tensor]) -> Tensor:
        """Each example itself and K of other classes, as places in the training set, shape (students, N, 1 + K)."""
        ends = extra["ends"]
        end = ends.gather(1, labels)[..., None]
        begin = torch.where(labels > 0, ends.gather(1, (labels - 1).clamp(0)), 0)[..., None]
        others = ends[:, None, -1:] - (end - begin)
        chosen = (torch.rand(*labels.shape, self.negatives, device=labels.device) * others).long().minimum(others - 1)
        chosen = chosen + (chosen >= begin) * (end - begin)  # the class's own block is left out
        negatives = extra["by_class"].gather(1, chosen.flatten(1)).view_as(chosen)
        return torch.cat([extra["rows"][..., None], negatives], -1)

    def losses(self, outputs, labels, teacher, extra, hard_weight, contrastive_weight, tau, momentum) -> Tensor:
        """See :meth:`Objective.losses`."""
        places, total = self.drawn(labels, extra), 0
        of_student = len(extra["bank.teacher"][0]) * torch.arange(len(labels), device=labels.device)[:, None, None]
        rows = (of_student + places).flatten()  # of all banks one under the other: whole rows are copied
        for side, other, net in (("student", "teacher", outputs), ("teacher", "student", teacher)):
            anchors = embedded(net["features"], side, extra)
            met = extra[f"bank.{other}"].flatten(0, 1).index_select(0, rows).view(*places.shape, -1)
            scores = (met @ anchors[..., None]).squeeze(-1) / tau[:, None, None]
            log_z = extra[f"log_z.{side}"]
            with torch.no_grad():  # of the first batch, and kept
                mean = scores.logsumexp((-2, -1)) - math.log(scores[0].numel())
                log_z.copy_(torch.where(log_z.isnan(), mean, log_z))
            log_odds = scores - log_z[:, None, None] - math.log(self.negatives)
            total = total + (F.softplus(-log_odds[..., 0]) + F.softplus(log_odds[..., 1:]).sum(-1)).mean(-1)
        return hard_weight * cross_entropy_terms(outputs["logits"], labels).mean(-1) + contrastive_weight * total

    def advance(self, extra, outputs, teacher, momentum, **numbers) -> None:
        """See :meth:`Objective.advance`."""
        of_student = torch.arange(len(momentum), device=momentum.device)[:, None]
        for side, net in (("student", outputs), ("teacher", teacher)):
            bank, rows = extra[f"bank.{side}"], extra["rows"]
            moved = torch.lerp(embedded(net["features"], side, extra), bank[of_student, rows], momentum[:, None, None])
            bank[of_student, rows] = F.normalize(moved, dim=-1)


@dataclass(frozen=True)
class ContrastiveBankSoftTargets(ContrastiveSoftTargets, ContrastiveBank):
    """CRD + KD with the memory bank: the loss of :class:`ContrastiveBank` + ``soft_weight`` · soft-target loss.

    Fields as in :class:`ContrastiveBank` and :class:`ContrastiveSoftTargets`.
    """

    numbers = (*ContrastiveBank.numbers, "soft_weight", "temperature")
