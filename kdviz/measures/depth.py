"""How deep a network can be and still train, and what is left of its input on the way."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from kdviz.arguments import finite, mapping

FAILS = 50.0  # % of the training images wrong: as many or more, and a network has failed to train


def reach(wrong: Mapping[int, Sequence[float]], fails: float = FAILS) -> list[int]:
    """How deep networks train, one number a seed: the largest depth up to which none of a seed's networks fails.

    Parameters
    ----------
    wrong : mapping of depth, rising, to % of the training images wrong, one a seed
    fails : float
        So many or more, and it fails.

    Returns
    -------
    list of int
        0 where the shallowest fails already.
    """
    depths, sizes = list(mapping("wrong", wrong, "% wrong, one a seed")), {}
    if depths != sorted(depths):
        raise ValueError(f"depths must rise, not go {depths}")
    trains = torch.stack([finite(f"% wrong at {d}", of, "seeds", sizes).double() < fails for d, of in wrong.items()])
    deepest = trains.long().cumprod(0).sum(0).tolist()
    return [depths[count - 1] if count else 0 for count in deepest]


@torch.no_grad()
def spread_by_layer(network: nn.Module, inputs: Tensor) -> Tensor:
    r"""What is left of the differences between inputs behind each layer of a network of linear layers.

    .. math:: \sqrt{\frac{1}{N} \sum_n \| h_n - \bar h \|^2} \Big/ \sqrt{\frac{1}{N} \sum_n \| h_n \|^2}

    with :math:`h_n` what goes into the next linear layer for the input n, and the mean :math:`\bar h` over inputs. Near
    0, all inputs look alike there, and no loss can tell the layer apart from a constant.

    Parameters
    ----------
    network : Module
        Its linear layers are called in their order.
    inputs : Tensor, shape (N, ...)

    Returns
    -------
    Tensor, shape (layers - 1,), float64
    """
    arrived: list[Tensor] = []
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    hooks = [layer.register_forward_pre_hook(lambda _, given: arrived.append(given[0].double())) for layer in layers]
    try:
        network(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    spreads = [(h - h.mean(0)).square().sum() / h.square().sum().clamp(min=1e-300) for h in arrived[1:]]
    return torch.stack(spreads).sqrt()
