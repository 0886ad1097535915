"""Ensembles of equal networks as one: several runs, each with its peers, in one array."""

import torch
from torch import Tensor

from kdviz.networks.members import Ensemble, together
from kdviz.training.fused import Stacked


class FusedMembers:
    """What :func:`kdviz.members` describes, where its members are of one architecture with a fused form.

    Parameters
    ----------
    networks : list of Ensemble
        One a run, alike but for their weights. What they hold is copied.
    fused : type
        The fused form of the members.
    device : torch.device

    Attributes
    ----------
    parameters, buffers : dict of str to Tensor
        Shape (runs, members, \\*shape), under the names that one member gives them.
    """

    def __init__(self, networks: list[Ensemble], fused: type[Stacked], device: torch.device):
        self.all = fused([member for network in networks for member in network.apart()], device)
        self.students, self.n = len(networks), len(networks[0].head)
        shape = self.students, self.n
        self.parameters = {
            name: weight.detach().unflatten(0, shape).requires_grad_() for name, weight in self.all.parameters.items()
        }
        self.buffers = {name: kept.unflatten(0, shape) for name, kept in self.all.buffers.items()}

    def __call__(
        self, inputs: Tensor, training: bool = False, weights: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Outputs of every run, each of shape (runs, N, ...), as :class:`kdviz.networks.members.Ensemble` names them.

        ``inputs`` have shape (streams, N, ...): the members of a run see the same ones, and so may neighbours.
        """
        weights = {name: weight.flatten(0, 1) for name, weight in (weights or self.parameters).items()}
        found = self.all(inputs, training, weights)
        features, logits = (found[name].unflatten(0, (self.students, self.n)) for name in ("features", "logits"))
        return together(features.unbind(1), logits.unbind(1))

    def stacked(self) -> dict[str, Tensor]:
        """Its parameters, each of shape (runs, ...)."""
        return self.parameters

    def state_of(self, student: int) -> dict[str, Tensor]:
        """A copy of one run's weights and buffers, on the CPU, as its ensemble names them."""
        state = {}
        for i in range(self.n):
            for name, kept in self.all.state_of(student * self.n + i).items():
                head = name.startswith("head.")
                state[f"head.{i}.{name.removeprefix('head.')}" if head else f"members.{i}.{name}"] = kept
        return state
