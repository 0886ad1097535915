"""Classes left out of training, and the bias that brings them back."""

import math

import torch
from scipy.optimize import brentq
from torch import Tensor

from kdviz.measures.checks import as_tensor, with_classes


def log_odds(logits: Tensor, classes: list[int]) -> Tensor:
    """log p/(1 − p) of "one of ``classes``" for each example at T = 1, shape (N,)."""
    logits = with_classes(logits, classes)
    inside = torch.zeros(logits.shape[-1], dtype=torch.bool)
    inside[classes] = True
    return logits[:, inside].logsumexp(-1) - logits[:, ~inside].logsumexp(-1)


def shifted(logits: Tensor, classes: list[int], bias: float) -> Tensor:
    """The logits with ``bias`` added to those of ``classes``, shape (N, C)."""
    if not math.isfinite(bias):
        raise ValueError(f"a bias is a finite number, not {bias}")
    moved = with_classes(logits, classes).clone()
    moved[:, classes] += bias
    return moved


def rivals(logits: Tensor, classes: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """All that decides a prediction as a bias is added to ``classes``.

    Returns
    -------
    margin : Tensor, shape (N,)
        Largest logit inside ``classes`` less the largest outside: with a bias above ``-margin`` the one inside wins.
    inside, outside : Tensor, shape (N,), int64
        The classes of those two logits.
    """
    logits = with_classes(logits, classes)
    within = torch.zeros(logits.shape[-1], dtype=torch.bool)
    within[classes] = True
    (best, inside), (rival, outside) = logits[:, within].max(-1), logits[:, ~within].max(-1)
    return best - rival, within.nonzero().flatten()[inside], (~within).nonzero().flatten()[outside]


def label_free_bias(log_odds: Tensor, frequency: float) -> float:
    """The bias that gives a set of classes its known share, without reading a label.

    Adding b to the logits of every class of the set adds b to their log-odds, so b solves
    ``mean(sigmoid(log_odds + b)) = frequency``: the mean probability given to the set equals its known frequency.

    Parameters
    ----------
    log_odds : Tensor, shape (N,)
        Of the set, for unlabelled images among which the set has that frequency (:func:`log_odds`).
    frequency : float
        In (0, 1).
    """
    if not 0 < frequency < 1:
        raise ValueError(f"a frequency lies between 0 and 1, not {frequency}")
    values = as_tensor(log_odds, "log-odds").detach().cpu()
    if values.ndim != 1 or not len(values) or values.is_complex():
        raise ValueError(
            f"log-odds are real, one an example, not of shape {tuple(values.shape)}: take kd.measures.log_odds"
        )
    if not torch.isfinite(values).all():
        raise ValueError("log-odds must be finite: mask no class of either side, and no NaN")
    values = values.double()
    reach = values.abs().max().item() + 50.0
    return float(brentq(lambda bias: torch.sigmoid(values + bias).mean().item() - frequency, -reach, reach))
