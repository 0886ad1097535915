"""Figures alive: controls and one image, redrawn on every change. Without a kernel the image stays."""

from kdviz.explorers.explorer import Explorer
from kdviz.explorers.omitted_digit import omitted_digit

__all__ = ["Explorer", "omitted_digit"]
