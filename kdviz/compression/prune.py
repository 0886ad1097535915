"""Neurons that go while the network learns (Liang et al. 2023, HomoDistil)."""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from kdviz.compression.compression import Compression
from kdviz.networks import CNN, MLP

SCORES = ("sensitivity", "platon", "magnitude", "random")
OF_SENSITIVITY, OF_UNCERTAINTY = 0.85, 0.95  # what PLATON's means keep a step (Zhang et al. 2022, their code's README)


@dataclass(frozen=True)
class Prune(Compression):
    """Take neurons out of the hidden layers of an MLP, channels out of a CNN too, until a share of each is left.

    After each step a layer keeps its best neurons, of ``n`` the nearest whole number to k + (n - k)(1 - p)³, where
    k is ``keep`` · n and p goes from 0 at ``begin`` to 1 at ``end`` (Zhu and Gupta 2017). What is gone stays gone,
    and the run ends with the smaller network: :attr:`kdviz.Run.model`.

    A neuron is worth the sum over its weights: those that come in, its bias and those that go out.

    Parameters
    ----------
    keep : float
        The share of each hidden layer's neurons that is left at the end, in (0, 1]; at least one neuron is.
    score : {"sensitivity", "platon", "magnitude", "random"}
        What a weight θ is worth: ``"sensitivity"`` |θ ∂L/∂θ| in this step's batch; ``"platon"`` its moving mean times
        that of its distance from the mean (Zhang et al. 2022); ``"magnitude"`` |θ|. With
        ``"random"`` each neuron's place in the row is drawn once, with the student's seed.
    begin, end : float
        Shares of the steps, 0 ≤ begin ≤ end ≤ 1. Where they are one, all that goes goes at once: after the first
        step by which that share is done.

    Raises
    ------
    ValueError
        Shares or a score that are none; in a recipe, a network that is neither MLP nor CNN, or a frozen one.
    """

    keep: float
    score: str = "sensitivity"
    begin: float = 0.1
    end: float = 0.7

    def __post_init__(self):
        for name in ("keep", "begin", "end"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep is the share of neurons that is left, in (0, 1], not {self.keep}")
        if self.score not in SCORES:
            raise ValueError(f"score is one of {', '.join(SCORES)}, not {self.score!r}")
        if not 0 <= self.begin <= self.end <= 1:
            raise ValueError(f"begin and end are shares of the steps, 0 ≤ begin ≤ end ≤ 1: {self.begin}, {self.end}")

    def __str__(self) -> str:
        return f"pruned to {self.keep:.3g} by {self.score}"

    def check(self, model, frozen: bool) -> None:
        """See :meth:`Compression.check`."""
        if not isinstance(model, MLP | CNN):
            raise ValueError(f"Prune takes neurons out of an MLP or a CNN, not out of a {type(model).__name__}")
        if frozen:
            raise ValueError("Prune takes out neurons that are trained: a frozen recipe trains the last layer alone")

    def state(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Which neurons of each hidden layer are alive, shape (neurons,), all of them; and what a score remembers."""
        return self._all_alive({layer: len(weights[f"{layer}.bias"]) for layer, _ in hidden(weights)}, weights)

    def _all_alive(self, units: dict[str, int], weights: dict[str, Tensor]) -> dict[str, Tensor]:
        found, like = {}, next(iter(weights.values()))
        for name, count in units.items():
            found[f"alive/{name}"] = torch.ones(count).to(like)
            if self.score == "random":
                found[f"drawn/{name}"] = torch.rand(count).to(like)
        if self.score == "platon":
            for kept in ("sensitivity", "uncertainty"):
                found |= {f"{kept}/{name}": torch.zeros_like(weight) for name, weight in weights.items()}
        return found

    def used(self, weights: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights, those into neurons that are gone 0 and their biases too: they answer 0."""
        used = dict(weights)
        for layer, _ in hidden(weights):
            alive = state[f"alive/{layer}"]
            for name in (f"{layer}.weight", f"{layer}.bias"):
                used[name] = weights[name] * alive.view(*alive.shape, *[1] * (weights[name].ndim - 2))
        return used

    def advance(
        self, state: dict[str, Tensor], weights: dict[str, Tensor], gradients: dict[str, Tensor], done: Tensor
    ) -> None:
        """See :meth:`Compression.advance`."""
        worth, waiting = self._worth(state, weights, gradients), (1 - self._progress(done)) ** 3
        for layer, following in hidden(weights):
            alive = state[f"alive/{layer}"]
            units = alive.shape[-1]
            if self.score == "random":
                score = state[f"drawn/{layer}"]
            else:
                leaving = by_neuron(worth[f"{following}.weight"].flatten(2), units).sum((1, 3))
                score = worth[f"{layer}.weight"].flatten(2).sum(-1) + worth[f"{layer}.bias"] + leaving
            self._let_go(alive, score, waiting)

    def _let_go(self, alive: Tensor, score: Tensor, waiting: Tensor) -> None:
        """Keep the best of what is alive, shape (students, units), as many as the share ``waiting`` to go says."""
        units = alive.shape[-1]
        place = score.masked_fill(alive == 0, -1.0).argsort(dim=-1, descending=True, stable=True).argsort(-1)
        left = max(1, round(self.keep * units))
        alive.copy_(place < (left + (units - left) * waiting).round())

    def _progress(self, done: Tensor) -> Tensor:
        if self.begin == self.end:
            return (done >= self.end).to(done.dtype)
        return ((done - self.begin) / (self.end - self.begin)).clamp(0, 1)

    def _worth(self, state: dict[str, Tensor], weights: dict[str, Tensor], gradients: dict[str, Tensor]) -> dict:
        """What each weight is worth; those into neurons that are gone, nothing."""
        if self.score == "random":
            return {}
        used = self.used(weights, state)
        if self.score == "magnitude":
            return {name: weight.abs() for name, weight in used.items()}
        worth = {name: (weight * gradients[name]).abs() for name, weight in used.items()}
        if self.score == "platon":
            for name, sensitivity in worth.items():
                mean, uncertainty = state[f"sensitivity/{name}"], state[f"uncertainty/{name}"]
                mean.lerp_(sensitivity, 1 - OF_SENSITIVITY)
                uncertainty.lerp_((sensitivity - mean).abs(), 1 - OF_UNCERTAINTY)
                worth[name] = mean * uncertainty
        return worth

    def finished(self, model, weights: dict[str, Tensor], state: dict[str, Tensor]) -> tuple:
        """The network without the neurons that are gone, and its weights."""
        cut, sizes = dict(weights), []
        for layer, following in hidden(weights):
            alive = state[f"alive/{layer}"] > 0
            sizes.append(int(alive.sum()))
            for name in (f"{layer}.weight", f"{layer}.bias"):
                cut[name] = cut[name][alive]
            leaving = cut[f"{following}.weight"]
            left = by_neuron(leaving.flatten(1), len(alive))[:, alive]
            cut[f"{following}.weight"] = left.reshape(len(leaving), -1, *leaving.shape[2:])
        if isinstance(model, MLP):
            return replace(model, hidden=tuple(sizes)), cut
        convolutions = len(model.channels)
        return replace(model, channels=tuple(sizes[:convolutions]), hidden=tuple(sizes[convolutions:])), cut


def hidden(weights: dict[str, Tensor]) -> list[tuple[str, str]]:
    """Names of the layers whose neurons can go, each with the layer that follows."""
    return list(pairwise(name.removesuffix(".weight") for name in weights if name.endswith(".weight")))


def by_neuron(leaving: Tensor, units: int) -> Tensor:
    """Weights of a following layer, shape (..., inputs), by the neuron they leave: (..., units, of each).

    A convolution's weights lie so, and where maps are flattened, each channel's positions stand side by side.
    """
    return leaving.unflatten(-1, (units, -1))
