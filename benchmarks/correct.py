"""Before any timing on a device: its arrays against the CPU's, its resumed against its undisturbed, its precisions."""

import torch
from common import device_asked, write

import kdviz as kd
from kdviz.arrays import Array
from kdviz.measures import mean_and_interval
from kdviz.training import as_it_was


def trained(recipes, parents, device, restored_after=None):
    """The runs of one array; with ``restored_after`` segments, those of a second array that took over there."""
    with as_it_was(device):
        array, segments = Array(recipes, parents, device), 0
        while not array.done:
            array.advance()
            segments += 1
            if segments == restored_after:
                header, arrays = array.state()
                saved = {name: tensor.detach().cpu().clone() for name, tensor in arrays.items()}
                array = Array(recipes, parents, device)
                array.restore(header, saved)
        return array.runs()


def gap(runs, others):
    """The largest difference of any weight."""
    weights = [[run.arrays[name] for name in run.arrays if name != "test_logits"] for run in (*runs, *others)]
    return max((a - b).abs().max().item() for one, two in zip(weights[: len(runs)], weights[len(runs) :], strict=True)
               for a, b in zip(one, two, strict=True))  # fmt: skip


def main():
    device = device_asked(__doc__)
    digits = kd.load("digits")
    teacher = kd.Recipe(digits, kd.mlp(30), kd.HardLabels(), epochs=5)
    parents = {teacher: kd.train(teacher, store=None, device="cpu")}
    student = kd.Recipe(digits, kd.mlp(20, 16), kd.SoftTargets(teacher), epochs=10)
    several = kd.grid(student, temperature=[1, 4], seed=range(3))
    conv = kd.grid(student.replace(model=kd.cnn(4, 8, hidden=(16,)), epochs=4), seed=range(2), augment=[kd.Jitter(1)])
    rows = []

    def check(name, value, limit):
        assert value <= limit, f"{name}: {value} exceeds {limit}"
        rows.append({"check": name, "largest difference": f"{value:.1e}", "allowed": f"{limit:.0e}"})

    big = kd.Recipe(digits, kd.cnn(4, 6, hidden=(12,)), kd.HardLabels(), epochs=3)
    parents[big] = kd.train(big, store=None, device="cpu")
    looking = [kd.Hints(big), kd.AttentionTransfer(big), kd.Contrastive(big, dimensions=8)]
    small = kd.Recipe(digits, kd.cnn(2, 3), looking[0], epochs=4)
    groups = {"dense": several, "convolutional, augmented": conv}
    groups |= {type(each).__name__: kd.grid(small.replace(objective=each), seed=range(2)) for each in looking}
    torch.set_default_dtype(torch.float64)
    for name, recipes in groups.items():
        here, there = trained(recipes, parents, "cpu"), trained(recipes, parents, device)
        check(f"{name}, {device} against CPU, float64", gap(here, there), 1e-9)
        alone = [run for recipe in recipes for run in trained([recipe], parents, device)]
        check(f"{name}, fused against alone, float64", gap(there, alone), 1e-9)
    torch.set_default_dtype(torch.float32)
    for model in (kd.mlp(20, dropout=0.2), kd.cnn(4, 8, hidden=(16,), dropout=0.2)):
        dropping = kd.grid(student, seed=range(2), model=[model], epochs=[4], augment=[kd.Jitter(1)])
        taken_over = trained(dropping, parents, device, restored_after=2)
        check(f"{model} resumed against undisturbed, dropout", gap(trained(dropping, parents, device), taken_over), 0)
    full = None
    for precision in ("highest", "high", "medium"):
        torch.set_float32_matmul_precision(precision)
        runs = trained(kd.grid(student, seed=range(10), epochs=[30]), parents, device)
        mean, half = mean_and_interval([1 - run.history["test_accuracy"][-1] for run in runs])
        full = full or (mean, half)
        check(f"mean error of 10 seeds, {precision} against highest", abs(mean - full[0]), full[1])
    write("correct", device, rows)


if __name__ == "__main__":
    main()
