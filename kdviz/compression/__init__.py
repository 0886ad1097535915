"""Weights as trained, weights as used: what makes a network smaller while it learns."""

from kdviz.compression.compression import Compression
from kdviz.compression.prune import Prune
from kdviz.compression.quantise import Quantise, quantised

__all__ = ["Compression", "Prune", "Quantise", "quantised"]
