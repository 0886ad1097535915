"""kdviz: teach and analyse knowledge distillation, from data to figure."""

from kdviz import bench, claims, explorers, figures, measures, objectives, papers
from kdviz.data import Jitter, lane, load
from kdviz.networks import cnn, mlp
from kdviz.objectives import (
    JSD,
    AttentionTransfer,
    Contrastive,
    HardDistillation,
    HardLabels,
    Hints,
    ReverseKL,
    SoftTargets,
)
from kdviz.recipes import Recipe, grid
from kdviz.runs import Run, Runs, Store
from kdviz.training import Diverged, train

__all__ = [
    "JSD", "AttentionTransfer", "Contrastive", "Diverged", "HardDistillation", "HardLabels", "Hints", "Jitter",
    "Recipe", "ReverseKL", "Run", "Runs", "SoftTargets", "Store", "bench", "claims", "cnn", "explorers", "figures",
    "grid", "lane", "load", "measures", "mlp", "objectives", "papers", "train",
]  # fmt: skip
