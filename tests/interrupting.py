"""A training that is interrupted after an epoch and goes on from what was kept."""

import torch

from kdviz.training import work
from kdviz.training.arrays import Array
from kdviz.training.checkpoints import restore, state


def interrupted_as_undisturbed(recipes: list, parents: dict) -> list:
    """The runs of a training left alone, which one that is interrupted and restored must equal in every number."""
    ended = []
    with work.as_it_was("cpu"):
        for interrupted in (False, True):
            array = Array(recipes, parents, "cpu")
            array.advance()
            if interrupted:
                header, kept = state(array)
                kept = {name: tensor.clone() for name, tensor in kept.items()}
                array = Array(recipes, parents, "cpu")
                restore(array, header, kept)
            while not array.done:
                array.advance()
            ended.append(array.runs())
    for one, other in zip(*ended, strict=True):
        assert all(torch.equal(one.arrays[name], other.arrays[name]) for name in one.arrays)
    return ended[0]
