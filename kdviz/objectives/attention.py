"""Attention transfer: where a layer looks."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz.arguments import number, several
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import Objective, check_weights

# What becomes of the size |a| of each activation, and how those of all channels become one.
MAPS = {
    "squares": lambda size: size.square().sum(-3),
    "sizes": lambda size: size.sum(-3),
    "fourth powers": lambda size: size.pow(4).sum(-3),
    "largest": lambda size: size.square().amax(-3),
}


def attention_map(activations: Tensor, of: str = "squares") -> Tensor:
    """Sum of squares over channels, as a vector of length 1 (Zagoruyko and Komodakis 2016, section 3.1).

    Parameters
    ----------
    activations : Tensor, shape (..., channels, H, W)

        Of half precision, squares are summed in float32.
    of : {"squares", "sizes", "fourth powers", "largest"}
        The paper's other maps: sums of sizes or of fourth powers, or the largest square of all channels.

    Returns
    -------
    Tensor, shape (..., H·W)
        In the activations' precision; 0 where every activation is 0.
    """
    wide = activations.to(torch.promote_types(activations.dtype, torch.float32))
    return F.normalize(MAPS[of](wide.abs()).flatten(-2), dim=-1).to(activations.dtype)


@dataclass(frozen=True)
class AttentionTransfer(Objective):
    r"""``hard_weight`` · cross entropy with the labels + ``attention_weight`` · distance between attention maps.

    .. math:: \frac{1}{2} \sum_j \| q_j^S - q_j^T \|_2^2

    averaged over examples, with the maps :math:`q` of :func:`attention_map` (Zagoruyko and Komodakis 2016, section
    3.1; squared as in the authors' code, which also divides by the number of positions).

    Parameters
    ----------
    teacher : Recipe
    hard_weight, attention_weight : float
        At least 0, and not both 0.
    layers : tuple of str
        The j; student and teacher need as many positions in each, not as many channels.
    of : str
        Which map, as for :func:`attention_map`.
    """

    teacher: Any
    hard_weight: float = 1.0
    attention_weight: float = 10.0
    layers: tuple[str, ...] = ("map 1", "map 2")
    of: str = "squares"

    numbers = ("hard_weight", "attention_weight")

    def __post_init__(self):
        object.__setattr__(self, "layers", tuple(several("layers", self.layers, "names such as 'map 1'")))
        for name in self.numbers:
            object.__setattr__(self, name, number(name, getattr(self, name)))
        check_weights(hard_weight=self.hard_weight, attention_weight=self.attention_weight)
        if not all(str(layer).startswith("map ") for layer in self.layers):
            raise ValueError(f"attention is compared in layers such as 'map 1', not in {self.layers}")
        if self.of not in MAPS:
            raise ValueError(f"an attention map is made of {', '.join(MAPS)}, not of {self.of!r}")

    @property
    def needs_labels(self) -> bool:
        return self.hard_weight > 0

    @property
    def reads(self) -> tuple[str, ...]:
        return self.layers

    def seen(self, teacher: dict[str, Tensor]) -> dict[str, Tensor]:
        return {layer: _map_of(teacher[layer], 2, self.of) for layer in self.layers}

    def extra(self, student: dict[str, Tensor], teacher: dict[str, Tensor]) -> dict[str, Tensor]:
        for layer in self.layers:
            if student[layer].ndim < 3:
                raise ValueError(f"{layer} has shape {tuple(student[layer].shape)}: a map has channels and positions")
            positions = student[layer][0, 0].numel(), teacher[layer].shape[-1]
            if positions[0] != positions[1]:
                raise ValueError(
                    f"{layer} has {positions[0]} positions in the student and {positions[1]} in the teacher"
                )
        return {}

    def losses(self, outputs, labels, teacher, extra, hard_weight, attention_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        gaps = [_map_of(outputs[layer], 3, self.of) - teacher[layer] for layer in self.layers]
        apart = sum(gap.square().sum(-1).mean(-1) for gap in gaps) / 2
        return hard_weight * cross_entropy_terms(outputs["logits"], labels).mean(-1) + attention_weight * apart


def _map_of(layer: Tensor, first: int, of: str) -> Tensor:
    """The attention map of a layer whose positions, of a sequence or of an image, begin at dimension ``first``."""
    return attention_map(layer.flatten(first).unsqueeze(-1), of)
