"""The playground's world: three classes in the plane, a teacher of them, and small students; ``views/`` has its twins.

``views/plane.js`` draws the same points and ``views/net.js`` takes the same steps: tests hold them to that.
"""

import json
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from kdviz.explorers import modules
from kdviz.explorers.view import unpacked

CLASSES, TWIST, BLUR, INNER, MOST = 3, 2.4, 0.5, 0.02, 400
TURN = 2 * np.pi / CLASSES
RATE, STEPS = 0.02, 500  # of a round
KEPT = modules.FOLDER / "teacher.json"  # written by `python -m kdviz.publish playground`


def dice(seed: int) -> Iterator[float]:
    """Numbers in [0, 1) without end: Mulberry32, as pages can have it."""
    state, whole = seed & 0xFFFFFFFF, 0xFFFFFFFF
    while True:
        state = (state + 0x6D2B79F5) & whole
        mixed = ((state ^ (state >> 15)) * (state | 1)) & whole
        mixed ^= (mixed + (((mixed ^ (mixed >> 7)) * (mixed | 61)) & whole)) & whole
        yield (mixed ^ (mixed >> 14)) / 2**32


def normal(die: Iterator[float]) -> float:
    """One draw of the standard normal distribution (Box and Muller)."""
    return float(np.sqrt(-2 * np.log(1 - next(die))) * np.cos(2 * np.pi * next(die)))


@cache
def _drawn(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    die, rows = dice(seed), []
    for i in range(MOST):
        radius = np.sqrt(INNER + (1 - INNER) * next(die))
        angle = TURN * (i % CLASSES) + TWIST * radius + BLUR * normal(die)
        rows.append((radius * np.cos(angle), radius * np.sin(angle), next(die), (i + 1 + int(2 * next(die))) % CLASSES))
    table = torch.tensor(rows, dtype=torch.float64)
    return table[:, :2], torch.arange(MOST) % CLASSES, table[:, 2], table[:, 3].long()


def points(count: int, noise: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """What students learn: places, shape (N, 2), their labels, and which labels are not their classes, shape (N,).

    Of one seed fewer points are the first of more, and more noise changes the same labels and others.
    """
    places, classes, chance, others = (each[:count] for each in _drawn(seed))
    flipped = chance < noise
    return places, torch.where(flipped, others, classes), flipped


def sample(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Clean points by the thousand, for the teacher: places, shape (N, 2), and classes, shape (N,)."""
    classes = torch.arange(count) % CLASSES
    radius = (INNER + (1 - INNER) * torch.rand(count, generator=generator)).sqrt()
    angle = TURN * classes + TWIST * radius + BLUR * torch.randn(count, generator=generator)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], -1), classes


def likeliest(places: Tensor) -> Tensor:
    """The likeliest class of each place, shape (N, 2): that of the nearest arm."""
    turned = torch.atan2(places[:, 1], places[:, 0]) - TWIST * places.norm(dim=-1)
    return torch.round(turned / TURN).long() % CLASSES


def disc(side: int) -> tuple[Tensor, Tensor]:
    """The cells of a square whose middles lie in the unit disc: their numbers, row after row from the top, and places.

    Shapes (M,) and (M, 2).
    """
    across = (2 * torch.arange(side, dtype=torch.float64) + 1) / side - 1
    up, right = torch.meshgrid(-across, across, indexing="ij")
    places = torch.stack([right, up], -1).reshape(-1, 2)
    cells = (places.square().sum(-1) <= 1).nonzero().squeeze(1)
    return cells, places[cells]


@cache
def teacher() -> dict:
    """The shipped teacher as pages read it: layers as :func:`kdviz.explorers.view.packed` gives them."""
    return json.loads(KEPT.read_text(encoding="utf-8"))


def answers(places: Tensor) -> Tensor:
    """The teacher's logits, shape (N, 3), of places, shape (N, 2), in float64."""
    x, layers = places.double(), teacher()["layers"]
    for depth, layer in enumerate(layers):
        weight, scale, bias = (unpacked(layer[name]).double() for name in ("weight", "scale", "bias"))
        x = x @ (weight * scale[:, None]).T + bias
        x = x if depth == len(layers) - 1 else x.relu()
    return x


def net(sides: list[int], seed: int) -> nn.Sequential:
    """A student with the first weights that the page gives it: normal (He et al. 2015), biases 0, in float64."""
    die, layers = dice(seed), []
    for inputs, outputs in pairwise(sides):
        layer = nn.Linear(inputs, outputs, dtype=torch.float64)
        weights = [normal(die) * np.sqrt(2 / inputs) for _ in range(inputs * outputs)]
        layer.weight.data = torch.tensor(weights, dtype=torch.float64).reshape(outputs, inputs)
        layer.bias.data.zero_()
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def loss(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, hard: float) -> Tensor:
    """``hard · CE + (1 − hard) · T² KL(teacher ‖ student)``, averaged over points; logits of shape (N, 3)."""
    log_p, log_q = ((logits / temperature).log_softmax(-1) for logits in (teacher, student))
    soft = temperature**2 * (log_p.exp() * (log_p - log_q)).sum(-1).mean()
    return hard * nn.functional.cross_entropy(student, labels) + (1 - hard) * soft


def trained(
    student: nn.Module, places: Tensor, teacher: Tensor, labels: Tensor, temperature: float, hard: float, steps: int
) -> nn.Module:
    """The student after so many steps of Adam on all points at once."""
    steepest = torch.optim.Adam(student.parameters(), lr=RATE)
    for _ in range(steps):
        steepest.zero_grad()
        loss(student(places), teacher, labels, temperature, hard).backward()
        steepest.step()
    return student
