"""MixUp: examples and labels between two (Zhang et al. 2018)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class MixUp:
    """λ of each example and 1 − λ of another of its batch, in its labels too (Zhang et al. 2018, equation 1).

    λ is drawn for each example from Beta(``alpha``, ``alpha``), where the authors' code draws one for a batch; each
    example is one other's partner.

    Parameters
    ----------
    alpha : float
        Above 0; the larger, the more even the mixture.
    """

    alpha: float

    def __post_init__(self):
        object.__setattr__(self, "alpha", float(self.alpha))
        if not 0 < self.alpha < float("inf"):
            raise ValueError(f"alpha is above 0 and finite, not {self.alpha}: None leaves examples as they are")

    def draw(self, examples: int, generator: torch.Generator) -> Tensor:
        """How far behind each example its partner stands in the batch, and λ, shape (N, 2), float32.

        The partners are a permutation. They are counted from the example, so that batches may stand one after another.
        """
        partner = torch.randperm(examples, generator=generator)
        seed = torch.randint(2**32, (), generator=generator).item()
        share = np.random.RandomState(seed).beta(self.alpha, self.alpha, examples)  # the same in every version of NumPy
        return torch.stack([partner - torch.arange(examples), torch.from_numpy(share)], 1).float()

    def __call__(self, inputs: Tensor, drawn: Tensor) -> Tensor:
        """``inputs`` of shape (N, ...), mixed."""
        if not inputs.is_floating_point():
            raise ValueError(f"{inputs.dtype} cannot be mixed: bytes are made numbers first, tokens have no mixture")
        return _mixed(inputs, drawn)

    def labels(self, onehot: Tensor, drawn: Tensor) -> Tensor:
        """Labels as probabilities, shape (N, C), mixed as the inputs are."""
        return _mixed(onehot, drawn)


def _mixed(examples: Tensor, drawn: Tensor) -> Tensor:
    partner = drawn[:, 0].long() + torch.arange(len(examples), device=examples.device)
    share = drawn[:, 1].to(examples.dtype).view(-1, *[1] * (examples.ndim - 1))
    return share * examples + (1 - share) * examples.index_select(0, partner)
