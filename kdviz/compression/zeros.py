"""Single weights set to 0, wherever they stand: what is called unstructured pruning (Han et al. 2015)."""

import copy

import torch
from torch import nn

from kdviz.arguments import number


@torch.no_grad()
def without_smallest(network: nn.Module, share: float) -> nn.Module:
    """A copy of a network in which the smallest ``share`` of each layer's weights is 0; biases stay.

    The tensors keep their shape: a processor multiplies the zeros too.

    Parameters
    ----------
    network : Module
    share : float
        In [0, 1).
    """
    share = number("share", share)
    if not 0 <= share < 1:
        raise ValueError(f"share is of the weights that become 0, in [0, 1), not {share}")
    network = copy.deepcopy(network)
    for weight in network.parameters():
        if weight.ndim > 1:
            smallest = weight.abs().flatten().argsort(stable=True)[: round(share * weight.numel())]
            weight.view(-1)[smallest] = 0.0
    return network
