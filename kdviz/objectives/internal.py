"""What goes on inside: the teacher's attention rows and hidden vectors, copied layer by layer."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kdviz.arguments import number, several
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import Objective, check_weights
from kdviz.objectives.soft_targets import as_teacher, soft_target_terms, within_reach

PARTS = ("attention", "cls", "hidden")


def row_terms(student: Tensor, teacher: Tensor, places: Tensor) -> Tensor:
    r"""How far attention rows are apart: KL(teacher ‖ student), averaged over an example's heads and rows.

    .. math:: \frac{1}{H L'} \sum_{h, i} \sum_j A^T_{hij} \log \frac{A^T_{hij}}{A^S_{hij}}

    with the L' rows of places that are there: what padding looks at has no say (Aguilar et al. 2019).

    Parameters
    ----------
    student, teacher : Tensor, shape (..., N, heads, L, L)
        Each row a distribution.
    places : Tensor, shape (..., N, L)
        1 where a token is, 0 where there is padding.

    Returns
    -------
    Tensor, shape (..., N)
        In nats.
    """
    least = torch.finfo(student.dtype).tiny
    logs = teacher.clamp(min=least).log() - student.clamp(min=least).log()
    return _mean((teacher * logs).sum(-1).mean(-2), places)


def cosine_terms(student: Tensor, teacher: Tensor, places: Tensor) -> Tensor:
    """1 − the cosine of a student's and a teacher's hidden vector, averaged over an example's places: (..., N).

    Parameters
    ----------
    student, teacher : Tensor, shape (..., N, L, width)
    places : Tensor, shape (..., N, L)
        As in :func:`row_terms`: 1 at the places that count.
    """
    return _mean(1 - torch.cosine_similarity(student, teacher, -1), places)


def _mean(values: Tensor, places: Tensor) -> Tensor:
    """Of values (..., L) over the places that are there."""
    return (values * places).sum(-1) / places.sum(-1).clamp(min=1)


@dataclass(frozen=True)
class Internal(Objective):
    """The labels, the soft targets, and what goes on in the layers, each with a weight.

    ``hard_weight`` · cross entropy + ``soft_weight`` · soft-target loss + ``internal_weight`` · the sum of ``parts``,
    each averaged over ``layers``. For encoders of tokens, :func:`kdviz.transformer`.

    * ``"attention"``: KL of attention rows, :func:`row_terms`; as many heads are needed (Aguilar et al. 2019).
    * ``"cls"``: 1 − cosine of the hidden vectors at place 0, the learned vector's (the same).
    * ``"hidden"``: 1 − cosine of the hidden vectors at all places (Sanh et al. 2019, DistilBERT, section 3).

    Parameters
    ----------
    teacher : Recipe
    layers : tuple of (int, int)
        A student's layer and the teacher's that it copies, counted from 1.
    parts : tuple of str
    temperature : float
        Of the soft targets.
    hard_weight, soft_weight, internal_weight : float
        At least 0, and not all 0.
    """

    teacher: Any
    layers: tuple[tuple[int, int], ...]
    parts: tuple[str, ...] = ("attention", "cls")
    temperature: float = 1.0
    hard_weight: float = 0.0
    soft_weight: float = 0.0
    internal_weight: float = 1.0

    numbers = ("temperature", "hard_weight", "soft_weight", "internal_weight")
    reads = ("logits", "places")

    def __post_init__(self):
        object.__setattr__(self, "teacher", as_teacher(self.teacher))
        layers = several("layers", self.layers, "pairs such as (1, 2)")
        if not all(isinstance(pair, tuple | list) and [*map(type, pair)] == [int, int] for pair in layers):
            raise ValueError(f"layers are pairs, a student's and its teacher's, such as (1, 2), not {layers}")
        object.__setattr__(self, "layers", tuple(map(tuple, layers)))
        object.__setattr__(self, "parts", tuple(several("parts", self.parts, "names such as 'attention'")))
        if not {*self.parts} <= {*PARTS}:
            raise ValueError(f"parts are some of {', '.join(PARTS)}, not {self.parts}")
        for name in self.numbers:
            object.__setattr__(self, name, number(name, getattr(self, name)))
        object.__setattr__(self, "temperature", within_reach(self.temperature))
        check_weights(**{name: getattr(self, name) for name in self.numbers[1:]})

    @property
    def needs_labels(self) -> bool:
        return self.hard_weight > 0

    def check(self, recipe: Any) -> None:
        """See :meth:`Objective.check`."""
        for place, (who, model) in enumerate((("student", recipe.model), ("teacher", self.teacher.model))):
            lacks = [pair[place] for pair in self.layers if f"hidden {pair[place]}" not in model.outputs]
            if lacks or any(pair[place] < 1 for pair in self.layers):
                raise ValueError(f"layers of the {who} {model} count from 1: it has no layer {lacks or 0}")
            if "cls" in self.parts and model.pool != "cls":
                raise ValueError(f"the {who} {model} has no learned vector at place 0: leave 'cls' out of parts")

    def seen(self, teacher: dict[str, Tensor]) -> dict[str, Tensor]:
        """See :meth:`Objective.seen`."""
        named = {(part, theirs) for part in self.parts for _, theirs in self.layers}
        return {f"{part} {theirs}": _part(teacher, part, theirs, 1) for part, theirs in sorted(named)}

    def extra(self, student: dict[str, Tensor], teacher: dict[str, Tensor]) -> dict[str, Tensor]:
        """Nothing; ValueError where two layers cannot be compared."""
        for part in self.parts:
            for ours, theirs in self.layers:
                shapes = [tuple(_part(student, part, ours, 1).shape[1:]), tuple(teacher[f"{part} {theirs}"].shape[1:])]
                if shapes[0] != shapes[1]:
                    raise ValueError(
                        f"{part} {ours} of the student has shape {shapes[0]}, {part} {theirs} of the teacher "
                        f"{shapes[1]}: choose a student of the same width and as many heads"
                    )
        return {}

    def losses(self, outputs, labels, teacher, extra, temperature, hard_weight, soft_weight, internal_weight) -> Tensor:
        """See :meth:`Objective.losses`."""
        hard = cross_entropy_terms(outputs["logits"], labels).mean(-1)
        soft = soft_target_terms(outputs["logits"], teacher["logits"], temperature[:, None, None]).mean(-1)
        apart = sum(self._apart(part, *pair, outputs, teacher).mean(-1) for part in self.parts for pair in self.layers)
        return hard_weight * hard + soft_weight * soft + internal_weight * apart / len(self.layers)

    def _apart(self, part: str, ours: int, theirs: int, outputs: dict, teacher: dict) -> Tensor:
        student, places = _part(outputs, part, ours, 2), outputs["places"]
        terms = row_terms if part == "attention" else cosine_terms
        return terms(student, teacher[f"{part} {theirs}"], places[..., :1] if part == "cls" else places)


def _part(outputs: dict[str, Tensor], part: str, layer: int, first: int) -> Tensor:
    """What ``part`` says of a layer, whose places begin at dimension ``first``."""
    if part == "cls":
        return outputs[f"hidden {layer}"].narrow(first, 0, 1)
    return outputs[f"{part} {layer}"]
