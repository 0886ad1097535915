"""The playground's teacher: a wide net trained on 3,000 clean points, in bytes, as ``kdviz/explorers`` ships it."""

import json

import torch

from kdviz.data.own import data_of
from kdviz.explorers import plane
from kdviz.explorers.pad import layers_of
from kdviz.explorers.view import packed
from kdviz.networks import mlp
from kdviz.objectives import HardLabels
from kdviz.recipes import Recipe
from kdviz.training import train

POINTS, WIDTH, EPOCHS, RATE, DECAY = 3000, 64, 60, 0.02, 0.05


def recipe() -> Recipe:
    """What the teacher is: nobody but the wide net sees these points, and their labels are their classes."""
    generator = torch.Generator().manual_seed(0)
    parts = {name: plane.sample(POINTS, generator) for name in ("train", "test")}
    data = data_of(**parts, classes=("a", "b", "c"))
    return Recipe(
        data, mlp(WIDTH, WIDTH), HardLabels(), epochs=EPOCHS, batch_size=100, learning_rate=RATE, weight_decay=DECAY
    )


def teacher() -> list[dict]:
    """Train it, a few seconds, and give its layers as pages read them, the weights in bytes."""
    network = train([recipe()], store=None)[0].network()
    layers = layers_of("teacher", network, 2, plane.CLASSES)
    return [{"weight": packed(w, "int8"), "scale": packed(s), "bias": packed(b)} for w, s, b in layers]


def write() -> None:
    """Train it and write it where the explorer reads it."""
    plane.KEPT.write_text(json.dumps({"layers": teacher()}, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{plane.KEPT.name}: {plane.KEPT.stat().st_size / 1000:.1f} kB")
