"""How the logits of the classes go together."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz.measures.checks import checked_logits, with_labels


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
        A class whose logit is the same for every example has no correlation.
    """
    values = checked_logits(logits).double()
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
    labels : Tensor, shape (N,), int64
        Every class at least once.
    """
    logits, labels = with_labels(logits, labels)
    members = F.one_hot(labels, logits.shape[-1]).T.double()
    counts = members.sum(-1, keepdim=True)
    if (counts == 0).any():
        raise ValueError(f"no example of classes {(counts == 0).squeeze(-1).nonzero().flatten().tolist()}")
    return members @ logits.double() / counts
