"""How gradients change weights: AdamW and SGD on lists of tensors, each a few kernels for all of them."""

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from kdviz.recipes.schedules import SGD


class Update:
    """The optimizer of an array, with what it remembers of each weight.

    Parameters
    ----------
    optimizer : AdamW or SGD
    weights : dict of str to Tensor
        What is trained, changed in place.
    weight_decay : float
    """

    def __init__(self, optimizer, weights: dict[str, Tensor], weight_decay: float):
        self.optimizer, self.weights, self.decay = optimizer, [*weights.values()], weight_decay
        self.plain = isinstance(optimizer, SGD)
        self.first = [torch.zeros_like(weight) for weight in self.weights]
        self.second = [] if self.plain else [torch.zeros_like(weight) for weight in self.weights]
        self.counts = [torch.zeros((), dtype=torch.float32, device=weight.device) for weight in self.weights]

    @property
    def moments(self) -> dict[str, list[Tensor]]:
        """What a checkpoint keeps, by name, in the order of the weights."""
        return {"first_moment": self.first} | ({} if self.plain else {"second_moment": self.second})

    @torch.no_grad()
    def __call__(self, gradients: list[Tensor], rate: Tensor) -> None:
        """One step; ``rate`` has shape ()."""
        if self.plain:
            self._descend(gradients, rate)
            return
        laid_out = [  # as the weights: the fused kernel needs it
            gradient if gradient.stride() == weight.stride() else torch.empty_like(weight).copy_(gradient)
            for gradient, weight in zip(gradients, self.weights, strict=True)
        ]
        adamw(
            self.weights, laid_out, self.first, self.second, [], self.counts,
            fused=True, capturable=rate.device.type == "cuda", amsgrad=False, beta1=0.9, beta2=0.999, eps=1e-8,
            lr=rate, weight_decay=self.decay, maximize=False,
        )  # fmt: skip

    def _descend(self, gradients: list[Tensor], rate: Tensor) -> None:
        """SGD with momentum as torch.optim has it: the decay is part of the gradient (Sutskever et al. 2013)."""
        gradients = torch._foreach_add(gradients, self.weights, alpha=self.decay)
        torch._foreach_mul_(self.first, self.optimizer.momentum)
        torch._foreach_add_(self.first, gradients)
        ahead = self.first
        if self.optimizer.nesterov:
            ahead = torch._foreach_add(gradients, self.first, alpha=self.optimizer.momentum)
        torch._foreach_sub_(self.weights, torch._foreach_mul(ahead, rate))

    def drop_the_vanishing(self) -> None:
        """Set first moments below 1e-30 to 0.

        Where gradients are 0, as at pixels that are seldom lit, they shrink by 0.9 a step until they are denormal,
        which slows processors down several times; within a segment they cannot get there from 1e-30.
        """
        for moments in self.first:
            moments.masked_fill_(moments.abs() < 1e-30, 0.0)

    def resume(self, step: int) -> None:
        """Go on after ``step`` steps."""
        for count in self.counts:
            count.fill_(step)
