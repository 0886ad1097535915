"""Checks of *Predict, then run*: ten probabilities on record, their seal, and what they scored."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from torch import Tensor

from kdviz.arguments import told
from kdviz.checks.deciding import Mistake, check_takes, combined, decide, passed

MANY = 10


def recorded(function: Callable[[], Sequence[float]]) -> list[float]:
    """Check ``function()``: ten probabilities, of which some take sides; return them as numbers.

    A mapping from 1 to 10 is taken, too. What passes prints the :func:`seal`.
    """
    check_takes(function, ())
    said = _numbers(function())
    passed(f"Ten predictions are on record. Their seal: {seal(said)}. Hand it in before you go on.")
    return said


def seal(predictions: Sequence[float]) -> str:
    """Eight signs that stand for ten numbers, rounded to hundredths: another number, another seal."""
    text = " ".join(f"{number:.2f}" for number in predictions)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _numbers(given) -> list[float]:
    if given is None:
        raise Mistake("Your function returns nothing: `return` ten probabilities.")
    if isinstance(given, Mapping):
        if {*given} != {*range(1, MANY + 1)}:
            raise Mistake(f"The statements have the numbers 1 to {MANY}, yours are {', '.join(map(str, given))}.")
        given = [given[number] for number in range(1, MANY + 1)]
    if isinstance(given, Tensor | np.ndarray):
        given = given.tolist()
    if not isinstance(given, list | tuple) or len(given) != MANY:
        raise Mistake(f"Return a list of {MANY} probabilities, one a statement, and not {told(given)}.")
    if any(isinstance(each, bool | np.bool_) for each in given):
        raise Mistake("True and False are answers: say how sure you are, as 0.8 or 0.1.")
    try:
        numbers = [float(each) for each in given]
    except (TypeError, ValueError):
        raise Mistake("A probability is a number: 0.7, not a word.") from None
    if any(not math.isfinite(each) or each < 0 for each in numbers):
        raise Mistake("A probability lies between 0 and 1: one of yours is below, or no number.")
    if any(each > 1 for each in numbers):
        raise Mistake("A probability lies between 0 and 1: for 70 % write 0.7.")
    if all(abs(each - 0.5) < 0.02 for each in numbers):
        raise Mistake("Ten times one half says nothing: take sides, as far as you dare.")
    if all(each in (0, 1) for each in numbers):
        raise Mistake("You are sure of all ten? Use what lies between 0 and 1, too.")
    return numbers


def sealed(function: Callable[[], str], predictions: Callable[[], Sequence[float]]) -> None:
    """Check ``function()``: the seal that was handed in is that of ``predictions()`` as they stand now."""
    check_takes(function, ())
    now, said = seal(_numbers(predictions())), function()
    if not isinstance(said, str):
        raise Mistake(f"A seal is a string of eight signs, as '{'0' * 8}', and not {told(said)}.")
    if said.strip().lower() != now:
        raise Mistake(
            f"This seal, {said.strip() or 'an empty one'}, is not that of your predictions as they stand: one was "
            "changed after the seal was taken, or the seal was copied wrongly."
        )
    passed("The seal fits: the predictions are those that were handed in.")


def brier(function: Callable[[list[float], list[int]], float]) -> None:
    """Check ``function(predictions, outcomes)``: the mean of the squared differences; outcomes are 0 or 1."""
    cases = [([0.9, 0.2, 0.6, 0.55], [1, 0, 0, 1]), ([0.1, 0.75, 0.3], [1, 1, 0]), ([0.8, 0.35], [0, 1])]
    decide("The score", function, _brier, cases, BRIERS, hint="Of one prediction of 0.9 that comes true it is 0.01.")
    passed("The Brier score: 0 for who is always sure and right, 0.25 for who always says one half.")


def _brier(p: list[float], o: list[int], of: str = "", size: str = "", mean: str = "") -> float:
    p, o = np.asarray(p, dtype=float), np.asarray(o, dtype=float)
    right = np.where(o == 1, p, 1 - p)
    terms = {"": (p - o) ** 2, "turned": (p - (1 - o)) ** 2, "absolute": abs(p - o), "log": -np.log(right),
             "hits": ((p > 0.5) == (o == 1)).astype(float), "misses": ((p > 0.5) != (o == 1)).astype(float),
             "signed": p - o, "right": right}[of]  # fmt: skip
    found = terms.sum() if mean == "sum" else terms.mean()
    return {"": found, "root": math.sqrt(abs(found)), "twice": 2 * found, "less": 1 - found}[size]


BRIERS = [*combined(
    _brier,
    at_most=2,
    of={
        "": "",
        "turned": "Your score is best for who is always wrong: the outcome is 1 where the statement is true.",
        "absolute": "You take absolute differences. They reward who rounds to 0 or 1: square them.",
        "log": "This is the log score, minus the log of what was given to what came true: square the difference.",
        "hits": "This is the share of hits at 0.5: it does not see how sure you were.",
        "misses": "This is the share of misses at 0.5: it does not see how sure you were.",
        "signed": "Your differences have signs and cancel: square each one.",
        "right": "This is the mean probability given to what came true: square the difference to the outcome.",
    },
    mean={"": "", "sum": "You add the squares up: take their mean."},
    size={
        "": "",
        "root": "You take the root: the Brier score is the mean of the squares itself.",
        "twice": "It is twice too large: you sum over true *and* false.",
        "less": "You subtract it from 1: here less is better.",
    },
)]  # fmt: skip


def expected_brier(function: Callable[[list[float]], float]) -> None:
    """Check ``function(predictions)``: the score that is expected if each probability is right, mean of p (1 − p)."""
    cases = [([0.9, 0.2, 0.6],), ([0.5, 0.35],), ([0.99, 0.8, 0.7, 0.05],)]
    hint = "With probability p the square is (1 − p)², else p²."
    decide("The expected score", function, _expected, cases, EXPECTED, hint=hint)
    passed("The expected score: mean of p (1 − p). Above it, one was surer than right.")


def _expected(p: list[float], of: str = "", mean: str = "") -> float:
    p = np.asarray(p, dtype=float)
    terms = {"": p * (1 - p), "sides": np.minimum(p, 1 - p), "entropy": -p * np.log(p) - (1 - p) * np.log(1 - p),
             "true": (1 - p) ** 2, "sure": np.minimum(p, 1 - p) ** 2, "false": p**2, "quarter": 0 * p + 0.25,
             "both": p**2 + (1 - p) ** 2, "root": np.sqrt(p * (1 - p)), "twice": 2 * p * (1 - p)}[of]  # fmt: skip
    return terms.sum() if mean == "sum" else terms.mean()


EXPECTED = [*combined(
    _expected,
    at_most=2,
    of={
        "": "",
        "sides": "min(p, 1 − p) is the expected share of misses, not the expected square.",
        "entropy": "This is the entropy, the expected *log* score: the score here is a square.",
        "true": "This is the score if every statement came true: with 1 − p it does not.",
        "sure": "This is the score if your likelier side always came true: then you should have been surer.",
        "false": "This is the score if every statement came false: with p it comes true.",
        "quarter": "0.25 is for who always says one half: yours depends on your own probabilities.",
        "both": "Weight the two squares by how likely each is: p (1 − p)² + (1 − p) p².",
        "root": "This is the standard deviation of an outcome: the expected square is its variance.",
        "twice": "It is twice too large: p (1 − p)² + (1 − p) p² is p (1 − p).",
    },
    mean={"": "", "sum": "You add up: take the mean over the predictions."},
)]  # fmt: skip
