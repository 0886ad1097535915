"""All that is measured of a student beside its teacher, and the table that says it."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from torch import Tensor

from kdviz.measures.accuracy import accuracy, balanced_accuracy, mean_and_interval
from kdviz.measures.calibration import expected_calibration_error
from kdviz.measures.checks import checked_logits, checked_pair
from kdviz.measures.correlation import logit_correlation, mean_off_diagonal
from kdviz.measures.fidelity import agreement, agreement_bounds, predictive_kl
from kdviz.measures.fitted import halves_ece
from kdviz.measures.proper import brier, nll
from kdviz.measures.top_k import TopK, kl_lower_bound, kl_renormalised
from kdviz.measures.verdicts import verdict

ROWS = {  # of the table: the scores, their factor, how many decimals are shown, and whether more is better
    "accuracy, %": (("accuracy",), 100, 2, True),
    "balanced accuracy, %": (("balanced",), 100, 2, True),
    "agreement with the teacher, %": (("agreement",), 100, 2, True),
    "possible with these accuracies, %": (("lowest", "highest"), 100, 1, None),
    "KL from the teacher, nats": (("kl",), 1, 3, False),
    "KL from the teacher, nats, at least": (("kl_at_least",), 1, 3, False),
    "KL over the teacher's top k alone, nats": (("kl_renormalised",), 1, 3, False),
    "NLL, nats": (("nll",), 1, 3, False),
    "Brier score": (("brier",), 1, 3, False),
    "calibration error (ECE), %": (("ece",), 100, 2, False),
    "fitted temperature": (("fitted",), 1, 2, None),
    "mean |correlation difference|": (("correlation",), 1, 3, False),
    "features like the teacher's (CKA)": (("cka",), 1, 3, True),
    "omitted class recognised, %": (("unseen",), 100, 1, True),
}


SELDOM = {"kl_at_least", "kl_renormalised", "fitted"}  # rows only where some group has them


def scores(student_logits: Tensor, teacher_logits: Tensor | TopK, labels: Tensor) -> dict[str, float]:
    """How right a student is, and how like its teacher.

    Parameters
    ----------
    student_logits : Tensor, shape (N, C)
    teacher_logits : Tensor, shape (N, C), or TopK
        −∞ masks a class; of one masked in the student alone the KL is infinite, which is an error.
    labels : Tensor, shape (N,), of any integer type

    Returns
    -------
    dict
        ``accuracy``; ``balanced``, the accuracy averaged over classes; ``agreement`` and the ``lowest`` and ``highest``
        that the two accuracies allow; ``kl``, in nats; ``nll``, in nats; ``brier``; ``ece``, and ``halves_ece`` to set
        beside a fitted temperature's; ``correlation``: the mean absolute difference of the two centred logit
        correlations off the diagonal, not a number where a class's logit is the same for every example, or masked, or
        of two classes, whose r is −1 at any rate. Of a top k there is no ``correlation`` and, for ``kl``, a lower bound
        ``kl_at_least`` where the log-sum-exp at T = 1 is known, else ``kl_renormalised``, which is another divergence.
    """
    known = isinstance(teacher_logits, TopK)
    classes = checked_logits(student_logits).shape[-1]
    student, teacher = checked_pair(student_logits, teacher_logits.spread(classes) if known else teacher_logits)
    right, taught = accuracy(student, labels), accuracy(teacher, labels)
    low, high = agreement_bounds(right, taught, classes)
    return {
        "accuracy": right,
        "balanced": balanced_accuracy(student, labels),
        "agreement": agreement(student, teacher),
        "lowest": low,
        "highest": high,
        **(_of_top_k(student, teacher_logits) if known else {"kl": predictive_kl(student, teacher)}),
        "nll": nll(student, labels),
        "brier": brier(student, labels),
        "ece": expected_calibration_error(student, labels),
        "halves_ece": halves_ece(student, labels) if len(student) > 1 else math.nan,
        "correlation": math.nan if known else _lost_ties(student, teacher),
    }


def _of_top_k(student: Tensor, teacher: TopK) -> dict[str, float]:
    if 1.0 in teacher.lse:
        return {"kl_at_least": kl_lower_bound(student, teacher)}
    return {"kl_renormalised": kl_renormalised(student, teacher)}


def _lost_ties(student: Tensor, teacher: Tensor) -> float:
    if student.shape[-1] < 3 or not (student.isfinite().all() and teacher.isfinite().all()):
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
    had = {key for seeds in scores.values() for one in seeds for key in one}
    rows = {row: how for row, how in ROWS.items() if how[0][0] in had or how[0][0] not in SELDOM}
    return pd.DataFrame(
        {name: {row: _told(seeds, *how[:3]) for row, how in rows.items()} for name, seeds in scores.items()}
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


def verdict_table(scores: Mapping[str, Sequence[Mapping[str, float]]], against: Sequence[str]) -> pd.DataFrame:
    """Whether the first of the groups is better than others, score by score: :func:`kdviz.measures.verdict`.

    Parameters
    ----------
    scores : mapping of name to one :func:`scores` a seed
        In the same order of seeds in each group: a seed's own scores are paired.
    against : sequence of str
        Names of the groups to compare the first with, a column each; as many seeds in each, or nothing is paired.

    Returns
    -------
    DataFrame
        The rows of :func:`score_table`; "–" where one of the two lacks the score, or more is not better. The ECE of a
        fitted temperature is of halves of the examples, and compared with ``halves_ece``.
    """
    ours = next(iter(scores.values()))
    return pd.DataFrame(
        {name: {row: _decided(ours, scores[name], *how) for row, how in ROWS.items()} for name in against}
    )


def _decided(ours: Sequence[Mapping], theirs: Sequence[Mapping], keys: tuple[str, ...], *how) -> str:
    larger_is_better, (key, *_) = how[-1], keys
    halves = key == "ece" and any("fitted" in one for one in theirs)
    a, b = [one.get("halves_ece" if halves else key) for one in ours], [one.get(key) for one in theirs]
    if larger_is_better is None or not all(value is not None and math.isfinite(value) for value in (*a, *b)):
        return "–"
    if len(a) != len(b):
        return "not paired"
    return verdict(a, b, larger_is_better) if len(a) > 1 else "not shown (one seed)"
