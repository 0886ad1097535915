"""kdviz: teach and analyse knowledge distillation, from data to figure."""

from kdviz import claims, explorers, figures, measures, objectives, papers
from kdviz.data import Jitter, lane, load
from kdviz.models import mlp
from kdviz.objectives import HardLabels, SoftTargets
from kdviz.recipes import Recipe, grid
from kdviz.runs import Run, Runs, Store
from kdviz.training import train

__all__ = [
    "HardLabels", "Jitter", "Recipe", "Run", "Runs", "SoftTargets", "Store", "claims", "explorers",
    "figures", "grid", "lane", "load", "measures", "mlp", "objectives", "papers", "train",
]  # fmt: skip
