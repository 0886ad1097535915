"""Networks as small frozen descriptions; what they build answers with named outputs."""

from kdviz.networks.cnn import CNN, cnn
from kdviz.networks.mlp import MLP, mlp
from kdviz.networks.network import Network, measuring, predict, predict_logits

__all__ = ["CNN", "MLP", "Network", "cnn", "measuring", "mlp", "predict", "predict_logits"]
