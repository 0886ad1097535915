"""Share of the machine's own rate of matrix products that training reaches: five students of 800 units, MNIST."""

import statistics
import time
from itertools import pairwise

import torch
from common import device_asked, wait, write

import kdviz as kd
from kdviz.training.arrays import Array

STUDENTS, ROUNDS = 5, 8


def rate(device: str, size: int) -> float:
    """Operations a second of one large product, the best of a few."""
    a, b = torch.rand(size, size, device=device), torch.rand(size, size, device=device)
    best = 0.0
    for _ in range(6):
        wait(device)
        began = time.perf_counter()
        torch.mm(a, b)
        wait(device)
        best = max(best, 2 * size**3 / (time.perf_counter() - began))
    return best


def operations_of_a_step(recipe: kd.Recipe, inputs: int, classes: int) -> int:
    """Multiplications and additions in a student's products: forward, by weights and, but for the first, by inputs."""
    sizes = [inputs, *recipe.model.hidden, classes]
    layers = [2 * recipe.batch_size * before * after for before, after in pairwise(sizes)]
    return 3 * sum(layers) - layers[0]


def main():
    device = device_asked(__doc__)
    mnist = kd.load("mnist")
    given = torch.randn(len(mnist.train), 10, generator=torch.Generator().manual_seed(0))
    student = kd.Recipe(mnist, kd.mlp(800, 800), kd.SoftTargets(given, temperature=4), epochs=20)
    rows = []
    for precision in ("highest", "high", "medium"):
        torch.set_float32_matmul_precision(precision)
        array = Array(kd.grid(student, seed=range(STUDENTS)), {}, device)
        array.advance()
        shares, rates, speeds = [], [], []
        for _ in range(ROUNDS):  # side by side: the rate is measured before and after
            before = rate(device, 2048 if device == "cpu" else 8192)
            began = time.perf_counter()
            steps = array.advance()
            wait(device)
            seconds = time.perf_counter() - began
            after = rate(device, 2048 if device == "cpu" else 8192)
            rates.append((before + after) / 2)
            speeds.append(steps * STUDENTS * operations_of_a_step(student, 784, 10) / seconds)
            shares.append(speeds[-1] / rates[-1])
        rows.append(
            {
                "float32 precision": precision,
                "machine, Gflop/s": round(statistics.median(rates) / 1e9),
                "training, Gflop/s": round(statistics.median(speeds) / 1e9),
                "share": f"{statistics.median(shares):.0%}",
                "shares of the rounds": f"{min(shares):.0%} to {max(shares):.0%}",
            }
        )
    write("products", device, rows)


if __name__ == "__main__":
    main()
