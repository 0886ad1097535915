"""Data sets as tensors: what they are read from, the verbs that narrow them, what changes their images."""

from kdviz.data.augment import Jitter
from kdviz.data.datasets import Dataset, check_loaded, check_stock, load, load_described
from kdviz.data.sources import CLASSES, lane
from kdviz.data.splits import Description, Split

__all__ = [
    "CLASSES", "Dataset", "Description", "Jitter", "Split", "check_loaded", "check_stock", "lane", "load",
    "load_described",
]  # fmt: skip
