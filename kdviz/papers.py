"""What the papers reported, and the table that puts it beside what a notebook measured."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd
import yaml

from kdviz.arguments import told
from kdviz.data.sources import ROOT, in_repository
from kdviz.measures import mean_and_interval

FACTS = ROOT / "data" / "papers.yaml"


@cache
def _all() -> dict[str, dict]:
    return {entry["id"]: entry for entry in yaml.safe_load(in_repository(FACTS).read_text(encoding="utf-8"))}


def entries() -> list[str]:
    """Names of the entries in ``data/papers.yaml``."""
    return list(_all())


def facts(entry: str) -> dict[str, Any]:
    """One entry: ``paper``, ``arxiv``, ``where``, ``setting``, ``reported`` and how it was read (``marker``).

    Raises
    ------
    ValueError
        No such entry.
    """
    if not isinstance(entry, str) or entry not in _all():
        raise ValueError(f"no entry {told(entry)} in data/papers.yaml: kdviz.papers.entries() lists them")
    return _all()[entry]


def reported(entry: str, quantity: str) -> Any:
    """One reported quantity, as the paper gives it."""
    reports = facts(entry)["reported"]
    if not isinstance(quantity, str) or quantity not in reports:
        raise ValueError(f"{entry} reports no {told(quantity)}, but {', '.join(reports)}")
    return reports[quantity]


def beside(*rows: tuple[str, str, str, str | Sequence[float]]) -> pd.DataFrame:
    """The "paper beside here" table.

    Parameters
    ----------
    *rows : (what, entry, quantity, here)
        ``what`` is measured, the ``quantity`` of which ``entry`` is set beside it, and the value found ``here``,
        written as it is to be read; or one number a seed, of which the mean ± half a 95 % interval is written.
    """
    if not rows or any(not isinstance(row, tuple | list) or len(row) != 4 for row in rows):
        raise ValueError("a table needs rows, each of (what, entry, quantity, here)")
    table = [
        {"": what, "paper": reported(entry, quantity), "here": _written(here), "where": facts(entry)["where"]}
        for what, entry, quantity, here in rows
    ]
    return pd.DataFrame(table).set_index("")


def _written(here: str | Sequence[float]) -> str:
    if isinstance(here, str):
        return here
    mean, half = mean_and_interval(here)
    return f"{mean:.1f} ± {half:.1f}"
