"""kdviz: teach and analyse knowledge distillation, from data to figure."""

from kdviz import bench, claims, compression, explorers, figures, measures, objectives, papers
from kdviz.compression import Prune, Quantise
from kdviz.data import Crop, Erase, Flip, Jitter, MixUp, data_of, image_folder, lane, load
from kdviz.networks import cnn, members, mlp, network, resnet, transformer
from kdviz.objectives import AttentionTransfer, Contrastive, HardLabels, Hints, SoftTargets, objective
from kdviz.recipes import Recipe, grid
from kdviz.runs import Run, Runs, Store
from kdviz.schedules import SGD, AdamW
from kdviz.training import Diverged, train

__all__ = [
    "SGD", "AdamW", "AttentionTransfer", "Contrastive", "Crop", "Diverged", "Erase", "Flip", "HardLabels", "Hints",
    "Jitter", "MixUp", "Prune", "Quantise", "Recipe", "Run", "Runs", "SoftTargets", "Store", "bench", "claims", "cnn",
    "compression", "data_of", "explorers", "figures", "grid", "image_folder", "lane", "load", "measures", "members",
    "mlp", "network", "objective", "objectives", "papers", "resnet", "train", "transformer",
]  # fmt: skip
