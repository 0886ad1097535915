"""Where a network's features lie: around their classes' centres, and in the plane of three classes."""

import torch
from torch import Tensor

from kdviz.measures.checks import as_labels, as_tensor


def template_plane(templates: Tensor) -> Tensor:
    """Orthonormal basis of the plane through the templates of three classes (Müller et al. 2019, section 2).

    Parameters
    ----------
    templates : Tensor, shape (3, D)
        Rows of the last layer's weights.

    Returns
    -------
    Tensor, shape (2, D), float64
        ``features @ basis.T`` are the coordinates of features in it. The first axis points from the first
        template to the second, the third template lies on the side where the second coordinate is larger.
    """
    templates = _finite(templates, "templates")
    if templates.ndim != 2 or len(templates) != 3 or templates.shape[1] < 2:
        raise ValueError(f"three templates of shape (3, D) span a plane, D at least 2, not {tuple(templates.shape)}")
    sides = templates[1:] - templates[0]
    basis, scale = torch.linalg.qr(sides.T)
    if scale.diagonal().abs().min() <= 1e-9 * sides.norm():
        raise ValueError("the three templates lie on one line: they span no plane")
    return (basis * scale.diagonal().sign()).T


def within_between(features: Tensor, labels: Tensor) -> float:
    """How tight the classes are: mean distance to the own class's centre over mean distance between centres.

    Parameters
    ----------
    features : Tensor, shape (N, D)
    labels : Tensor, shape (N,), of any integer type
        Two classes at least, each from 0 on with an example.
    """
    values, labels = _finite(features, "features"), as_labels(labels)
    if values.ndim != 2 or labels.shape != values.shape[:1] or not len(labels):
        raise ValueError(f"features (N, D) need N labels, not {tuple(values.shape)} and {tuple(labels.shape)}")
    if labels.min() < 0:
        raise ValueError(f"labels are class indices from 0 on, not {labels.min()}: leave unlabelled examples out first")
    counts = torch.bincount(labels)
    if len(counts) < 2 or (counts == 0).any():
        raise ValueError(f"two classes at least, each with an example, not {counts.tolist()}")
    centres = torch.zeros(len(counts), values.shape[1], dtype=torch.float64).index_add_(0, labels, values)
    centres /= counts[:, None]
    within = (values - centres[labels]).norm(dim=-1).mean()
    return (within / torch.pdist(centres).mean()).item()


def _finite(values: Tensor, name: str) -> Tensor:
    tensor = as_tensor(values, name).detach().cpu()
    if tensor.is_complex() or not torch.isfinite(tensor).all():
        raise ValueError(f"{name} are finite real numbers: did the training diverge?")
    return tensor.double()
