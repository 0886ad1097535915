"""Milliseconds a step: kdviz's array, the same students with torch.func (stacked modules, vmap), one job at a time."""

import time

import torch
from common import device_asked, wait, write
from torch.func import functional_call, stack_module_state, vmap
from torch.optim.adamw import adamw

import kdviz as kd
from kdviz.training.arrays import Array

SWEEPS = {30: (5, 5), 300: (2, 5), 800: (1, 5)}  # units: temperatures, seeds
STEPS = 40


def milliseconds(step, device: str) -> float:
    for _ in range(5):
        step()
    wait(device)
    began = time.perf_counter()
    for _ in range(STEPS):
        step()
    wait(device)
    return (time.perf_counter() - began) / STEPS * 1000


def of_array(recipes: list[kd.Recipe], device: str) -> float:
    array = Array(recipes, {}, device)

    def step():
        array.schedule.prepare(0, 1)
        array._take_steps(1)

    return milliseconds(step, device)


def of_vmap(recipes: list[kd.Recipe], device: str) -> float:
    """The same batches, loss and optimizer; the network called through vmap over its stacked weights."""
    array = Array(recipes, {}, device)
    networks = [recipe.model.build((1, 28, 28), 10).to(device) for recipe in recipes]
    stacked, _ = stack_module_state(networks)
    first, second = ([torch.zeros_like(p) for p in stacked.values()] for _ in range(2))
    counts = [torch.zeros((), device=device) for _ in stacked]
    forward = vmap(lambda weights, inputs: functional_call(networks[0], weights, (inputs,))["logits"])

    def step():
        array.schedule.prepare(0, 1)
        (inputs, _), rows = array._batch(), array.schedule.rows[array.schedule.stream_of]
        logits = forward(stacked, inputs[array.schedule.stream_of])
        taught = array.teachers.outputs(inputs, rows)
        losses = kd.SoftTargets.losses({"logits": logits}, array.labels[rows], taught, {}, **array.numbers)
        gradients = torch.autograd.grad(losses.sum(), [*stacked.values()])
        laid_out = [gradient.contiguous() for gradient in gradients]  # as the weights: the fused kernel needs it
        with torch.no_grad():
            adamw(
                [*stacked.values()], laid_out, first, second, [], counts, fused=True,
                capturable=device == "cuda", amsgrad=False, beta1=0.9, beta2=0.999, eps=1e-8,
                lr=array.schedule.rate, weight_decay=0.01, maximize=False,
            )  # fmt: skip

    return milliseconds(step, device)


def main():
    device = device_asked(__doc__)
    mnist = kd.load("mnist")
    given = torch.randn(len(mnist.train), 10, generator=torch.Generator().manual_seed(0))
    rows = []
    for units, (temperatures, seeds) in SWEEPS.items():
        student = kd.Recipe(mnist, kd.mlp(units, units), kd.SoftTargets(given))
        recipes = kd.grid(student, seed=range(seeds), temperature=range(1, temperatures + 1))
        array, peer = of_array(recipes, device), of_vmap(recipes, device)
        alone = of_array(recipes[:1], device) * len(recipes)
        rows.append(
            {
                "units": units,
                "students": len(recipes),
                "kdviz": round(array, 2),
                "torch.func": round(peer, 2),
                "one job at a time": round(alone, 2),
                "against torch.func": f"{peer / array:.1f}×",
                "against one at a time": f"{alone / array:.1f}×",
            }
        )
    write("peer", device, rows)


if __name__ == "__main__":
    main()
