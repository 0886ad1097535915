"""Optimizers and their learning rates as small descriptions."""

import math
from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True)
class AdamW:
    """AdamW (Loshchilov and Hutter 2019) with one cycle of the rate: linear up to the peak, then half a cosine to 0.

    Parameters
    ----------
    warm_up : float
        The share of the steps that go up, in (0, 1).
    """

    warm_up: float = 0.3

    def __post_init__(self):
        object.__setattr__(self, "warm_up", float(self.warm_up))
        if not 0 < self.warm_up < 1:
            raise ValueError(f"warm_up is a share of the steps between 0 and 1, not {self.warm_up}")

    def rate(self, step: int, steps: int, peak: float, epoch: float) -> float:
        """The learning rate of step 1, 2, …, ``steps``."""
        return one_cycle(step, steps, peak, self.warm_up)


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum, weight decay as part of the gradient.

    Parameters
    ----------
    momentum : float
        In [0, 1).
    nesterov : bool
    milestones : tuple of float, optional
        Epochs after which the rate is multiplied by ``factor``, as in most papers on CIFAR; without them it falls
        as half a cosine to 0 (Loshchilov and Hutter 2017).
    factor : float
        In (0, 1).
    """

    momentum: float = 0.9
    nesterov: bool = False
    milestones: tuple[float, ...] = ()
    factor: float = 0.1

    def __post_init__(self):
        object.__setattr__(self, "milestones", tuple(map(float, self.milestones)))
        for name in ("momentum", "factor"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not (0 <= self.momentum < 1 and 0 < self.factor < 1):
            raise ValueError(f"momentum is in [0, 1), factor in (0, 1), not {self.momentum} and {self.factor}")
        if list(self.milestones) != sorted({*self.milestones}) or min(self.milestones, default=1) <= 0:
            raise ValueError(f"milestones are epochs above 0 that rise, not {self.milestones}")

    def rate(self, step: int, steps: int, peak: float, epoch: float) -> float:
        """The learning rate of step 1, 2, …, ``steps``; ``epoch`` says how many are over before it."""
        if self.milestones:
            return peak * self.factor ** bisect_right(self.milestones, epoch + 1e-9)
        return peak * 0.5 * (1 + math.cos(math.pi * (step - 1) / steps))


ONE_CYCLE = AdamW()


def one_cycle(step: int, steps: int, peak: float, warm_up: float = 0.3) -> float:
    """Linear up to the peak in the first ``warm_up`` share of the steps, then half a cosine to 0."""
    done = step / steps
    if done < warm_up:
        return peak * done / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))
