"""Convolutional students fused or one after another, five of each, one of them of LeNet-5's shape."""

import time

import torch
from common import device_asked, wait, write

import kdviz as kd
from kdviz.training.arrays import Array

MODELS = {
    "mnist": [kd.cnn(6, 16, hidden=(120, 84)), kd.cnn(16, 32, hidden=(64,))],
    "digits": [kd.cnn(4, 8), kd.cnn(8, 16, hidden=(32,))],
    "mnist1d": [kd.cnn(8, 16), kd.cnn(32, 64)],
}
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
    rows = []
    for data, model in ((kd.load(name), model) for name, models in MODELS.items() for model in models):
        given = torch.randn(len(data.train), 10, generator=torch.Generator().manual_seed(0))
        recipes = kd.grid(kd.Recipe(data, model, kd.SoftTargets(given), epochs=50), seed=range(STUDENTS))
        alone = sum(milliseconds([recipe], device) for recipe in recipes)
        fused = milliseconds(recipes, device)
        rows.append(
            {
                "data": data.name,
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
