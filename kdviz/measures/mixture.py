"""The divergence from one distribution to a mixture of it with another."""

import torch
from torch import Tensor


def kl_to_mixture(own: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Of each class: KL(own ‖ m) / share with m = own + share · (other − own), given logarithms; 0 where share is 0.

    Summed as own · (x − log(1 + x)), x = m / own − 1, which is the same since both sum to 1: no term is negative, and
    no small difference of large terms is divided by a small share.
    """
    apart = other - own
    x = share * torch.expm1(apart.clamp(-1, 1))
    near = own.exp() * (x - torch.log1p(x))
    grown = torch.logaddexp(torch.log1p(-share), share.log() + apart)  # log(m / own)
    far = share * (other.exp() - own.exp()) - own.exp() * grown
    divided = torch.where(apart.abs() < 1, near, far) / share.clamp(min=torch.finfo(own.dtype).tiny)
    return torch.where(share > 0, divided, 0.0)
