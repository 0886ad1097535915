"""Five pairs of peers that teach each other: in one array, or pair after pair as modules; MNIST, batches of 64."""

import os
import time
from unittest import mock

from common import device_asked, wait, write

import kdviz as kd
from kdviz.objectives import MutualLearning
from kdviz.training import arrays
from kdviz.training.alone import Alone

NETS = [kd.mlp(30, 30), kd.mlp(300, 300), kd.cnn(6, 16), kd.strided(8, 16, 32)]
RUNS, PEERS, STEPS, WARM = 5, 2, 25, 5


def milliseconds(recipes: list[kd.Recipe], device: str) -> tuple[float, float]:
    """Of a step, measuring excluded: by the clock, and of this process's own work."""
    array = arrays.Array(recipes, {}, device)
    array.schedule.prepare(0, STEPS)
    array._take_steps(WARM)
    wait(device)
    began, worked = time.perf_counter(), time.process_time()
    array._take_steps(STEPS - WARM)
    wait(device)
    taken = time.perf_counter() - began, time.process_time() - worked
    return tuple(1000 * seconds / (STEPS - WARM) for seconds in taken)


def main():
    device = device_asked(__doc__)
    mnist, rows = kd.load("mnist"), []
    for net in NETS:
        recipe = kd.Recipe(mnist, kd.members(net, PEERS), MutualLearning(), batch_size=64)
        recipes = kd.grid(recipe, seed=range(RUNS))
        with mock.patch.object(arrays, "engine_of", lambda recipe, networks, device: Alone(networks, device)):
            alone = [sum(each) for each in zip(*(milliseconds([one], device) for one in recipes), strict=True)]
        single = [sum(each) for each in zip(*(milliseconds([one], device) for one in recipes), strict=True)]
        fused = milliseconds(recipes, device)
        which = 0 if device == "cuda" or os.getloadavg()[0] < 1.5 else 1
        rows.append(
            {
                "network": str(net),
                "pairs": RUNS,
                "modules, ms": round(alone[which], 1),
                "an array a pair, ms": round(single[which], 1),
                "one array, ms": round(fused[which], 1),
                "one array gains": f"{alone[which] / fused[which]:.1f}×",
                "counted": ["by the clock", "processor time"][which],
            }
        )
    write("peers", device, rows)


if __name__ == "__main__":
    main()
