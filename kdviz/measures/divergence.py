"""The divergence of two softmaxes, without what rounding costs where they are nearly alike."""

import math

import torch
from torch import Tensor

LOG2_E = math.log2(math.e)
# Of a teacher's logits over T, in units of log 2 and less the largest, what is lower has no weight: raised to it, so
# that e^d stays a number.
LEAST = {torch.float64: -1000.0, torch.float32: -115.0}
FURTHEST = -1e20  # of a student's: what −∞ counts as


@torch.no_grad()
def divergence(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float | Tensor = 1.0
) -> tuple[Tensor, Tensor]:
    r"""KL(p ‖ q) of p = softmax(v/T) and q = softmax(z/T), and q − p: all that a soft-target loss and its gradient are.

    With :math:`d = \log q - \log p`, :math:`\sum p (e^d - 1)` is 0, so

    .. math:: \mathrm{KL}(p \| q) = -\sum p \, d = \sum p \, (e^d - 1 - d), \qquad q - p = p \, (e^d - 1)

    where no term is below 0, and nothing of the first order is left to cancel: where student and teacher are nearly
    alike, or T is high, :math:`-\sum p \, d` is little but the rounding of d. Computed in float64; in float32 on a
    device that has no other (MPS).

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (..., N, C), floating
        z and v, unchecked. −∞ masks a class: in the teacher or in both it adds 0, or less than 1e-250. In the student
        alone the divergence is infinite, here a very large number (see :func:`kdviz.measures.checks.check_masks`).
    temperature : float or Tensor
        T; it broadcasts to (..., N, 1).

    Returns
    -------
    divergence : Tensor, shape (..., N)
    difference : Tensor, shape (..., N, C)
        q − p.
    """
    wide = torch.float32 if student_logits.device.type == "mps" else torch.float64
    bits = LOG2_E / (temperature.to(wide) if isinstance(temperature, Tensor) else temperature)
    bits = bits.mT if isinstance(bits, Tensor) and bits.ndim > 1 else bits
    student, teacher = _scaled(student_logits, bits, wide, FURTHEST), _scaled(teacher_logits, bits, wide, LEAST[wide])
    growth = student.exp2()
    of_student = growth.sum(-2, keepdim=True)
    d = student.sub_(teacher).mul_(1 / LOG2_E)
    p = teacher.exp2_()
    of_teacher = p.sum(-2, keepdim=True)
    d.sub_((of_student / of_teacher).log_())
    torch.expm1(d, out=growth)
    terms = torch.sub(growth, d, out=d).mul_(p).sum(-2, keepdim=True).div_(of_teacher).squeeze(-2)
    return terms, growth.mul_(p).div_(of_teacher).mT


def _scaled(logits: Tensor, bits: float | Tensor, wide: torch.dtype, lowest: float) -> Tensor:
    """Logits over T less their largest, in units of log 2, and at least ``lowest``, shape (..., C, N).

    Classes come last but one, for sums over a last dimension of ten or so take several times as long; for the same
    reason everything here is in place, and exp2 stands for exp.
    """
    scaled = logits.mT.to(wide, copy=True, memory_format=torch.contiguous_format).mul_(bits)
    return scaled.sub_(scaled.amax(-2, keepdim=True)).clamp_(min=lowest)
