"""Before any timing on a device: its arrays against the CPU's, its resumed against its undisturbed, its precisions."""

import traceback
from collections.abc import Callable

import torch
from common import device_asked, write

import kdviz as kd
import kdviz.networks
from kdviz.measures import mean_and_interval
from kdviz.training.checkpoints import restore, state
from kdviz.training.starting import as_it_was
from kdviz.training.work import body_of


def trained(recipes, parents, device, restored_after=None):
    """The runs of one array; with ``restored_after`` segments, those of a second array that took over there."""
    with as_it_was(device):
        array, segments = body_of(recipes, parents, device), 0
        while not array.done:
            array.advance()
            segments += 1
            if segments == restored_after:
                header, arrays = state(array)
                saved = {name: tensor.detach().cpu().clone() for name, tensor in arrays.items()}
                array = body_of(recipes, parents, device)
                restore(array, header, saved)
        return array.runs()


def gap(runs, others):
    """The largest difference of any weight."""
    weights = [[run.arrays[name] for name in run.arrays if name != "test_logits"] for run in (*runs, *others)]
    return max((a - b).abs().max().item() for one, two in zip(weights[: len(runs)], weights[len(runs) :], strict=True)
               for a, b in zip(one, two, strict=True))  # fmt: skip


def main():
    device = device_asked(__doc__)
    rows, failed = [], []

    def check(name: str, value: float, limit: float) -> None:
        rows.append({"check": name, "largest difference": f"{value:.1e}", "allowed": f"{limit:.0e}"})
        if not value <= limit:
            failed.append(f"{name}: {value} exceeds {limit}")

    for part in (fused_and_alone, of_any_kind, taught_by_each_other, generators, resumed, precisions):
        try:  # the parts that follow are tried too: a device is not always at hand
            part(device, check)
        except Exception:
            traceback.print_exc()
            failed.append(f"{part.__name__} broke off")
    if failed:
        raise SystemExit("\n".join([*map(str, rows), *failed]))
    write("correct", device, rows)


def students() -> tuple[kd.Recipe, dict]:
    digits = kd.load("digits")
    teacher = kd.Recipe(digits, kd.mlp(30), kd.HardLabels(), epochs=5)
    return kd.Recipe(digits, kd.mlp(20, 16), kd.SoftTargets(teacher), epochs=10), trained_here(teacher)


def trained_here(teacher: kd.Recipe) -> dict:
    return {teacher: kd.train(teacher, store=None, device="cpu")}


def fused_and_alone(device: str, check: Callable) -> None:
    """Arrays of each kind of objective, in double precision."""
    student, parents = students()
    big = kd.Recipe(kd.load("digits"), kd.cnn(4, 6, hidden=(12,)), kd.HardLabels(), epochs=3)
    parents |= trained_here(big)
    conv = student.replace(model=kd.cnn(4, 8, hidden=(16,)), epochs=4, augment=kd.Jitter(1))
    looking = [kd.Hints(big), kd.AttentionTransfer(big), kd.Contrastive(big, dimensions=8)]
    small = student.replace(model=kd.cnn(2, 3), epochs=4)
    groups = {
        "dense": kd.grid(student, temperature=[1, 4], seed=range(3)),
        "convolutional, augmented": kd.grid(conv, seed=range(2)),
    }
    groups |= {type(each).__name__: kd.grid(small.replace(objective=each), seed=range(2)) for each in looking}
    torch.set_default_dtype(torch.float64)
    try:
        for name, recipes in groups.items():
            here, there = trained(recipes, parents, "cpu"), trained(recipes, parents, device)
            check(f"{name}, {device} against CPU, float64", gap(here, there), 1e-9)
            alone = [run for recipe in recipes for run in trained([recipe], parents, device)]
            check(f"{name}, fused against alone, float64", gap(there, alone), 1e-9)
    finally:
        torch.set_default_dtype(torch.float32)


def of_any_kind(device: str, check: Callable) -> None:
    """A module with buffers, a loss of one's own, an average of a student's weights, in double precision."""
    student, parents = students()
    sgd = {"optimizer": kd.SGD(), "learning_rate": 0.01, "epochs": 3}
    own = mean_square(student.objective.teacher, weight=0.5)
    groups = {
        "resnet-8": [student.replace(model=kd.resnet(8, width=4), augment=kd.Flip(), **sgd)],
        "a loss of one's own": kd.grid(student.replace(objective=own, epochs=3), weight=[0.5, 1], seed=range(2)),
        "pruned": kd.grid(student.replace(compression=kd.Prune(0.5), epochs=3), seed=range(2)),
        "rounded to 3 bits": kd.grid(student.replace(compression=kd.Quantise(3), epochs=3), seed=range(2)),
        "an averaged target": kd.grid(
            student.replace(objective=kd.objectives.AveragedTarget(), epochs=3), seed=range(2)
        ),
    }
    torch.set_default_dtype(torch.float64)
    try:
        for name, recipes in groups.items():
            here, there = trained(recipes, parents, "cpu"), trained(recipes, parents, device)
            check(f"{name}, {device} against CPU, float64", gap(here, there), 1e-9)
    finally:
        torch.set_default_dtype(torch.float32)


