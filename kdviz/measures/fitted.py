"""A fitted temperature: what one number, chosen on labels, does for calibration."""

import math

import torch
from scipy.optimize import brentq
from torch import Tensor

from kdviz.measures.calibration import expected_calibration_error
from kdviz.measures.checks import with_labels
from kdviz.measures.proper import brier, nll


def fitted_temperature(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """What temperature scaling reaches: the control of every claim about calibration (Guo et al. 2017, section 4.2).

    The examples are parted into two random halves, stratified by label, the same ones at every call. The one T that
    minimises the NLL of softmax(z/T) on one half is scored on the other; both ways, averaged.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        z.
    labels : Tensor, shape (N,), int64

    Returns
    -------
    dict
        ``temperature``, the geometric mean of the two; ``nll``, in nats, ``brier`` and ``ece`` with them, on examples
        they were not fitted on; ``halves_ece``, that of the same halves at T = 1. An ECE of half the examples is larger
        by chance than one of all: ``halves_ece`` is the one to compare ``ece`` with.

    Raises
    ------
    ValueError
        Shapes that do not fit, NaN, a label whose class is masked; or a half without a minimum: one without an error
        (T would be 0), or one where the logits tell no more than chance does (T would be infinite).
    """
    logits, labels = with_labels(logits, labels)
    values = logits.detach().cpu().double()
    labels = labels.cpu()
    halves = halved(labels)
    fits = [_fitted(values[half], labels[half]) for half in halves]
    others = list(zip(fits, reversed(halves), strict=True))
    found = {"temperature": math.sqrt(fits[0] * fits[1]), "halves_ece": halves_ece(values, labels)}
    for name, measure in (("nll", nll), ("brier", brier), ("ece", expected_calibration_error)):
        found[name] = sum(measure(values[half] / T, labels[half]) for T, half in others) / 2
    return found


def halves_ece(logits: Tensor, labels: Tensor) -> float:
    """Mean :func:`expected_calibration_error` of the two :func:`halved` parts: what a fitted one's is compared with.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
    labels : Tensor, shape (N,), int64
        Two examples at least.
    """
    logits, labels = with_labels(logits, labels)
    return sum(expected_calibration_error(logits[half], labels[half]) for half in halved(labels)) / 2


def halved(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of two random halves, each label's examples in both (they differ by one at most), the same at every call.

    Parameters
    ----------
    labels : Tensor, shape (N,), int64
        Two examples at least.
    """
    if len(labels) < 2:
        raise ValueError("one example has no two halves: fit a temperature on more")
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    by_label = shuffled[labels[shuffled].argsort(stable=True)]
    return by_label[0::2], by_label[1::2]


def _fitted(logits: Tensor, labels: Tensor) -> float:
    """The T where the slope of the NLL by 1/T, which only rises, is 0; sought over log T."""
    of_label = logits.gather(-1, labels[:, None]).squeeze(-1)
    if not of_label.isfinite().all():
        raise ValueError("the class of a label is masked: no temperature makes it likely")
    present = logits.masked_fill(logits.isinf(), 0.0)

    def slope(log_temperature: float) -> float:
        p = (logits / math.exp(log_temperature)).softmax(-1)
        return ((p * present).sum(-1) - of_label).mean().item()

    if (logits.argmax(-1) == labels).all():
        raise ValueError("half of the examples are all right, and any lower temperature is better: no T can be fitted")
    middle = math.log(max((logits.amax(-1) - of_label).max().item(), 1e-12))  # of the scale of the logits
    if slope(middle + 30) >= 0:
        raise ValueError("these logits tell the labels no better than chance: no temperature can be fitted")
    return math.exp(brentq(slope, middle - 30, middle + 30, xtol=1e-12))
