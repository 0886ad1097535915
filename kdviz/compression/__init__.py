"""Weights as trained, weights as used: what makes a network smaller while it learns."""

from kdviz.compression.compression import Compression
from kdviz.compression.costs import cost_table, multiplications
from kdviz.compression.encoders import PruneEncoder
from kdviz.compression.levels import Levels, at_quantiles, nearest
from kdviz.compression.prune import Prune
from kdviz.compression.quantise import Quantise, quantised
from kdviz.compression.serving import in_int8, milliseconds, packed, unpacked
from kdviz.compression.zeros import without_smallest

__all__ = [
    "Compression", "Levels", "Prune", "PruneEncoder", "Quantise", "at_quantiles", "cost_table", "in_int8",
    "milliseconds", "multiplications", "nearest", "packed", "quantised", "unpacked", "without_smallest",
]  # fmt: skip
