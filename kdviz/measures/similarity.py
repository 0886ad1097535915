"""Whether two networks' features are alike."""

import torch
from torch import Tensor


def linear_cka(features_a: Tensor, features_b: Tensor) -> float:
    r"""Linear centred kernel alignment of two layers for the same examples (Kornblith et al. 2019, section 3).

    .. math:: \frac{\| Y^\top X \|_F^2}{\| X^\top X \|_F \, \| Y^\top Y \|_F}

    with X and Y the features less their mean over the examples. A turn of either space, or one factor for all of it,
    changes nothing. With fewer examples than features it is near 1 for anything: take several times as many.

    Parameters
    ----------
    features_a, features_b : Tensor, shape (N, D) and (N, E)
        Examples are rows. Maps (N, channels, H, W) are flattened first, or averaged over H and W: over the last two
        axes, never over channels, and never over the examples.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        Features that are no table of as many rows, fewer than two examples, numbers that are not finite, or features
        that are the same for every example.
    """
    x, y = _centred(features_a), _centred(features_b)
    if len(x) != len(y):
        raise ValueError(f"features of {len(x)} and of {len(y)} examples: give the same examples to both, a row each")
    if min(x.shape[1], y.shape[1]) < len(x):
        return ((y.T @ x).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm())).item()
    k, m = x @ x.T, y @ y.T
    return ((k * m).sum() / (k.norm() * m.norm())).item()


def _centred(features: Tensor) -> Tensor:
    values = torch.as_tensor(features).detach().cpu().double()
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(
            f"features must have shape (examples, numbers), at least two examples, not {tuple(values.shape)}: "
            "flatten maps with .flatten(1)"
        )
    if not values.isfinite().all():
        raise ValueError("some features are not finite numbers: did the training diverge?")
    largest = values.abs().max()
    values = values - values.mean(0)
    if values.abs().max() <= 1e-12 * largest:
        raise ValueError("the features are the same for every example: they are like nothing")
    return values / values.norm()
