"""Figures alive: data prepared here, views that draw and reckon in the page. Without JavaScript a picture stands."""

from kdviz.explorers.agreement_cloud import agreement_cloud
from kdviz.explorers.bench import bench, live_curves
from kdviz.explorers.bounds import bounds
from kdviz.explorers.completed import completed
from kdviz.explorers.correlations import correlations
from kdviz.explorers.depths import depths
from kdviz.explorers.exits import exits
from kdviz.explorers.explorer import Explorer
from kdviz.explorers.inside import inside
from kdviz.explorers.omitted_digit import omitted_digit
from kdviz.explorers.pad import pad
from kdviz.explorers.peers import peers
from kdviz.explorers.playground import playground
from kdviz.explorers.pruned import pruned
from kdviz.explorers.reliability import reliability
from kdviz.explorers.rounded import rounded
from kdviz.explorers.scatter import scatter
from kdviz.explorers.self_distillation import self_distillation
from kdviz.explorers.shared_start import shared_start
from kdviz.explorers.temperature import temperature
from kdviz.explorers.view import View
from kdviz.explorers.votes import votes
from kdviz.explorers.which_teacher import which_teacher

__all__ = [
    "Explorer", "View", "agreement_cloud", "bench", "bounds", "completed", "correlations", "depths", "exits",
    "inside", "live_curves", "omitted_digit", "pad", "peers", "playground", "pruned", "reliability", "rounded",
    "scatter", "self_distillation", "shared_start", "temperature", "votes", "which_teacher",
]  # fmt: skip
