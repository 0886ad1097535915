"""kdviz: teach and analyse knowledge distillation, from data to figure."""

from kdviz import bench, claims, explorers, figures, measures, objectives, papers
from kdviz.data import Jitter, lane, load
from kdviz.networks import cnn, members, mlp, network, resnet, transformer
from kdviz.objectives import AttentionTransfer, Contrastive, HardLabels, Hints, SoftTargets, objective
from kdviz.recipes import Recipe, grid
from kdviz.runs import Run, Runs, Store
from kdviz.schedules import SGD, AdamW
from kdviz.training import Diverged, train

__all__ = [
    "SGD", "AdamW", "AttentionTransfer", "Contrastive", "Diverged", "HardLabels", "Hints", "Jitter", "Recipe", "Run",
    "Runs", "SoftTargets", "Store", "bench", "claims", "cnn", "explorers", "figures", "grid", "lane", "load",
    "measures", "members", "mlp", "network", "objective", "objectives", "papers", "resnet", "train", "transformer",
]  # fmt: skip
