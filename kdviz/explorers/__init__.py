"""Figures alive: controls and one image, redrawn on every change. Without a kernel the image stays."""

from kdviz.explorers.agreement_cloud import agreement_cloud
from kdviz.explorers.bench import bench, live_curves
from kdviz.explorers.correlations import correlations
from kdviz.explorers.explorer import Explorer
from kdviz.explorers.omitted_digit import omitted_digit
from kdviz.explorers.pad import pad
from kdviz.explorers.temperature import temperature

__all__ = ["Explorer", "agreement_cloud", "bench", "correlations", "live_curves", "omitted_digit", "pad", "temperature"]
