"""Networks as small frozen descriptions; what they build answers with named outputs."""

from kdviz.networks.cnn import CNN, cnn
from kdviz.networks.members import Members, members
from kdviz.networks.mlp import MLP, mlp
from kdviz.networks.module import Module, network
from kdviz.networks.network import (
    Network,
    Shortcut,
    Tap,
    in_training_precision,
    loaded,
    measuring,
    operations,
    predict,
    predict_logits,
)
from kdviz.networks.plain import Plain, plain, width_of_cost
from kdviz.networks.resnet import ResNet, resnet
from kdviz.networks.strided import Strided, exit_operations, leave_early, strided
from kdviz.networks.transformer import Transformer, transformer
from kdviz.networks.unet import Patches, UNet, unet

# What can be the model of a recipe.
Architecture = MLP | CNN | Plain | ResNet | Strided | Transformer | Members | Module | UNet

__all__ = [
    "CNN", "MLP", "Architecture", "Members", "Module", "Network", "Patches", "Plain", "ResNet", "Shortcut",
    "Strided", "Tap", "Transformer", "UNet", "cnn", "exit_operations", "in_training_precision", "leave_early",
    "loaded", "measuring", "members", "mlp", "network", "operations", "plain", "predict", "predict_logits",
    "resnet", "strided", "transformer", "unet", "width_of_cost",
]  # fmt: skip
