"""Any network by itself: the module as it is, with its buffers, called as :class:`kdviz.training.fused.Fused` is."""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from kdviz.networks import in_training_precision


class Alone:
    """A single student whose network has no fused form.

    Images lie channels-last, and products are of bfloat16 where torch's own switch says ``medium``.

    Parameters
    ----------
    networks : list of Module
        One network; what it holds is trained in place.
    device : torch.device

    Attributes
    ----------
    parameters, buffers : dict of str to Tensor
        The module's own, without an axis of students.
    """

    students = 1

    def __init__(self, networks: list[nn.Module], device: torch.device):
        (self.module,) = networks
        self.module.to(device, torch.get_default_dtype(), memory_format=torch.channels_last)
        self.parameters, self.buffers = dict(self.module.named_parameters()), dict(self.module.named_buffers())

    def __call__(
        self, inputs: Tensor, training: bool = False, weights: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Outputs, each of shape (1, N, ...), for ``inputs`` of shape (1, N, ...); with other ``weights`` than its own.

        In training, BatchNorm and its kind update their buffers. ``weights`` are as :meth:`stacked` gives them.
        """
        if self.module.training != training:
            self.module.train(training)
        called = (
            (lambda x: functional_call(self.module, {n: w[0] for n, w in weights.items()}, (x,)))
            if weights
            else self.module
        )
        return {name: output.unsqueeze(0) for name, output in in_training_precision(called, inputs[0]).items()}

    def stacked(self) -> dict[str, Tensor]:
        """Its parameters, each of shape (1, ...)."""
        return {name: weight.unsqueeze(0) for name, weight in self.parameters.items()}

    def state_of(self, student: int) -> dict[str, Tensor]:
        """A copy of its weights and buffers, on the CPU, as the module names them."""
        return {name: kept.detach().cpu().clone() for name, kept in self.module.state_dict().items()}
