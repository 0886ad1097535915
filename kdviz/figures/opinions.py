"""What a teacher finds similar: images it is sure of, and its second opinion on them."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from kdviz.arguments import indices, names, tensor
from kdviz.arguments import logits as given_logits
from kdviz.figures.examples import image, soft_target
from kdviz.figures.look import plain

SURE = 0.98  # probability at T = 1


def second_opinions(
    images: Tensor,
    logits: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    shown: Sequence[int],
    *,
    temperatures: tuple[float, float] = (1, 8),
    axes: np.ndarray,
) -> np.ndarray:
    """One image of each class of ``shown``, above the teacher's soft targets for it at two temperatures.

    It is the one with the strongest second opinion at the higher temperature, of those the teacher is sure of (above
    98 % at T = 1, and right); of all that it gets right, where there is none.

    Parameters
    ----------
    images : Tensor, shape (N, D, H, W)
    logits : Tensor, shape (N, C)
    labels : Tensor, shape (N,)
    classes : names of the C classes
    shown : sequence of K classes
    axes : array of Axes, shape (2, K)
    """
    sizes: dict[str, int] = {}
    logits = given_logits("logits", logits, "N C", sizes)
    images, classes = tensor("images", images, "N D H W", sizes), names(classes, sizes["C"])
    labels = indices("labels", labels, "N", sizes, sizes["C"])
    if np.shape(axes) != (2, len(shown)):
        raise ValueError(f"axes must be two rows of {len(shown)}, one above the other, not {np.shape(axes)}")
    confidence, answer = logits.softmax(-1).max(-1)
    second = (logits / max(temperatures)).softmax(-1).topk(2).values[:, 1]
    for column, label in enumerate(shown):
        right = (answer == labels) & (labels == label)
        sure = right & (confidence > SURE)
        row = int((second * (sure if sure.any() else right)).argmax())
        image(images[row], title=f"labelled {classes[label]}", ax=axes[0, column])
        soft_target(logits[row], classes, temperatures, ax=axes[1, column])
        axes[1, column].set(ylabel="probability" if column == 0 else "")
    plain(axes[1, 0].legend())
    return axes
