"""kdviz: teach and analyse knowledge distillation, from data to figure."""

from kdviz import bench, checks, claims, explorers, figures, measures, objectives, papers
from kdviz.data import Jitter, lane, load
from kdviz.networks import cnn, mlp
from kdviz.objectives import AttentionTransfer, Contrastive, HardLabels, Hints, SoftTargets
from kdviz.recipes import Recipe, grid
from kdviz.runs import Run, Runs, Store
from kdviz.training import Diverged, train

__all__ = [
    "AttentionTransfer", "Contrastive", "Diverged", "HardLabels", "Hints", "Jitter", "Recipe", "Run", "Runs",
    "SoftTargets", "Store", "bench", "checks", "claims", "cnn", "explorers", "figures", "grid", "lane", "load",
    "measures", "mlp", "objectives", "papers", "train",
]  # fmt: skip
