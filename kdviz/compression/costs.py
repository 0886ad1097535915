"""What networks cost side by side: multiplications counted, weights, bytes and time measured."""

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor, nn

from kdviz.arguments import mapping
from kdviz.compression.serving import milliseconds, packed
from kdviz.networks import operations


@torch.no_grad()
def multiplications(network: nn.Module, inputs: Tensor) -> int:
    """How often a network multiplies and adds (MACs) to answer one of ``inputs``, shape (N, ...), as torch counts them.

    Products and convolutions alone; a transposed convolution counts each weight once for each place of its input.

    Raises
    ------
    ValueError
        There is none to count.
    """
    was_training = network.training
    count, _ = operations(network.eval(), inputs[:1])
    network.train(was_training)
    if not count:
        raise ValueError(f"torch finds no product and no convolution to count in this {type(network).__name__}")
    return count // 2


def cost_table(networks: Mapping[str, nn.Module], inputs: Tensor, times: int = 30) -> pd.DataFrame:
    """A network a row: ``multiplications`` for one example, ``weights``, ``file, kB`` and ``time, ms`` for all inputs.

    Parameters
    ----------
    networks : mapping of name to Module
    inputs : Tensor, shape (N, ...)
    times : int
        How often each answers, in turns: the median counts, on one thread.
    """
    nets = mapping("networks", networks, "a module")
    took = milliseconds(nets, inputs, times)
    rows = {
        name: {
            "multiplications": multiplications(net, inputs),
            "weights": sum(weight.numel() for weight in net.parameters()),
            "file, kB": len(packed(net)) / 1000,
            "time, ms": took[name],
        }
        for name, net in nets.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")
