"""A card read aloud: what an idea wins, what it loses, and what its seeds cannot tell, in sentences."""

import math
from collections.abc import Mapping, Sequence

from kdviz.arguments import mapping, told
from kdviz.bench.plans import LABELS
from kdviz.measures.verdicts import difference

# Score: how it is said, its factor, its unit, decimals, and whether more is better.
SAID = {
    "accuracy": ("accuracy ({})", 100, " %", 1, True),
    "agreement": ("agreement with the teacher ({})", 100, " %", 1, True),
    "kl": ("KL from the teacher ({})", 1, " nats", 3, False),
    "ece": ("calibration (ECE {})", 100, " %", 1, False),
    "correlation": ("the ties between classes (correlation difference {})", 1, "", 3, False),
    "unseen": ("the class never shown ({})", 100, " % recognised", 0, True),
}
TWICE = 2  # from here on a smaller score is also said as a ratio


def aloud(card: Mapping, against: str = LABELS, who: str = "this idea", sure: float = 0.95) -> str:
    """The first group of a card against another, as Markdown sentences with the means over seeds.

    Won or lost is a score whose interval of the difference, paired by seed, leaves out 0, as in a claim. (The card's
    own columns, which judge a dozen scores at once, ask for 99 %.) Scores that a group lacks are not mentioned.

    Parameters
    ----------
    card : mapping
        As :func:`kdviz.bench.card` or :func:`kdviz.bench.card_of_logits` give it.
    against : str
        The name, among its scores, of what the first group is compared with.
    who : str
        What the first group is called.
    sure : float
        The interval's level (Student's t).

    Raises
    ------
    ValueError
        No such name, groups of two sizes, or one seed: nothing is decided by it.
    """
    scores = mapping("scores of the card", mapping("card", card, "what a card holds").get("scores"), "scores")
    if against not in scores:
        raise ValueError(f"the card has {', '.join(map(repr, scores))}, and no {told(against)} to compare with")
    (ours, *_), theirs = scores.values(), scores[against]
    if len(ours) != len(theirs) or len(ours) < 2:
        raise ValueError(f"{len(ours)} and {len(theirs)} seeds: two groups of the same two seeds or more are compared")
    won, lost, unclear = [], [], []
    for key, (name, factor, unit, digits, more) in SAID.items():
        a, b = ([factor * one.get(key, math.nan) for one in group] for group in (ours, theirs))
        if all(map(math.isfinite, (*a, *b))):
            mean, half = difference(a, b, sure)
            better = (mean > 0) == more
            where = unclear if abs(mean) <= half else won if better else lost
            where.append(_numbers(name, (sum(a) / len(a), sum(b) / len(b)), unit, digits, where is won and not more))
    said = [f"**{does}** on {_listed(which)}" for does, which in (("loses", lost), ("wins", won)) if which]
    first = f"Against *{against}*, {who} "
    text = first + "; it ".join(said) + "." if said else f"{first}neither wins nor loses on any score."
    return text + (f" On {_listed(unclear)} these {len(ours)} seeds **cannot tell**." if unclear else "")


def _numbers(name: str, means: tuple[float, float], unit: str, digits: int, smaller: bool) -> str:
    ours, theirs = means
    ratio = f", {theirs / ours:.0f} times smaller" if smaller and ours > 0 and theirs / ours >= TWICE else ""
    return name.format(f"{ours:.{digits}f} against {theirs:.{digits}f}{unit}{ratio}")


def _listed(parts: Sequence[str]) -> str:
    *before, last = parts
    return f"{', '.join(before)} and {last}" if before else last
