"""Training: recipes in, runs out; what trains together, batches, teachers, the engines, history."""

from kdviz.training.trainer import Diverged, train

__all__ = ["Diverged", "train"]
