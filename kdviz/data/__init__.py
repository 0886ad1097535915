"""Data sets as tensors: what they are read from, the verbs that narrow them, what changes their images."""

from kdviz.data.augment import Crop, Erase, Flip, Jitter
from kdviz.data.datasets import Dataset, check_loaded, load, load_described
from kdviz.data.folders import image_folder
from kdviz.data.mixup import MixUp
from kdviz.data.names import CLASSES, classes_of
from kdviz.data.own import bag_of, check_stock, data_of
from kdviz.data.sources import lane
from kdviz.data.splits import Description, Split, as_numbers

Augmentation = Jitter | Crop | Flip | Erase | MixUp

__all__ = [
    "CLASSES", "Augmentation", "Crop", "Dataset", "Description", "Erase", "Flip", "Jitter", "MixUp", "Split",
    "as_numbers", "bag_of", "check_loaded", "check_stock", "classes_of", "data_of", "image_folder", "lane", "load",
    "load_described",
]  # fmt: skip
