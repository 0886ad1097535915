"""Strided networks of one architecture as one, their norms and exits among them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdviz.networks.strided import StridedNetwork
from kdviz.training.fused import Stacked


class FusedStrided(Stacked):
    """What :func:`kdviz.strided` describes: convolutions of all students side by side, each channel with its own norm.

    Parameters
    ----------
    networks : list of StridedNetwork
        As for :class:`kdviz.training.fused.Stacked`.
    device : torch.device
    """

    def __init__(self, networks: list[StridedNetwork], device: torch.device):
        super().__init__(networks, device)
        first = networks[0]
        self.stages, self.bottlenecks, self.dropout = first.stages, first.bottlenecks, first.dropout
        self.layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format  # what is faster there

    def __call__(
        self, inputs: Tensor, training: bool = False, weights: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Outputs of every student, as :meth:`kdviz.training.fused.Fused.__call__` gives them.

        In training, the norms update their buffers.
        """
        weights = weights or self.parameters
        x, outputs = inputs.transpose(0, 1).flatten(1, 2).contiguous(memory_format=self.layout), {}
        for i, stage in enumerate(self.stages):
            x = self._block(f"stages.{i}", stage, x, weights, training)
            outputs[f"map {i + 1}"] = x.unflatten(1, (self.students, -1)).transpose(0, 1)
            if i + 1 == len(self.stages):
                outputs |= self._classified(x, "head", "", weights, training)
            elif self.bottlenecks:
                early = self._block(f"bottlenecks.{i}", self.bottlenecks[i], x, weights, training)
                outputs |= self._classified(early, f"early_heads.{i}", f" {i + 1}", weights, training)
        return outputs

    def _block(self, name: str, block: nn.Sequential, x: Tensor, weights: dict[str, Tensor], training: bool) -> Tensor:
        """Convolution, norm and ReLU."""
        convolution, norm, _ = block
        x = self._convolution(f"{name}.0", convolution, x, weights)
        kept = [self.buffers[f"{name}.1.running_{what}"].view(-1) for what in ("mean", "var")]  # updated in place
        scale = [weights[f"{name}.1.{what}"].flatten() for what in ("weight", "bias")]
        if training:
            self.buffers[f"{name}.1.num_batches_tracked"].add_(1)
        return F.relu(F.batch_norm(x, *kept, *scale, training, norm.momentum, norm.eps))

    def _classified(
        self, x: Tensor, head: str, named: str, weights: dict[str, Tensor], training: bool
    ) -> dict[str, Tensor]:
        features = x.reshape(len(x), self.students, -1).transpose(0, 1)
        features = F.dropout(features, self.dropout, training)
        logits = self._product(head, features.mT.contiguous(), weights).mT
        return {f"features{named}": features, f"logits{named}": logits}
