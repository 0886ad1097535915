"""What the papers reported, and the table that puts it beside what a notebook measured."""

from functools import cache
from typing import Any

import pandas as pd
import yaml

from kdviz.data.sources import ROOT, in_repository

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
    if entry not in _all():
        raise ValueError(f"no entry {entry!r} in data/papers.yaml: kdviz.papers.entries() lists them")
    return _all()[entry]


def reported(entry: str, quantity: str) -> Any:
    """One reported quantity, as the paper gives it."""
    told = facts(entry)["reported"]
    if quantity not in told:
        raise ValueError(f"{entry} reports no {quantity!r}, but {', '.join(told)}")
    return told[quantity]


def beside(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """The "paper beside here" table.

    Parameters
    ----------
    *rows : (what, entry, quantity, here)
        ``what`` is measured, the ``quantity`` of which ``entry`` is set beside it, and the value found ``here``,
        written as it is to be read.
    """
    table = [
        {"": what, "paper": reported(entry, quantity), "here": here, "where": facts(entry)["where"]}
        for what, entry, quantity, here in rows
    ]
    return pd.DataFrame(table).set_index("")
