"""Claims: sentences a notebook asserts, decided by numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Claim:
    """A decided sentence. As text it shows no number of the run, so that it can be compared; as HTML it shows them."""

    sentence: str
    seeds: tuple[bool, ...]
    numbers: str = ""
    why: str = ""

    @property
    def holds(self) -> bool:
        return all(self.seeds)

    def __repr__(self) -> str:
        return f"{'✓' if self.holds else '✗'} {self.sentence}"

    def _repr_html_(self) -> str:
        count = f"{sum(self.seeds)} of {len(self.seeds)} seeds" if len(self.seeds) > 1 else ""
        behind = "; ".join(escape(part) for part in (count, self.numbers) if part)
        reason = "" if self.holds or not self.why else f"<br><em>Why not: {escape(self.why)}</em>"
        return f"<p><b>{'✓' if self.holds else '✗'}</b> {escape(self.sentence)}<br><small>{behind}</small>{reason}</p>"


def check(
    sentence: str,
    holds: bool | Sequence[bool],
    *,
    numbers: Mapping[str, float | Sequence[float]] | pd.DataFrame | None = None,
    why: str = "",
) -> Claim:
    """Decide a claim.

    Parameters
    ----------
    sentence : str
        What is claimed, with no number of the run in it.
    holds : bool or sequence of bool
        One for each seed; the claim holds if it does in every one.
    numbers : mapping of str to number or numbers, or DataFrame, optional
        What decided it, shown beside the sentence.
    why : str
        The reason, shown where the claim does not hold.

    Raises
    ------
    ValueError
        Nothing to decide by.
    """
    seeds = np.atleast_1d(np.asarray(holds))
    if not sentence or not seeds.size or seeds.ndim != 1 or seeds.dtype != bool:
        raise ValueError("a claim needs a sentence, and True or False for at least one seed to be decided by")
    told = "; ".join(f"{name}: {_written(value)}" for name, value in ({} if numbers is None else numbers).items())
    return Claim(sentence, tuple(seeds.tolist()), told, why)


def _written(value: float | Sequence[float]) -> str:
    return ", ".join(f"{number:.4g}" for number in np.atleast_1d(np.asarray(value, dtype=float)))
