"""Which of several settings is best, said with a margin: what was not seen to differ is not thereby the same."""

import pandas as pd

from kdviz.measures.accuracy import mean_and_interval

FEWEST, AS_GOOD, WORSE, OPEN = "fewest", "as good", "worse", "cannot tell"


def against_best(table: pd.DataFrame, margin: float, by: list | None = None) -> pd.DataFrame:
    """Each setting's values less those of the setting with the lowest mean, paired by seed.

    Parameters
    ----------
    table : DataFrame
        A row for each seed, a column for each setting; lower is better.
    margin : float
        The largest difference that counts as none, above 0, said before looking.
    by : sequence, optional
        What the rows share (a teacher): they are averaged there first.

    Returns
    -------
    DataFrame
        A row for each setting: ``difference`` and ``half`` of its 95 % t-interval, and ``verdict``: "fewest" (the
        lowest mean), "worse" (the interval lies above 0), "as good" (it lies within the margin, and not above 0),
        or "cannot tell".

    Raises
    ------
    ValueError
        A margin that is not above 0, or fewer than two units to make an interval of.
    """
    if not margin > 0:
        raise ValueError(f"a margin is above 0, not {margin}: how large a difference counts as none?")
    if by is not None:
        table = table.groupby(list(by)).mean()
    if len(table) < 2:
        raise ValueError(f"an interval needs two units, not {len(table)}")
    best, rows = table.mean().idxmin(), {}
    for setting in table:
        mean, half = mean_and_interval((table[setting] - table[best]).tolist())
        if setting == best:
            verdict = FEWEST
        elif mean - half > 0:
            verdict = WORSE
        else:
            verdict = AS_GOOD if abs(mean) + half < margin else OPEN
        rows[setting] = {"difference": mean, "half": half, "verdict": verdict}
    return pd.DataFrame(rows).T.astype({"difference": float, "half": float})
