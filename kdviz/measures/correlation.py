"""How the logits of the classes go together."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from torch import Tensor

from kdviz.measures.checks import as_tensor, checked_logits, with_labels


def logit_correlation(logits: Tensor, center: bool = False) -> Tensor:
    """Pearson correlation of the classes' logits over the examples, shape (C, C), float64.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
    center : bool
        First remove each example's mean logit, which a softmax does not see and this matrix does.

    Raises
    ------
    ValueError
        A class whose logit is the same for every example, or −∞ (masked) for some, has no correlation.
    """
    values = checked_logits(logits).detach().double()
    masked = values.isinf().any(0).nonzero().flatten().tolist()
    if masked:
        raise ValueError(
            f"the logits of classes {masked} are masked (−∞) in some examples: no correlation is defined; leave these "
            "classes out, or the examples"
        )
    if center:
        values = values - values.mean(-1, keepdim=True)
    spread = values.std(0, correction=0) if len(values) > 1 else torch.zeros(values.shape[-1])
    flat = (spread <= 1e-6 * values.abs().max()).nonzero().flatten().tolist()
    if flat:
        raise ValueError(f"the logits of classes {flat} are the same for every example: no correlation is defined")
    return torch.corrcoef(values.T)


def class_mean_logits(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean logit vector of the examples of each class, shape (C, C): row = label, column = logit. No correlation.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        −∞ masks a class: the mean is −∞ where it is masked in an example of the row's class.
    labels : Tensor, shape (N,), of any integer type
        Every class at least once.
    """
    logits, labels = with_labels(logits, labels)
    classes = logits.shape[-1]
    counts = torch.bincount(labels, minlength=classes)
    if (counts == 0).any():
        raise ValueError(f"no example of classes {(counts == 0).nonzero().flatten().tolist()}")
    masked = logits == -torch.inf
    of_class = F.one_hot(labels, classes).T.double()
    means = of_class @ logits.detach().double().masked_fill(masked, 0.0) / counts[:, None]
    return means.masked_fill(of_class @ masked.double() > 0, -torch.inf)


def mean_off_diagonal(matrix: Tensor) -> float:
    """Mean absolute value off the diagonal: how much of a correlation, or how large a difference, there is.

    Parameters
    ----------
    matrix : Tensor, shape (C, C)
        A correlation or a difference of two; C at least 2.
    """
    matrix = _square(matrix)
    off = ~torch.eye(len(matrix), dtype=torch.bool)
    return matrix[off].abs().mean().item()


def strongest_pairs(matrix: Tensor, n: int) -> list[tuple[int, int]]:
    """The ``n`` pairs of classes i < j with the largest entries, the largest first.

    Parameters
    ----------
    matrix : Tensor, shape (C, C), symmetric
        A correlation, or the absolute values of a difference.
    n : int
        At most C (C - 1) / 2.
    """
    matrix = _symmetric(matrix)
    first, second = torch.triu_indices(len(matrix), len(matrix), offset=1)
    if not 1 <= n <= len(first):
        raise ValueError(f"{len(matrix)} classes have {len(first)} pairs: ask for 1 to {len(first)}, not {n}")
    best = matrix[first, second].argsort(descending=True, stable=True)[:n]
    return list(zip(first[best].tolist(), second[best].tolist(), strict=True))


def class_linkage(correlation: Tensor) -> np.ndarray:
    """Hierarchical clustering of the classes by average linkage of 1 - r: scipy's linkage matrix, shape (C - 1, 4).

    Branches are turned so that like classes meet; scipy's search for that comes near the best order, not always to it.

    Parameters
    ----------
    correlation : Tensor, shape (C, C), symmetric, with ones on the diagonal
    """
    correlation = _symmetric(correlation)
    if (correlation.diagonal() - 1).abs().max() > 1e-6:
        raise ValueError(
            "a tree of the classes needs a correlation, with ones on the diagonal, not a difference of two"
        )
    apart = squareform((1 - correlation).clamp(min=0).numpy(), checks=False)
    return hierarchy.linkage(apart, method="average", optimal_ordering=True)


def class_order(correlation: Tensor) -> list[int]:
    """The classes in the order of :func:`class_linkage`'s leaves: a permutation that puts neighbours side by side.

    Parameters
    ----------
    correlation : Tensor, shape (C, C), symmetric, with ones on the diagonal
    """
    return hierarchy.leaves_list(class_linkage(correlation)).tolist()


def class_groups(correlation: Tensor, n: int) -> list[list[int]]:
    """The classes in ``n`` groups, where :func:`class_linkage`'s tree is cut: the largest group first.

    In a group, the class with the highest mean correlation with all of it comes first.

    Parameters
    ----------
    correlation : Tensor, shape (C, C), symmetric, with ones on the diagonal
    n : int
        From 1 to C.
    """
    correlation = _symmetric(correlation)
    if not 1 <= n <= len(correlation):
        raise ValueError(f"{len(correlation)} classes make 1 to {len(correlation)} groups, not {n}")
    of = hierarchy.cut_tree(class_linkage(correlation), n_clusters=n).ravel()
    groups = [(of == group).nonzero()[0] for group in range(n)]
    ranked = [
        rows[correlation[rows][:, rows].mean(-1).argsort(descending=True, stable=True).numpy()] for rows in groups
    ]
    return sorted((rows.tolist() for rows in ranked), key=len, reverse=True)


def _square(matrix: Tensor) -> Tensor:
    matrix = as_tensor(matrix, "a matrix").detach().cpu()
    matrix = matrix if matrix.is_complex() else matrix.double()
    if matrix.is_complex() or matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise ValueError(f"a matrix must have shape (C, C), at least two classes, not {tuple(matrix.shape)}")
    if not matrix.isfinite().all():
        raise ValueError("some entries of the matrix are not finite numbers: did the training diverge?")
    return matrix


def _symmetric(matrix: Tensor) -> Tensor:
    matrix = _square(matrix)
    if not torch.allclose(matrix, matrix.T, rtol=0, atol=1e-6):
        raise ValueError("the matrix is not symmetric: give a correlation of the classes, not their mean logits")
    return matrix
