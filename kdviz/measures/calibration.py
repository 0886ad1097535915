"""Whether a classifier is right as often as it is sure."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz.measures.checks import as_tensor, check_count, with_labels


def reliability_bins(confidence: Tensor, right: Tensor, bins: int = 15) -> tuple[Tensor, Tensor, Tensor]:
    """Confidence and accuracy in equal-width bins (lo, hi] of confidence (Guo et al. 2017, section 2).

    Parameters
    ----------
    confidence : Tensor, shape (N,), in [0, 1]
        Of the predicted class.
    right : Tensor, shape (N,), bool
        Whether it was the label.
    bins : int
        At least 1.

    Returns
    -------
    confidence, accuracy : Tensor, shape (bins,), float64
        Means over the examples of each bin; nan where there is none.
    count : Tensor, shape (bins,), int64
        Examples in each bin.
    """
    confidence, right = _real(confidence), as_tensor(right, "right").cpu()
    bins = check_count(bins, "bins")
    if confidence.ndim != 1 or not len(confidence) or right.shape != confidence.shape or right.dtype != torch.bool:
        raise ValueError(
            "confidence and right need one shape (N,), N at least 1, and right is True or False: "
            f"{tuple(confidence.shape)}, {tuple(right.shape)} of {right.dtype}"
        )
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError("a confidence is a probability in [0, 1]: take the softmax of the logits first")
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    bin_of = torch.bucketize(confidence, edges[1:-1])  # right=False: a value on an edge falls into the lower bin
    count = torch.bincount(bin_of, minlength=bins)
    sums = (torch.zeros(bins, dtype=torch.float64).index_add_(0, bin_of, x) for x in (confidence, right.double()))
    mean_confidence, accuracy = (total / count for total in sums)
    return mean_confidence, accuracy, count


def _real(confidence: Tensor) -> Tensor:
    values = as_tensor(confidence, "confidence").detach().cpu()
    if values.is_complex():
        raise ValueError("a confidence is a probability in [0, 1], not complex")
    return values.double()


def calibration_error(confidence: Tensor, right: Tensor, bins: int = 15) -> float:
    """ECE: gap between confidence and accuracy in each of the :func:`reliability_bins`, weighted by counts.

    Parameters
    ----------
    confidence : Tensor, shape (N,), in [0, 1]
    right : Tensor, shape (N,), bool
    bins : int
    """
    mean_confidence, accuracy, count = reliability_bins(confidence, right, bins)
    return ((accuracy - mean_confidence).abs() * count).nansum().item() / count.sum().item()


def calibration_floor(confidence: Tensor, draws: int = 100, bins: int = 15) -> Tensor:
    """ECE that a perfectly calibrated classifier of these confidences would show on as many examples, in each draw.

    Each draw calls an example right with the probability its confidence states. The bins' gaps are then nothing but
    chance, and an ECE among these says no more than that the examples are finite.

    Parameters
    ----------
    confidence : Tensor, shape (N,), in [0, 1]
    draws : int
        At least 1; the same ones at every call.
    bins : int

    Returns
    -------
    Tensor, shape (draws,), float64, ascending
    """
    draws = check_count(draws, "draws")
    confidence, chance = _real(confidence), torch.Generator().manual_seed(0)
    rights = (torch.rand(confidence.shape, generator=chance, dtype=torch.float64) < confidence for _ in range(draws))
    errors = [calibration_error(confidence, right, bins) for right in rights]
    return torch.tensor(errors, dtype=torch.float64).sort().values


def expected_calibration_error(logits: Tensor, labels: Tensor, bins: int = 15) -> float:
    """:func:`calibration_error` of the largest softmax probability at T = 1.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        No probabilities; −∞ masks a class.
    labels : Tensor, shape (N,), of any integer type
    bins : int
        At least 1.
    """
    logits, labels = with_labels(logits, labels)
    confidence, predicted = F.softmax(logits.double(), -1).max(-1)
    return calibration_error(confidence, predicted == labels, bins)
