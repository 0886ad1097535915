"""What generators draw.

Runs are :class:`kdviz.Run` here.
"""

from typing import Any

from torch import Tensor

from kdviz.networks import predict
from kdviz.runs.scores import asked


def drawn(run: Any, inputs: Tensor) -> Tensor:
    """Images (N, C, H, W) of whose left half a run's generator draws the whole, on the CPU.

    Parameters
    ----------
    run : Run
        Of a :func:`kdviz.unet`, with its weights.
    inputs : Tensor, shape (N, C, H, W)
        Whole images or with anything in the right half, which is not looked at.

    Raises
    ------
    ValueError
        The run ended with a classifier.
    """
    if "image" not in run.model.outputs:
        raise ValueError(f"{run!r} ended with a classifier, which draws nothing: ask for its logits")
    asked[run.recipe].add("weights")
    return predict(run._network, inputs, lambda outputs: {"image": outputs["image"]})["image"]
