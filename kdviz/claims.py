"""Claims: sentences a notebook asserts, decided by numbers, by a rule that the call names before they are known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, isfinite

import numpy as np
import pandas as pd
from scipy import stats

from kdviz.arguments import told as as_given
from kdviz.measures import mean_and_interval

Numbers = float | Sequence[float]
RULES = ("interval", "same sign", "within", "fact")
FEWEST_SIGNS = 5  # the same sign in all of five units has a chance of 1/32, one-sided
FEWEST_SPREAD = 3  # two units have hardly a spread to judge by
MADE: dict[str, "Claim"] = {}  # by sentence: a cell run again replaces its claim
KEY = (
    "How to read this: ✓ it holds; ✗ the opposite is shown; ? these runs cannot tell. "
    "“5 of 5”: in how many it is true; if chance alone decided, five of five would come once in 32 times. "
    "“by 3 ± 1”: by how much it is true, below 0 where it is not, with a 95 % interval, which decides; where a "
    "margin is named, it is true if the whole interval lies inside the margin."
)


@dataclass(frozen=True)
class Claim:
    """A decided sentence. As text it shows no number of the run, so that it can be compared; as HTML it shows them."""

    sentence: str
    verdict: str  # ✓, ✗ (the opposite is shown) or ? (cannot tell)
    decided_by: str = ""
    numbers: str = ""
    why: str = ""
    key: str = ""  # how to read a claim: under the first of a notebook that units decide

    @property
    def holds(self) -> bool:
        return self.verdict == "✓"

    def title(self, finding: str, otherwise: str, opposite: str = "") -> str:
        """What a figure of it is called: ``finding`` where it holds, ``opposite``, if given, where that is shown.

        Else it is the neutral ``otherwise``.
        """
        return {"✓": finding, "✗": opposite}.get(self.verdict) or otherwise

    def __repr__(self) -> str:
        return f"{self.verdict} {self.sentence}"

    def _repr_html_(self) -> str:
        behind = "; ".join(escape(part) for part in (self.decided_by, self.numbers) if part)
        asked = "Why not" if self.verdict == "✗" else "Why it stays open"
        reason = "" if self.holds or not self.why else f"<br><em>{asked}: {escape(self.why)}</em>"
        key = f"<br><small>{self.key}</small>" if self.key else ""
        return f"<p><b>{self.verdict}</b> {escape(self.sentence)}<br><small>{behind}</small>{reason}{key}</p>"


@dataclass(frozen=True)
class Table:
    """Claims as one table: as text the marks and the sentences, as HTML what decided them, too."""

    claims: tuple[Claim, ...]

    def __repr__(self) -> str:
        verdicts = [claim.verdict for claim in self.claims]
        counts = ", ".join(f"{verdicts.count(mark)} {mark}" for mark in "✓✗?")
        return "\n".join([f"{len(verdicts)} claims: {counts}", *map(repr, self.claims)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><b>{claim.verdict}</b></td><td style='text-align:left'>{escape(claim.sentence)}</td>"
            f"<td style='text-align:left'><small>{escape(claim.decided_by)}</small></td></tr>" for claim in self.claims
        )  # fmt: skip
        return f"<table><tr><th></th><th>claim</th><th>decided by</th></tr>{rows}</table>"


def table() -> Table:
    """All claims made so far in this session, in their order; one made again under the same sentence counts once."""
    return Table(tuple(MADE.values()))


def check(
    sentence: str,
    excess: bool | Sequence[float] | Mapping[str, Sequence[float]] | pd.DataFrame,
    *,
    rule: str,
    unit: str = "",
    by: Sequence | None = None,
    margin: float | None = None,
    numbers: Mapping[str, Numbers] | pd.DataFrame | None = None,
    why: str = "",
) -> Claim:
    """Decide a claim: ✓, ✗ where the opposite is shown, or ? where the units cannot tell.

    Parameters
    ----------
    sentence : str
        What is claimed, with no number of the run in it.
    excess : sequence of float, or several by name
        By how much the sentence is true in each unit, below 0 where the contrary is; a difference paired by seed, say.
        Of several, each must hold: one that is resolved against the sentence makes a ✗. For a fact, True or False.
    rule : str
        ``"interval"``: the 95 % interval of the mean (Student's t over units) lies above 0, or below it.
        ``"same sign"``: it has one sign in every one of at least five units (a chance of 1/32, one-sided).
        ``"within"``: no difference, that is, the interval lies between −margin and margin, or outside of them.
        ``"fact"``: nothing was drawn, so that the sentence is true or not.
    unit : str
        What was drawn independently: "students" where the teacher is given, "teachers", "nets", "seeds".
    by : sequence, optional
        Where units share something, what each shares: its teacher. The excess is averaged there first.
    margin : float, optional
        For ``"within"``: the largest difference that counts as none, said before looking.
    numbers : mapping of str to number or numbers, or DataFrame, optional
        What the excess was made of, shown beside the sentence.
    why : str
        The reason, shown where the claim does not hold.

    Raises
    ------
    ValueError
        Nothing to decide by, or a rule without what it needs.
    """
    if not isinstance(numbers, Mapping | pd.DataFrame | None):
        raise ValueError(f"numbers must be a mapping or a data frame of what decided it, not {as_given(numbers)}")
    if not isinstance(sentence, str) or not sentence or rule not in RULES:
        raise ValueError(f"a claim needs a sentence, and one of the rules {', '.join(RULES)}, not {rule!r}")
    if (margin is not None) != (rule == "within") or not (margin is None or margin > 0):
        raise ValueError(f"a margin above 0 belongs to the rule 'within', and to no other: {margin} with {rule!r}")
    if rule == "fact":
        if not isinstance(excess, bool | np.bool_) or unit or by is not None:
            raise ValueError("a fact is True or False and has no units; what was drawn needs another rule")
        verdict, decided_by = "✓" if excess else "✗", ""
    else:
        verdict, decided_by = _decide(_parts(excess, by), rule, unit, margin)
    told = "; ".join(f"{name}: {_written(name, value)}" for name, value in ({} if numbers is None else numbers).items())
    explained = rule == "fact" or any(other.key for said, other in MADE.items() if said != sentence)
    MADE[sentence] = Claim(sentence, verdict, decided_by, told, why, "" if explained else KEY)
    return MADE[sentence]


def _parts(excess: Sequence[float] | Mapping[str, Sequence[float]] | pd.DataFrame, by: Sequence | None) -> dict:
    """The excess of each part, one number a unit: averaged over what is shared."""
    named = excess.items() if isinstance(excess, Mapping | pd.DataFrame) else [("", excess)]
    parts = {str(name): np.asarray(values) for name, values in named}
    if not parts or any(of.ndim != 1 or not of.size or of.dtype.kind not in "iuf" for of in parts.values()):
        raise ValueError(
            "a claim is decided by how much it is true of each unit: numbers, one a unit, not True or False"
        )
    if not all(np.isfinite(of).all() for of in parts.values()) or len({len(of) for of in parts.values()}) > 1:
        raise ValueError("a claim needs finite numbers, as many for each of its parts")
    if by is None:
        return parts
    if len(by) != (count := len(next(iter(parts.values())))):
        raise ValueError(f"{count} units, but `by` names what {len(by)} share")
    return {name: pd.Series(of).groupby(list(by)).mean().to_numpy() for name, of in parts.items()}


def _decide(parts: Mapping[str, np.ndarray], rule: str, unit: str, margin: float | None) -> tuple[str, str]:
    count = len(next(iter(parts.values())))
    if not unit:
        raise ValueError("say what the units are: students, teachers, nets or seeds")
    if rule == "same sign" and count < FEWEST_SIGNS:
        raise ValueError(f"the sign decides from {FEWEST_SIGNS} units on: with {count} take rule='interval'")
    found = {name: _signs(of) if rule == "same sign" else _interval(of, margin) for name, of in parts.items()}
    verdicts = [verdict for verdict, _ in found.values()]
    verdict = next((mark for mark in "✗?" if mark in verdicts), "✓")
    told = "; ".join(f"{name}: {numbers}" if name else numbers for name, (_, numbers) in found.items())
    how = {"interval": "95 % t-interval", "within": f"95 % t-interval, margin {margin}"}
    told += f" ({how[rule]}, {count} {unit})" if rule in how else f" ({unit} in which it is true)"
    if verdict == "?":
        told += f"; cannot tell: {_needed([parts[name] for name in parts if found[name][0] == '?'], margin, unit)}"
    return verdict, told


def _signs(values: np.ndarray) -> tuple[str, str]:
    verdict = "✓" if (values > 0).all() else "✗" if (values < 0).all() else "?"
    return verdict, f"{(values > 0).sum()} of {len(values)}"


def _interval(values: np.ndarray, margin: float | None) -> tuple[str, str]:
    mean, half = mean_and_interval(values)
    if len(values) < FEWEST_SPREAD:
        return "?", f"by {mean:.4g}".replace("-", "−")
    low, high = (mean - half, mean + half) if margin is None else (margin - abs(mean) - half, margin - abs(mean) + half)
    return "✓" if low > 0 else "✗" if high < 0 else "?", f"by {mean:.4g} ± {half:.3g}".replace("-", "−")


def _needed(undecided: Iterable[np.ndarray], margin: float | None, unit: str) -> str:
    """About how many units would show it four times in five, with mean and spread as seen (Guenther 1981)."""
    undecided = list(undecided)
    if len(undecided[0]) < FEWEST_SPREAD:
        return f"an interval needs {FEWEST_SPREAD} {unit}"
    low, power = stats.norm.ppf([0.975, 0.8])
    counts = []
    for values in undecided:
        gap = abs(values.mean()) if margin is None else abs(margin - abs(values.mean()))
        counts.append(((low + power) * values.std(ddof=1) / gap) ** 2 + low**2 / 2 if gap else np.inf)
    most = max(counts)
    said = f"about {max(ceil(most), len(undecided[0]) + 1):,}" if isfinite(most) and most <= 1000 else "over 1,000"
    return f"with this mean and spread, {said} {unit} would decide it four times in five"


def _written(name: str, value: Numbers) -> str:
    try:
        numbers = np.atleast_1d(np.asarray(value, dtype=float))
    except (TypeError, ValueError):
        raise ValueError(f"{name!r} of numbers must be a number or numbers, not {as_given(value)}") from None
    return ", ".join(f"{number:.4g}" for number in numbers)
