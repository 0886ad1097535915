"""Proper scores: what a stated probability costs once the label is known."""

import torch.nn.functional as F
from torch import Tensor

from kdviz.measures.checks import with_labels


def nll(logits: Tensor, labels: Tensor) -> float:
    """Negative log-likelihood: mean of −log softmax(z) at the label, at T = 1, in nats (Guo et al. 2017, section 2).

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        z.
    labels : Tensor, shape (N,), int64

    Returns
    -------
    float
        At least 0; infinite where a label's own class is masked (a logit of −∞).

    Raises
    ------
    ValueError
        Shapes that do not fit, no example, or NaN.
    """
    logits, labels = with_labels(logits, labels)
    return F.nll_loss(logits.double().log_softmax(-1), labels).item()


def brier(logits: Tensor, labels: Tensor) -> float:
    """Brier score: squared distance of softmax(z) at T = 1 from the one-hot label, summed over classes (Brier 1950).

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        z.
    labels : Tensor, shape (N,), int64

    Returns
    -------
    float
        Mean over examples, in [0, 2]. Some programs divide it by the number of classes, or by 2.

    Raises
    ------
    ValueError
        Shapes that do not fit, no example, or NaN.
    """
    logits, labels = with_labels(logits, labels)
    p = logits.double().softmax(-1)
    return (p - F.one_hot(labels, logits.shape[-1])).square().sum(-1).mean().item()
