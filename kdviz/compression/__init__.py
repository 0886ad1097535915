"""Weights as trained, weights as used: what makes a network smaller while it learns."""

from kdviz.compression.compression import Compression

__all__ = ["Compression"]
