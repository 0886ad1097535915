"""The playground: two small nets learn three classes in the plane, one from a teacher, one from labels."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from kdviz.arguments import told
from kdviz.explorers import plane
from kdviz.explorers.view import View
from kdviz.figures.look import BESIDE

CHOICES = {
    "temperature": [0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8, 11, 16, 22, 32],
    "hard": [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1],
    "noise": [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4],
    "points": [15, 30, 45, 60, 90, 120, 200, 300, 400],
    "width": [3, 4, 6, 8, 12, 16, 24, 32],
}
START = {"temperature": 4, "hard": 0, "noise": 0, "points": 45, "width": 16}
TRIES = [
    ("1 Soft targets", {}, "Two small nets see the same few points. One is told the label of each. The other is told "
     "what a teacher thinks of it: how near is another class? Watch where the borders go."),
    ("2 Cool: T = 0.1", {"temperature": 0.1}, "At a low T a soft target says one class and hides the rest, like a "
     "label. Both borders now bend round single points. Then move T up: they part."),
    ("3 Spoil the labels", {"noise": 0.25}, "A quarter of the labels is wrong (ringed). The student on labels learns "
     "them by heart. The teacher never sees them. Now raise the hard weight: the labels' errors come back."),
    ("4 Too hot, too small", {"temperature": 32, "points": 400, "width": 4}, "At a high T a student has to match every "
     "logit, also far from the border. A net this small cannot. Many points have honest labels: count who wins."),
]  # fmt: skip
COLOURS = (BESIDE[0], BESIDE[1], BESIDE[3])  # of the classes
SIDE, GRAIN = 320, 0.025  # cells across, of the picture, and how far the teacher's colours are shaken


def playground(**start: float) -> View:
    """A plane of three classes, a teacher, and two small students that train in the page.

    One student learns from the teacher's soft targets at T (beside labels, with a hard weight), one from the labels of
    the same points. They start from the same weights and take the same steps: Adam, all points at once. After each
    round is counted who is nearer the true border, and who is nearer the teacher. The teacher, a net of 64-64 units
    trained on 3,000 clean points, is shipped; ``python -m kdviz.publish playground`` trains it again.

    Parameters
    ----------
    **start
        Where the controls stand at first: ``temperature``, ``hard`` (weight of the labels; the soft targets have the
        rest), ``noise`` (share of labels spoilt), ``points`` and ``width`` (units a hidden layer), each one of its
        slider's values in ``kdviz.explorers.playground.CHOICES``; ``seed``, of points and first weights, from 0 to
        9999.

    Raises
    ------
    ValueError
        A control that there is not, or a value that its slider does not have.
    """
    state = START | {"seed": 1} | start
    if unknown := set(state) - {*START, "seed"}:
        raise ValueError(f"the playground has no control {min(unknown)!r}, but {', '.join(START)} and seed")
    for name, values in CHOICES.items():
        if state[name] not in values:
            known = ", ".join(map(str, values))
            raise ValueError(f"the playground's {name} is one of {known}, not {told(state[name])}")
    if state["seed"] not in range(10_000):
        raise ValueError(f"the playground's seed is a whole number from 0 to 9999, not {told(state['seed'])}")
    plural = {"temperature": "temperatures", "hard": "hards", "noise": "noises", "points": "counts", "width": "widths"}
    data = {
        "layers": plane.teacher()["layers"],
        "classes": COLOURS,
        "tries": [{"name": name, "state": START | changed, "hint": hint} for name, changed, hint in TRIES],
        **{plural[name]: values for name, values in CHOICES.items()},
    }
    return View("playground", data, _still, (9.5, 3.7), **state)


def _still(figure: Figure, temperature: float, hard: float, noise: float, points: int, width: int, seed: int) -> None:
    places, labels, _ = plane.points(points, noise, seed)
    said = plane.answers(places)
    cells, everywhere = plane.disc(SIDE)
    believed = plane.answers(everywhere)
    truth = plane.likeliest(everywhere)
    axes = figure.subplots(1, 3)
    _disc(axes[0], cells, (believed / temperature).softmax(-1), GRAIN)
    axes[0].set_title(f"Teacher at T = {temperature:g}", fontsize=11)
    for ax, weight, name in ((axes[1], hard, "soft targets"), (axes[2], 1.0, "labels")):
        student = plane.net([2, width, width, plane.CLASSES], seed)
        plane.trained(student, places, said, labels, temperature, weight, plane.STEPS)
        with torch.no_grad():
            answers = student(everywhere)
        _disc(ax, cells, answers.softmax(-1))
        apart = np.zeros(SIDE * SIDE)
        apart[cells] = answers.argmax(-1) != believed.argmax(-1)
        ax.contourf(apart.reshape(SIDE, SIDE), [0.5, 1.5], colors="none", hatches=["////"], extent=(-1, 1, 1, -1))
        colours = _mixed((said / temperature).softmax(-1)) if weight < 1 else [COLOURS[label] for label in labels]
        ax.scatter(*places.T, s=18, c=colours, edgecolors="white", linewidths=0.8)
        wrong = 100 * (answers.argmax(-1) != truth).double().mean().item()
        ax.set_title(f"On {name}: {wrong:.1f} % wrong", fontsize=11)


def _disc(ax: Axes, cells: Tensor, shares: Tensor, grain: float = 0.0) -> None:
    """Probabilities as colours, the true border dashed."""
    picture = np.ones((SIDE * SIDE, 3))
    shaken = np.random.default_rng(0).uniform(-grain, grain, (len(cells), 1))  # so that 256 colours show no bands
    picture[cells] = (_mixed(shares) + shaken).clip(0, 1)
    ax.imshow(picture.reshape(SIDE, SIDE, 3), extent=(-1, 1, -1, 1), interpolation="nearest")
    radius = np.linspace(0, 1, 60)
    for sixth in (1, 3, 5):
        angle = sixth * np.pi / 3 + plane.TWIST * radius
        ax.plot(radius * np.cos(angle), radius * np.sin(angle), "--", color="black", linewidth=1)
    ax.set_axis_off()


def _mixed(shares: Tensor) -> np.ndarray:
    """The classes' colours mixed by shares, shape (N, 3), paler the less sure."""
    sure = ((1.5 * shares.max(-1).values - 0.5) * 0.7 + 0.1).numpy()[:, None]
    return 1 + sure * (shares.numpy() @ np.array([to_rgb(colour) for colour in COLOURS]) - 1)
