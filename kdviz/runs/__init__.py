"""A finished training, many as a table, the store on disk."""

from kdviz.runs.drawn import drawn
from kdviz.runs.run import WEIGHTS, Run, Runs, asked
from kdviz.runs.store import Store, default_store

__all__ = ["WEIGHTS", "Run", "Runs", "Store", "asked", "default_store", "drawn"]
