"""kdviz: teach and analyse knowledge distillation, from data to figure."""

from kdviz import bench, checks, claims, compression, explorers, figures, measures, objectives, papers
from kdviz.compression import Prune, Quantise
from kdviz.data import Crop, Erase, Flip, Jitter, MixUp, data_of, image_folder, lane, load
from kdviz.networks import cnn, members, mlp, network, plain, resnet, strided, transformer, unet
from kdviz.objectives import (
    JSD,
    Adversarial,
    AttentionTransfer,
    Contrastive,
    HardDistillation,
    HardLabels,
    Hints,
    ReverseKL,
    SoftTargets,
    objective,
)  # fmt: skip
from kdviz.recipes import SGD, AdamW, Recipe, grid
from kdviz.runs import Run, Runs, Store
from kdviz.training import Diverged, train

__all__ = [
    "JSD", "SGD", "AdamW", "Adversarial", "AttentionTransfer", "Contrastive", "Crop", "Diverged", "Erase", "Flip",
    "HardDistillation", "HardLabels", "Hints", "Jitter", "MixUp", "Prune", "Quantise", "Recipe", "ReverseKL", "Run",
    "Runs", "SoftTargets", "Store", "bench", "checks", "claims", "cnn", "compression", "data_of", "explorers",
    "figures", "grid", "image_folder", "lane", "load", "measures", "members", "mlp", "network", "objective",
    "objectives", "papers", "plain", "resnet", "strided", "train", "transformer", "unet",
]  # fmt: skip
