"""Correlation as the loss: probabilities need only rise and fall with the teacher's."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from kdviz.arguments import number
from kdviz.measures.checks import check_temperature
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import Objective, check_weights
from kdviz.objectives.soft_targets import as_teacher

SMALL = 1e-8  # added to a product of lengths, as in the authors' code: rows without spread have a correlation of 0


def pearson(a: Tensor, b: Tensor, dim: int) -> Tensor:
    """Pearson correlation of ``a`` and ``b`` along a dimension, which is dropped; 0 where one of them is constant.

    Parameters
    ----------
    a, b : Tensor, of one shape
    dim : int
    """
    a, b = (x - x.mean(dim, keepdim=True) for x in (a, b))
    return (a * b).sum(dim) / (a.norm(dim=dim) * b.norm(dim=dim) + SMALL)


def dist_terms(student_logits: Tensor, teacher_logits: Tensor, temperature: float | Tensor) -> tuple[Tensor, Tensor]:
    r"""The two losses of DIST, each of shape (...), unchecked; with p and q softened by T, the teacher's and student's.

    .. math:: T^2 \Bigl(1 - \frac1N \sum_n \rho(q_{n\cdot}, p_{n\cdot})\Bigr), \qquad
              T^2 \Bigl(1 - \frac1C \sum_c \rho(q_{\cdot c}, p_{\cdot c})\Bigr)

    with Pearson's correlation ρ: the first over an example's C classes (*inter-class*), the second over a class's N
    examples in the batch (*intra-class*); Huang et al. 2022, section 4, and T² as in their code.

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (..., N, C)
    temperature : float, or Tensor of shape (students, 1, 1) for logits of shape (students, N, C)
    """
    q, p = (student_logits / temperature).softmax(-1), (teacher_logits / temperature).softmax(-1)
    apart = [1 - pearson(q, p, dim).mean(-1) for dim in (-1, -2)]
    squared = temperature.square().flatten() if isinstance(temperature, Tensor) and temperature.ndim else temperature**2
    return tuple(squared * each for each in apart)


@dataclass(frozen=True)
class DIST(Objective):
    """``hard_weight`` · cross entropy + ``inter_weight`` · one correlation loss + ``intra_weight`` · the other.

    See :func:`dist_terms` (Huang et al. 2022, who write α, β and γ). A student's probabilities may be scaled and
    shifted against its teacher's at no cost. Despite the name no correlation *between* classes is compared.

    Parameters
    ----------
    teacher : Recipe, Tensor or array of shape (N, C)
    temperature : float
        Above 0.
    hard_weight, inter_weight, intra_weight : float
        At least 0, and not all 0.
    """

    teacher: Any
    temperature: float = 1.0
    hard_weight: float = 1.0
    inter_weight: float = 1.0
    intra_weight: float = 1.0

    numbers = ("temperature", "hard_weight", "inter_weight", "intra_weight")
    reads = ("logits",)

    def __post_init__(self):
        object.__setattr__(self, "teacher", as_teacher(self.teacher))
        if isinstance(self.teacher, tuple):
            raise ValueError(f"DIST has one teacher, not {len(self.teacher)}: SoftTargets averages several")
        for name in self.numbers:
            object.__setattr__(self, name, number(name, getattr(self, name)))
        object.__setattr__(self, "temperature", check_temperature(self.temperature))
        check_weights(**{name: getattr(self, name) for name in self.numbers[1:]})

    @property
    def needs_labels(self) -> bool:
        return self.hard_weight > 0

    def losses(self, outputs, labels, teacher, extra, temperature, hard_weight, inter_weight, intra_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        hard = cross_entropy_terms(outputs["logits"], labels).mean(-1)
        inter, intra = dist_terms(outputs["logits"], teacher["logits"], temperature[:, None, None])
        return hard_weight * hard + inter_weight * inter + intra_weight * intra
