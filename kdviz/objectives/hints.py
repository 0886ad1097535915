"""Hints: a middle layer of the teacher, predicted from a middle layer of the student."""

from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from kdviz.arguments import told
from kdviz.objectives.objective import Objective


@dataclass(frozen=True)
class Hints(Objective):
    r"""The first of the two stages of a FitNet (Romero et al. 2014, section 2.2); it trains up to ``layer``.

    .. math:: \frac{1}{2} \| u_h(x) - r(v_g(x)) \|^2

    summed over units, averaged over examples: :math:`u_h` is the teacher's layer, the hint, :math:`v_g` the student's
    of the same name, and r the regressor, a 1×1 convolution with a ReLU as the hint itself has one. The regressor is
    trained along and dropped. The second stage is a recipe with :class:`SoftTargets` and ``init=`` this one.

    Parameters
    ----------
    teacher : Recipe
    layer : str
        ``"map 2"``, after the second pooling, or ``"features"``, before the last layer; both nets must have it.
    """

    teacher: Any
    layer: str = "map 2"

    needs_labels = False

    def __post_init__(self):
        if not isinstance(self.layer, str) or self.layer.startswith(("hidden ", "attention ", "logits")):
            raise ValueError(f"a hint is a layer with channels first, 'map 2' or 'features', not {told(self.layer)}")

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.layer,)

    def extra(self, student: dict[str, Tensor], teacher: dict[str, Tensor]) -> dict[str, Tensor]:
        guided, hint = student[self.layer], teacher[self.layer]
        if guided.shape[2:] != hint.shape[2:]:
            raise ValueError(
                f"{self.layer} of the student has {_sides(guided)} positions, of the teacher {_sides(hint)}: "
                "a regressor from one position to one needs as many"
            )
        return {f"regressor.{n}": w for n, w in nn.Linear(guided.shape[1], hint.shape[1]).state_dict().items()}

    def losses(self, outputs, labels, teacher, extra) -> Tensor:
        """See :meth:`Objective.losses`."""
        guided, hint = _by_position(outputs[self.layer]), _by_position(teacher[self.layer])
        predicted = F.relu(guided @ extra["regressor.weight"].mT + extra["regressor.bias"].unsqueeze(1))
        return (hint - predicted).square().sum((-2, -1)) / outputs[self.layer].shape[1] / 2


def _by_position(layer: Tensor) -> Tensor:
    """A layer (students, N, channels, ...) as a row of channels for each position: (students, N · positions, C)."""
    return layer.unsqueeze(-1).flatten(3).mT.flatten(1, 2)


def _sides(layer: Tensor) -> str:
    return "×".join(map(str, layer.shape[2:])) or "no"
