"""A linear probe on frozen features, in closed form: what it answers when only part of each eigenvector is kept."""

import torch
from torch import Tensor

from kdviz.arguments import finite, tensor
from kdviz.measures.self_distillation import spectrum


def probe_spectrum(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues of the linear kernel of features, and the targets in its eigenvectors; both less their means.

    Parameters
    ----------
    features : Tensor, shape (N, D)
    targets : Tensor, shape (N, C)

    Returns
    -------
    eigenvalues : Tensor, shape (N,), float64
    coefficients : Tensor, shape (N, C), float64
    """
    centred, targets, _, _ = _centred(features, targets)
    eigenvalues, vectors = spectrum(centred @ centred.T / len(centred))
    return eigenvalues, vectors.T @ targets


def probe_answers(features: Tensor, targets: Tensor, factors: Tensor, others: Tensor) -> Tensor:
    r"""What probes answer to other examples that have kept so much of each eigenvector.

    On its own examples a probe answers :math:`V F V^\top y`; so its answer elsewhere is
    :math:`k V D^{-1} F V^\top y`, where k is the kernel with its examples, over N.

    Parameters
    ----------
    features : Tensor, shape (N, D)
    targets : Tensor, shape (N, C)
    factors : Tensor, shape (R, N)
        One probe a row; of an eigenvalue 0 nothing can be kept.
    others : Tensor, shape (M, D)

    Returns
    -------
    Tensor, shape (R, M, C), float64
    """
    centred, values, middle, level = _centred(features, targets)
    d, vectors = spectrum(centred @ centred.T / len(centred))
    factors = finite("factors", factors, "R N", {"N": len(d)}).double()
    others = tensor("others", others, "M D", {"D": centred.shape[1]}).double() - middle
    seen = d > 1e-12 * d.max()
    shares = torch.where(seen, factors / torch.where(seen, d, 1.0), 0.0)
    weights = centred.T / len(centred) @ vectors @ (shares[..., None] * (vectors.T @ values))  # (R, D, C)
    return (others @ weights.transpose(0, 1).flatten(1)).unflatten(1, (len(shares), -1)).transpose(0, 1) + level


def _centred(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    sizes: dict[str, int] = {}
    features = finite("features", features, "N D", sizes).double()
    targets = finite("targets", targets, "N C", sizes).double()
    middle, level = features.mean(0), targets.mean(0)
    return features - middle, targets - level, middle, level
