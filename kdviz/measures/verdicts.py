"""Whether a difference between two groups of students is shown by the seeds there are."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

MOST = 1000  # seeds: to need more is to have seen no difference


def difference(ours: Sequence[float], theirs: Sequence[float], sure: float = 0.99) -> tuple[float, float]:
    """Mean difference, paired by seed, and half the width of its interval (Student's t).

    Parameters
    ----------
    ours, theirs : sequence of float
        One a seed, in one order.
    sure : float
        The interval's level.

    Raises
    ------
    ValueError
        Groups of two sizes, fewer than two seeds, or a number that is not finite.
    """
    a, b = (np.asarray(values, dtype=float) for values in (ours, theirs))
    if a.shape != b.shape or a.ndim != 1 or a.size < 2 or not (np.isfinite(a) & np.isfinite(b)).all():
        raise ValueError(f"to be paired, two groups need the same two seeds or more: {a.tolist()} and {b.tolist()}")
    apart = a - b
    return float(apart.mean()), float(stats.sem(apart) * stats.t.ppf(0.5 + sure / 2, apart.size - 1))


def seeds_needed(ours: Sequence[float], theirs: Sequence[float], sure: float = 0.99) -> float:
    """About how many seeds it takes until the interval of a difference as seen, with the spread seen, leaves out 0.

    With so many, a true difference of that size is shown in about half of all tries. Infinite above a thousand.
    """
    mean, _ = difference(ours, theirs, sure)
    spread = float(np.std(np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float), ddof=1))
    if spread == 0:
        return 2.0 if mean else math.inf
    counts = np.arange(2, MOST + 1)
    enough = counts[stats.t.ppf(0.5 + sure / 2, counts - 1) * spread / np.sqrt(counts) < abs(mean)]
    return float(enough[0]) if enough.size else math.inf


def verdict(ours: Sequence[float], theirs: Sequence[float], larger_is_better: bool) -> str:
    """``"better"`` or ``"worse"`` where the 99 % interval of the difference leaves out 0, else ``"not shown"``.

    After "not shown" stands about how many seeds the spread seen would need, if the difference were as seen.

    Parameters
    ----------
    ours, theirs : sequence of float
        One a seed, in one order: a seed's own two are paired.
    larger_is_better : bool
    """
    mean, half = difference(ours, theirs)
    if abs(mean) > half:
        return "better" if (mean > 0) == larger_is_better else "worse"
    needed = seeds_needed(ours, theirs)
    return "not shown" + (f" ({needed:.0f} seeds?)" if math.isfinite(needed) else f" (> {MOST} seeds)")
