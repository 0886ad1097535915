"""Networks as small frozen descriptions; what they build answers with named outputs."""

from kdviz.networks.cnn import CNN, cnn
from kdviz.networks.mlp import MLP, mlp
from kdviz.networks.module import Module, network
from kdviz.networks.network import Network, in_training_precision, measuring, predict, predict_logits

__all__ = [
    "CNN", "MLP", "Module", "Network", "cnn", "in_training_precision", "measuring", "mlp", "network", "predict",
    "predict_logits",
]  # fmt: skip