def taught_by_each_other(device: str, check: Callable) -> None:
    """Peers, exits, pseudo-labels and specialists, in double precision."""
    student, parents = students()
    few, net = student.replace(epochs=4), kd.strided(4, 6, 8)
    noisy = kd.objectives.PseudoLabels(student.objective.teacher, kd.load("digits").take(300, seed=1), balanced=True)
    groups = {
        "peers": (kd.members(net, 3), kd.objectives.MutualLearning()),
        "unequal peers": (kd.members((net, kd.mlp(9))), kd.objectives.MutualLearning(listens="mean")),
        "exits": (kd.strided(4, 6, 8, exits=True), kd.objectives.OwnExits(hint_weight=0.1)),
        "pseudo-labels": (kd.mlp(20), noisy),
        "several losses at once": (kd.mlp(20), kd.objectives.ContrastiveSoftTargets(student.objective.teacher)),
    }
    torch.set_default_dtype(torch.float64)
    try:
        for name, (model, objective) in groups.items():
            recipe = few.replace(model=model, objective=objective)
            here, there = trained([recipe], parents, "cpu"), trained([recipe], parents, device)
            check(f"{name}, {device} against CPU, float64", gap(here, there), 1e-9)
    finally:
        torch.set_default_dtype(torch.float32)


def generators(device: str, check: Callable) -> None:
    """A generator and its adversary, taught and with its teacher's adversary, in double precision; resumed."""
    wide = kd.Recipe(kd.load("digits"), kd.unet(4), kd.Adversarial(), epochs=2, batch_size=50, learning_rate=5e-3)
    taught = kd.Adversarial(wide, hard_weight=0.5, soft_weight=0.7, feature_weight=0.2, inherit=True)
    narrow = wide.replace(model=kd.unet(2), objective=taught, seed=1)
    torch.set_default_dtype(torch.float64)
    try:
        parents = trained_here(wide)
        here, there = trained([narrow], parents, "cpu"), trained([narrow], parents, device)
        check(f"a generator, {device} against CPU, float64", gap(here, there), 1e-9)
    finally:
        torch.set_default_dtype(torch.float32)
    parents = trained_here(wide)
    taken_over = trained([narrow], parents, device, restored_after=1)
    check("a generator resumed against undisturbed", gap(trained([narrow], parents, device), taken_over), 0)


@kd.objective
def mean_square(student, teacher, labels, weight=1.0):
    return weight * (student["logits"] - teacher["logits"]).square().mean()


def resumed(device: str, check: Callable) -> None:
    """With dropout, augmentation and buffers, to the last bit."""
    student, parents = students()
    memory = kd.objectives.ContrastiveBank(student.objective.teacher, negatives=8, dimensions=4)
    groups = [{"model": kd.mlp(20, dropout=0.2)}, {"model": kd.cnn(4, 8, hidden=(16,), dropout=0.2)}]
    groups += [{"model": kd.resnet(8, width=4)}, {"objective": memory}]
    for changes in groups:
        dropping = kd.grid(student.replace(epochs=4, augment=kd.Jitter(1)).replace(**changes), seed=range(2))
        dropping = dropping[:1] if isinstance(changes.get("model"), kdviz.networks.ResNet) else dropping
        taken_over = trained(dropping, parents, device, restored_after=2)
        name = f"{type(dropping[0].objective).__name__}, {dropping[0].model}"
        check(f"{name} resumed against undisturbed", gap(trained(dropping, parents, device), taken_over), 0)


def precisions(device: str, check: Callable) -> None:
    """TF32 and bfloat16 products move the mean error by less than its interval over seeds."""
    student, parents = students()
    residual = student.replace(model=kd.resnet(8, width=8), epochs=5, learning_rate=1e-2)
    for name, recipe in (("array", student.replace(epochs=30)), ("resnet-8", residual)):
        full = None
        for precision in ("highest", "high", "medium"):
            torch.set_float32_matmul_precision(precision)
            recipes = kd.grid(recipe, seed=range(10))
            groups = [recipes] if name == "array" else [[each] for each in recipes]
            runs = [run for group in groups for run in trained(group, parents, device)]
            mean, half = mean_and_interval([1 - run.history["test_accuracy"][-1] for run in runs])
            full = full or (mean, half)
            check(f"{name}: mean error of 10 seeds, {precision} against highest", abs(mean - full[0]), full[1])
    torch.set_float32_matmul_precision("highest")


if __name__ == "__main__":
    main()
