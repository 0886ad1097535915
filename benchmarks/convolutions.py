"""Convolutional students fused or one after another: five of LeNet-5's shape, MNIST."""

import time

import torch
from common import device_asked, wait, write

import kdviz as kd
from kdviz.training.arrays import Array

MODELS = [kd.cnn(6, 16, hidden=(120, 84)), kd.cnn(16, 32, hidden=(64,))]
STUDENTS, STEPS = 5, 30


def milliseconds(recipes: list[kd.Recipe], device: str, parents: dict | None = None) -> float:
    """Of a step, measuring excluded."""
    array = Array(recipes, parents or {}, device)
    array.schedule.prepare(0, STEPS)
    array._take_steps(5)
    wait(device)
    began = time.perf_counter()
    array._take_steps(STEPS - 5)
    wait(device)
    return (time.perf_counter() - began) / (STEPS - 5) * 1000


def main():
    device = device_asked(__doc__)
    mnist = kd.load("mnist")
    given = torch.randn(len(mnist.train), 10, generator=torch.Generator().manual_seed(0))
    rows = []
    for model in MODELS:
        recipes = kd.grid(kd.Recipe(mnist, model, kd.SoftTargets(given)), seed=range(STUDENTS))
        alone = sum(milliseconds([recipe], device) for recipe in recipes)
        fused = milliseconds(recipes, device)
        rows.append(
            {
                "network": str(model),
                "students": STUDENTS,
                "one after another, ms": round(alone, 1),
                "fused, ms": round(fused, 1),
                "fusing gains": f"{alone / fused:.2f}×",
            }
        )
    write("convolutions", device, rows)


if __name__ == "__main__":
    main()
