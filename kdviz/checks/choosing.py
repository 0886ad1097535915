"""Checks of *Which teacher?*: what is known of a teacher, ranks, and a choice that does not look."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from kdviz.arguments import told
from kdviz.checks.deciding import Mistake, check_takes, combined, decide, normal, passed


def one_of(function: Callable[[], str], names: Sequence[str]) -> None:
    """Check that ``function()`` is one of ``names``: a guess, of which none is wrong."""
    check_takes(function, ())
    guess = function()
    if not isinstance(guess, str) or guess not in names:
        raise Mistake(f"Return one of {', '.join(map(repr, names))}, and not {told(guess)}.")
    passed(f"Your guess, {guess!r}, is on record.")


def teacher_scores(function: Callable[[Tensor, Tensor], tuple[float, float, float]]) -> None:
    """Check ``function(logits, labels)``: (error, NLL, entropy) at T = 1, the first a share, the others in nats."""
    cases = [(normal(80, 60, 10), torch.arange(60) % 10), (normal(81, 25, 4), torch.arange(25) % 4)]
    hint = "Compute one example with two classes by hand."
    decide("(error, NLL, entropy)", function, _scores, cases, SCORES, hint=hint)
    passed("The scores: how often a teacher is wrong, how good its probabilities are, how soft it is.")


def _scores(z: Tensor, y: Tensor, error: str = "", nll: str = "", entropy: str = "", order: str = "") -> tuple:
    log_q = z.log_softmax(-1)
    q, own = log_q.exp(), log_q[torch.arange(len(y)), y]
    wrong = (z.argmax(-1) != y).double()
    heat = -(q * log_q).sum(-1)
    first = {"": wrong.mean(), "right": 1 - wrong.mean(), "percent": 100 * wrong.mean(), "count": wrong.sum()}[error]
    second = {"": -own.mean(), "sign": own.mean(), "sum": -own.sum(), "bits": -own.mean() / np.log(2),
              "answer": -log_q.amax(-1).mean(), "table": -log_q[:, y].mean(), "no log": -own.exp().mean(),
              "twice": -q.log_softmax(-1)[torch.arange(len(y)), y].mean()}[nll]  # fmt: skip
    mean = q.mean(0)
    third = {"": heat.mean(), "sign": -heat.mean(), "sum": heat.sum(), "bits": heat.mean() / np.log(2),
             "classes": heat.mean() / z.shape[-1], "of mean": -(mean * mean.log()).sum()}[entropy]  # fmt: skip
    found = first, second, third
    return tuple(map(float, (found[0], found[2], found[1]) if order else found))


SCORES = [*combined(
    _scores,
    at_most=2,
    error={
        "": "",
        "right": "Your error is the share that is right: 1 less it.",
        "percent": "Your error is a percentage: give a share between 0 and 1.",
        "count": "Your error is a number of examples: divide by how many there are.",
    },
    nll={
        "": "",
        "sign": "Your NLL is below 0: the *negative* log likelihood.",
        "sum": "Your NLL grows with the number of examples: average over them.",
        "bits": "Your NLL is in bits: take the natural logarithm.",
        "answer": "Your NLL is of the net's own answer: it is of the *label's* probability.",
        "table": "Your NLL averages over all labels of all examples: an example has one label, so index row by row.",
        "no log": "Your NLL has no logarithm in it.",
        "twice": "In your NLL the softmax is taken twice: cross_entropy and log_softmax want logits.",
    },
    entropy={
        "": "",
        "sign": "Your entropy is below 0: a minus is missing.",
        "sum": "Your entropy grows with the number of examples: average over them.",
        "bits": "Your entropy is in bits: take the natural logarithm.",
        "classes": "You average over the classes: the entropy is their *sum*, its mean is over examples.",
        "of mean": "This is the entropy of the mean answer, which says how even the classes are: "
                   "take each example's entropy, then the mean.",
    },
    order={"": "", "turned": "NLL and entropy stand in the wrong order."},
)]  # fmt: skip


def rank_correlation(function: Callable[[list[float], list[float]], float]) -> None:
    """Check ``function(x, y)``: Spearman's rank correlation of two lists of as many numbers, none twice."""
    cases = [
        ([3.0, 10.0, 1.0, 2.5, 40.0, 7.0], [0.2, 0.9, 0.05, 0.4, 0.7, 0.1]),
        ([5.0, 1.0, 4.0, 2.0, 300.0], [1.0, 9.0, 2.0, 30.0, 0.5]),
        ([1.0, 2.0, 4.0, 3.0, 8.0, 5.0, 7.0], [2.0, 1.0, 30.0, 5.0, 4.0, 60.0, 3.0]),
    ]
    hint = "Of (1, 2, 3) with (10, 30, 20) it is 0.5."
    decide("The rank correlation", function, _spearman, cases, RANKS, hint=hint)
    passed("The rank correlation: the correlation of the two orders, whatever the numbers' distances.")


