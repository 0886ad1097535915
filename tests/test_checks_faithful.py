"""The checks of the calibration error and of the controls, on loops as public code writes them."""

import pytest
from sentences import said

from kdviz import checks, measures


def ece(confidence, right, bins, inside, weigh):
    """As it is written in public code: a loop over bins."""
    total = 0.0
    for i in range(bins):
        rows = inside(confidence, i / bins, (i + 1) / bins)
        if rows.any():
            total += weigh(rows) * abs(right[rows].double().mean() - confidence[rows].mean())
    return total


def lower_edge(c, lo, hi):
    return (c >= lo) & (c < hi)


def upper_edge(c, lo, hi):
    return (c > lo) & (c <= hi)


def of_batches(c, r, n):
    parts = zip(c.split(100), r.split(100), strict=True)
    return sum(measures.calibration_error(*part, n) for part in parts) / len(c.split(100))


ECES = {
    "exactly 1 falls out": lambda c, r, n: ece(c, r, n, lower_edge, lambda rows: rows.double().mean()),
    "belongs to the lower bin": lambda c, r, n: ece(
        c.clamp(max=1 - 1e-9), r, n, lower_edge, lambda rows: rows.double().mean()),
    "empty ones included": lambda c, r, n: ece(c, r, n, upper_edge, lambda rows: 1 / n),
    "add up the gaps": lambda c, r, n: ece(c, r, n, upper_edge, lambda rows: 1),
    "mean over batches of 100": of_batches,
    "percentage": lambda c, r, n: 100 * measures.calibration_error(c, r, n),
    "single gap": lambda c, r, n: abs(r.double().mean() - c.mean()),
    "no bins": lambda c, r, n: (r.double() - c).abs().mean(),
}  # fmt: skip


@pytest.mark.parametrize("sentence", ECES)
def test_mistakes_of_the_ece(sentence):
    assert sentence in said(checks.expected_calibration_error, ECES[sentence])


def test_a_loop_over_bins_as_public_code_writes_it_passes():
    checks.expected_calibration_error(lambda c, r, n: ece(c, r, n, upper_edge, lambda rows: rows.double().mean()))


def table(rows, columns, apart):
    pairs = [(i, j) for i in range(len(rows)) for j in range(len(columns)) if apart(i, j)]
    return sum(measures.agreement(rows[i], columns[j]) for i, j in pairs) / len(pairs)


def found(teachers, students, stranger=int.__ne__, among=int.__ne__):
    own = table(students, teachers, int.__eq__)
    return own, table(students, teachers, stranger), table(teachers, teachers, among)


def test_controls():
    def every(i, j):
        return True

    checks.controls(found)
    checks.controls(lambda t, s: found(t, s, among=int.__gt__))  # each pair once
    assert "includes each student's own" in said(checks.controls, lambda t, s: found(t, s, stranger=every))
    assert "with itself" in said(checks.controls, lambda t, s: found(t, s, among=every))
    assert "wrong order" in said(checks.controls, lambda t, s: [found(t, s)[i] for i in (1, 0, 2)])
