"""Reverse KL: the student's own probabilities weigh how far it is from the teacher."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kdviz.measures.mixture import kl_to_mixture
from kdviz.objectives.labels import cross_entropy_terms, log_softmax
from kdviz.objectives.soft_targets import SoftTargets


@dataclass(frozen=True)
class ReverseKL(SoftTargets):
    r"""As :class:`SoftTargets`, with the two distributions exchanged (Gu et al. 2023, MiniLLM, section 2.1).

    .. math:: T^2 \, \mathrm{KL}(\mathrm{softmax}(z / T) \,\|\, \mathrm{softmax}(v / T))

    summed over classes and averaged over examples; z are the student's logits, v the teacher's. The factor T² is that
    of :class:`SoftTargets`, for the gradient falls as 1/T² here, too. The paper has T = 1 and no factor. What the
    teacher rules out costs most, what the student leaves out costs little.

    Parameters
    ----------
    teacher, temperature, hard_weight, soft_weight
        As those of :class:`SoftTargets`; the logits of every class are finite.
    """

    takes_top_k = False

    @staticmethod
    def losses(outputs, labels, teacher, extra, temperature, hard_weight, soft_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        hard = cross_entropy_terms(outputs["logits"], labels).mean(-1)
        q, p = (log_softmax(net["logits"] / temperature[:, None, None]) for net in (outputs, teacher))
        soft = kl_to_mixture(q, p, torch.ones_like(temperature)[:, None, None]).sum(-1).mean(-1)
        return hard_weight * hard + soft_weight * temperature**2 * soft