def _spearman(x: list[float], y: list[float], of: str = "", sign: str = "") -> float:
    x, y = np.asarray(x), np.asarray(y)
    rank = {"": stats.rankdata, "raw": lambda v: v, "once": np.argsort, "log": np.log}
    if of == "kendall":
        found = stats.kendalltau(x, y).statistic
    else:
        a, b = (rank["" if of in ("slope", "square") else of](v) for v in (x, y))
        found = np.corrcoef(a, b)[0, 1]
        found = found**2 if of == "square" else found
    return -found if sign else found


RANKS = [*combined(
    _spearman,
    of={
        "": "",
        "raw": "This is the correlation of the numbers themselves: take that of their ranks.",
        "once": "argsort gives the *order*, not the ranks: argsort of it gives these (argsort().argsort()).",
        "log": "This is the correlation of the logarithms: take that of the ranks.",
        "square": "You square it, and the sign is lost.",
        "kendall": "This is Kendall's tau, which counts pairs: take the correlation of the ranks.",
    },
    sign={"": "", "turned": "The sign is wrong: both orders must run the same way."},
)]  # fmt: skip

# (held-out error of each teacher's students, their test error)
TABLES = [
    ({"a": 0.30, "b": 0.22, "c": 0.25}, {"a": 0.20, "b": 0.27, "c": 0.31}),
    ({"x": 0.10, "y": 0.11}, {"x": 0.14, "y": 0.05}),
    ({"p": 0.5, "q": 0.41, "r": 0.4, "s": 0.6}, {"p": 0.2, "q": 0.35, "r": 0.45, "s": 0.3}),
]
PICKS = {
    "You choose by the *test* error: that is looking. Choose by what was held out, report the test error.":
        lambda held, test: (min(test, key=test.get), min(test.values())),
    "The choice is right, and you report the error it was chosen by, which is too good: report the test error.":
        lambda held, test: (min(held, key=held.get), min(held.values())),
    "The choice is right, and you report the best test error of all: report that of your choice.":
        lambda held, test: (min(held, key=held.get), min(test.values())),
    "You choose the largest error: less is better.":
        lambda held, test: (max(held, key=held.get), test[max(held, key=held.get)]),
}  # fmt: skip


def pick(function: Callable[[Mapping[str, float], Mapping[str, float]], tuple[str, float]]) -> None:
    """Check ``function(held_out, test)``, errors by teacher: the chosen name, and the number that is reported of it."""
    check_takes(function, TABLES[0])
    given = [_pair(function(dict(held), dict(test))) for held, test in TABLES]
    right = [(name := min(held, key=held.get), test[name]) for held, test in TABLES]
    for sentence, mistaken in PICKS.items():
        if given == [mistaken(*tables) for tables in TABLES] != right:
            raise Mistake(sentence)
    if given != right:
        raise Mistake(f"Of held-out errors {TABLES[0][0]} the choice is {right[0][0]!r}; you return {given[0]}.")
    passed("The choice: made on what was held out, and reported by what was not looked at.")


def _pair(given) -> tuple[str, float]:
    if not isinstance(given, tuple | list) or len(given) != 2 or not isinstance(given[0], str):
        raise Mistake(f"Return two things, a teacher's name and a number, and not {told(given)}.")
    try:
        return given[0], round(float(given[1]), 6)
    except (TypeError, ValueError, RuntimeError):
        raise Mistake(f"The second thing must be a number, and is {told(given[1])}.") from None
