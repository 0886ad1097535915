"""All that is measured of a student beside its teacher, and the table that says it."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from torch import Tensor

from kdviz.measures.accuracy import accuracy, mean_and_interval
from kdviz.measures.calibration import expected_calibration_error
from kdviz.measures.checks import checked_pair
from kdviz.measures.correlation import logit_correlation, mean_off_diagonal
from kdviz.measures.fidelity import agreement, agreement_bounds, predictive_kl

ROWS = {  # of the table: the scores, their factor, and how many decimals are shown
    "accuracy, %": (("accuracy",), 100, 2),
    "agreement with the teacher, %": (("agreement",), 100, 2),
    "possible with these accuracies, %": (("lowest", "highest"), 100, 1),
    "KL from the teacher, nats": (("kl",), 1, 3),
    "calibration error (ECE), %": (("ece",), 100, 2),
    "mean |correlation difference|": (("correlation",), 1, 3),
    "omitted class recognised, %": (("unseen",), 100, 1),
}


def scores(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor) -> dict[str, float]:
    """How right a student is, and how like its teacher.

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (N, C)
        −∞ masks a class; of one masked in the student alone the KL is infinite, which is an error.
    labels : Tensor, shape (N,), of any integer type

    Returns
    -------
    dict
        ``accuracy``; ``agreement`` and the ``lowest`` and ``highest`` that the two accuracies allow; ``kl``, in nats;
        ``ece``; ``correlation``: the mean absolute difference of the two centred logit correlations off the diagonal,
        not a number where a class's logit is the same for every example or masked, or of two classes, whose r is −1
        at any rate.
    """
    student, teacher = checked_pair(student_logits, teacher_logits)
    right, taught = accuracy(student, labels), accuracy(teacher, labels)
    low, high = agreement_bounds(right, taught, student.shape[-1])
    return {
        "accuracy": right,
        "agreement": agreement(student, teacher),
        "lowest": low,
        "highest": high,
        "kl": predictive_kl(student, teacher),
        "ece": expected_calibration_error(student, labels),
        "correlation": _lost_ties(student, teacher),
    }


def _lost_ties(student: Tensor, teacher: Tensor) -> float:
    if student.shape[-1] < 3:
        return math.nan
    try:
        return mean_off_diagonal(logit_correlation(teacher, center=True) - logit_correlation(student, center=True))
    except ValueError:  # a flat logit, or a masked one
        return math.nan


def score_table(scores: Mapping[str, Sequence[Mapping[str, float]]]) -> pd.DataFrame:
    """A column a name, a row a score: the mean over seeds ± half of its 95 % interval, as it is to be read.

    Parameters
    ----------
    scores : mapping of name to one :func:`scores` a seed
        A score that is missing, or not a number, is "–". ``unseen``, where there is one, is the share of a class left
        out of training that is recognised.
    """
    return pd.DataFrame(
        {name: {row: _told(seeds, *how) for row, how in ROWS.items()} for name, seeds in scores.items()}
    )


def _told(seeds: Sequence[Mapping[str, float]], keys: tuple[str, ...], factor: int, digits: int) -> str:
    means = []
    for key in keys:
        values = [factor * one[key] for one in seeds if math.isfinite(one.get(key, math.nan))]
        if not values:
            return "–"
        mean, half = mean_and_interval(values)
        means.append(f"{mean:.{digits}f}" + (f" ± {half:.{digits}f}" if len(values) > 1 and len(keys) == 1 else ""))
    return " to ".join(means)
