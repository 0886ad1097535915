"""Temperatures that are found: the one of a given heat, and the one that other labelled examples ask for."""

import math

import torch
from scipy.optimize import brentq
from torch import Tensor

from kdviz.measures.checks import checked_logits, with_labels
from kdviz.measures.fitted import _fitted, halved
from kdviz.measures.temperature import entropy

COLDEST, HOTTEST = math.log(1e-3), math.log(1e4)


def temperature_of_entropy(logits: Tensor, goal: float) -> float:
    """The T at which the mean entropy of softmax(logits / T) is ``goal``: nets of other logits at the same heat.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
    goal : float
        In nats, between the mean entropies at T = 0.001 and T = 10,000.

    Raises
    ------
    ValueError
        No such temperature.
    """
    logits = checked_logits(logits)

    def above(log_temperature: float) -> float:
        return entropy(logits, math.exp(log_temperature)).mean().item() - goal

    if above(COLDEST) > 0 or above(HOTTEST) < 0:
        raise ValueError(f"no temperature gives these logits a mean entropy of {goal:g} nats")
    return math.exp(brentq(above, COLDEST, HOTTEST, xtol=1e-9))


def scaled(logits: Tensor, labels: Tensor) -> Tensor:
    """Each example's logits divided by the T that minimises the NLL of the *other* half of the examples, shape (N, C).

    The halves are those of :func:`kdviz.measures.fitted_temperature`: so no label is used for its own example.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
    labels : Tensor, shape (N,), int64
    """
    logits, labels = with_labels(logits, labels)
    values, labels = logits.detach().cpu().double(), labels.cpu()
    halves, found = halved(labels), torch.empty_like(values)
    for half, other in zip(halves, reversed(halves), strict=True):
        found[half] = values[half] / _fitted(values[other], labels[other])
    return found
