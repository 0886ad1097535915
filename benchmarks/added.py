"""What one more student costs: arrays of 1 to 256 students of 30 units, MNIST."""

import resource
import time

import torch
from common import device_asked, wait, write

import kdviz as kd
from kdviz.training.arrays import Array

SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256]


def memory(device: str) -> float:
    """The most the process has held so far, MiB."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main():
    device = device_asked(__doc__)
    mnist = kd.load("mnist")
    given = torch.randn(len(mnist.train), 10, generator=torch.Generator().manual_seed(0))
    student = kd.Recipe(mnist, kd.mlp(30, 30), kd.SoftTargets(given), epochs=20)
    rows = []
    for size in SIZES:  # growing, for memory is the most so far
        seeds = min(size, 4)
        recipes = kd.grid(student, seed=range(seeds), temperature=range(1, size // seeds + 1))
        array = Array(recipes, {}, device)
        array.advance()
        wait(device)
        began = time.perf_counter()
        steps = sum(array.advance() for _ in range(2))
        wait(device)
        milliseconds = (time.perf_counter() - began) / steps * 1000
        rows.append(
            {
                "students": size,
                "ms a step": round(milliseconds, 2),
                "ms a step and student": round(milliseconds / size, 3),
                "memory so far, MiB": round(memory(device)),
            }
        )
        del array
    write("added", device, rows)


if __name__ == "__main__":
    main()
