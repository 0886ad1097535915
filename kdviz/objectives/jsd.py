"""Generalised Jensen-Shannon divergence: all that lies between forward and reverse KL."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kdviz.measures.mixture import kl_to_mixture
from kdviz.objectives.labels import cross_entropy_terms, log_softmax
from kdviz.objectives.soft_targets import SoftTargets


def jsd_terms(student_logits: Tensor, teacher_logits: Tensor, beta: float | Tensor) -> Tensor:
    r"""The divergence of each example divided by β(1 − β), shape (..., N), at T = 1, unchecked.

    .. math:: \frac{1}{1 - \beta} \mathrm{KL}(p \,\|\, m) + \frac{1}{\beta} \mathrm{KL}(q \,\|\, m), \qquad
              m = \beta p + (1 - \beta) q

    with p the teacher's probabilities and q the student's: β KL(p ‖ m) + (1 − β) KL(q ‖ m) of Agarwal et al. 2023
    (GKD, equation 3), which itself tends to 0 at both ends of β, divided by β(1 − β). So β = 0 is forward KL,
    KL(p ‖ q), and β = 1 reverse KL, exactly; β = 1/2 is four times the Jensen-Shannon divergence.

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (..., N, C)
        Finite.
    beta : float or Tensor that broadcasts to (..., N, C)
        In [0, 1].
    """
    q, p = log_softmax(student_logits), log_softmax(teacher_logits)
    beta = torch.as_tensor(beta, dtype=q.dtype, device=q.device)
    return (kl_to_mixture(p, q, 1 - beta) + kl_to_mixture(q, p, beta)).sum(-1)


@dataclass(frozen=True)
class JSD(SoftTargets):
    r"""As :class:`SoftTargets`, with T² times the generalised JSD of the softened distributions by β(1 − β).

    See :func:`jsd_terms`. TRL and the paper leave out T² and the division: their loss vanishes at β = 0 and 1, where
    they put the two KLs in by hand, and a sweep of β there is a sweep of the loss's size.

    Parameters
    ----------
    teacher, temperature, hard_weight, soft_weight
        As those of :class:`SoftTargets`; the logits of every class are finite.
    beta : float
        In [0, 1]: 0 is :class:`SoftTargets`, 1 is :class:`ReverseKL`.
    """

    beta: float = 0.5

    numbers = (*SoftTargets.numbers, "beta")
    takes_top_k = False

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "beta", float(self.beta))
        if not 0 <= self.beta <= 1:
            raise ValueError(f"beta is a share in [0, 1], not {self.beta}: 0 is forward KL, 1 is reverse KL")

    @staticmethod
    def losses(outputs, labels, teacher, extra, temperature, hard_weight, soft_weight, beta) -> Tensor:
        """See :meth:`Objective.losses`."""
        T = temperature[:, None, None]
        hard = cross_entropy_terms(outputs["logits"], labels).mean(-1)
        soft = jsd_terms(outputs["logits"] / T, teacher["logits"] / T, beta[:, None, None]).mean(-1)
        return hard_weight * hard + soft_weight * temperature**2 * soft
