"""One student trained the plain way, with modules, autograd and an optimizer: what arrays must equal."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from kdviz.data import load_described
from kdviz.recipes.schedules import SGD, one_cycle
from kdviz.training.schedule import seed_of


def trained_alone(recipe, teacher=None):
    """The network that ``recipe`` (without augmentation) ends with, in the default precision.

    ``teacher`` is None, a tensor of logits for the full training set, a network or, for Contrastive, a list of them.
    """
    data = load_described(recipe.data)
    torch.manual_seed(seed_of(recipe.seed, "initialisation"))
    network = recipe.model.build(tuple(data.train.inputs.shape[1:]), len(data.classes)).to(torch.get_default_dtype())
    one = data.train.inputs[:1].to(torch.get_default_dtype())
    torch.manual_seed(seed_of(recipe.seed, "extra"))
    teacher = nn.ModuleList(teacher) if isinstance(teacher, list) else teacher
    answered = asked(teacher, one)
    extra = extra_layers(recipe.objective, network.eval()(one), answered) if isinstance(teacher, nn.Module) else {}
    parameters = [*network.parameters(), *(weight for layer in extra.values() for weight in layer.parameters())]
    plain = isinstance(recipe.optimizer, SGD)
    if plain:
        said = {"momentum": recipe.optimizer.momentum, "nesterov": recipe.optimizer.nesterov}
        optimizer = torch.optim.SGD(parameters, lr=1.0, weight_decay=recipe.weight_decay, foreach=False, **said)
    else:
        optimizer = torch.optim.AdamW(parameters, weight_decay=recipe.weight_decay, foreach=False)
    network.train()
    steps = round(recipe.epochs * len(data.full_train) / recipe.batch_size)
    generator, rows = torch.Generator().manual_seed(seed_of(recipe.seed, "order")), torch.empty(0, dtype=torch.int64)
    for step in range(1, steps + 1):
        while len(rows) < recipe.batch_size:
            rows = torch.cat([rows, torch.randperm(len(data.train), generator=generator)])
        batch, rows = data.train[rows[: recipe.batch_size]], rows[recipe.batch_size :]
        inputs = batch.inputs.to(torch.get_default_dtype())
        with torch.no_grad():
            taught = asked(teacher, inputs)
        loss = loss_of(recipe.objective, network(inputs), batch, taught, extra)
        for weight in parameters:
            weight.grad = torch.zeros_like(weight)  # those that a loss does not reach decay all the same
        loss.backward()
        rate = rate_at(recipe, step, steps, len(data.full_train))
        optimizer.param_groups[0]["lr"] = torch.tensor(rate, dtype=torch.float32).item()
        optimizer.step()
    return network.eval()


def rate_at(recipe, step, steps, examples):
    """As torch's own schedulers have it, but for the one cycle."""
    if not isinstance(recipe.optimizer, SGD):
        return one_cycle(step, steps, recipe.learning_rate)
    toy = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=recipe.learning_rate)
    if recipe.optimizer.milestones:
        passed = [math.ceil(epoch * examples / recipe.batch_size - 1e-9) for epoch in recipe.optimizer.milestones]
        scheduler = torch.optim.lr_scheduler.MultiStepLR(toy, passed, recipe.optimizer.factor)
    else:
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(toy, steps)
    for _ in range(step - 1):
        toy.step()
        scheduler.step()
    return scheduler.get_last_lr()[0]


def asked(teacher, inputs):
    """What a teacher answers; of several, a list; given logits as they are."""
    if isinstance(teacher, nn.ModuleList):
        return [each(inputs) for each in teacher]
    return teacher(inputs) if isinstance(teacher, nn.Module) else teacher


def extra_layers(objective, student, teacher):
    kind = type(objective).__name__
    if kind in ("Hints", "OneStageHints"):
        hint, guided = teacher[objective.layer], student[objective.layer]
        regressor = nn.Linear(guided.shape[1], hint.shape[1])
        if guided.ndim == 4:
            as_convolution = nn.Conv2d(guided.shape[1], hint.shape[1], 1)
            as_convolution.weight.data = regressor.weight.data[..., None, None].clone()
            as_convolution.bias.data = regressor.bias.data.clone()
            regressor = as_convolution
        return {"regressor": regressor}
    if kind == "Contrastive" and isinstance(teacher, list):
        layers = {}
        for i, each in enumerate(teacher):
            layers[f"student {i}"] = nn.Linear(student["features"].shape[1], objective.dimensions)
            layers[f"teacher {i}"] = nn.Linear(each["features"].shape[1], objective.dimensions)
        return layers
    if kind in ("Contrastive", "ContrastiveSoftTargets"):
        return {
            "student": nn.Linear(student["features"].shape[1], objective.dimensions),
            "teacher": nn.Linear(teacher["features"].shape[1], objective.dimensions),
        }
    return {}


def loss_of(objective, outputs, batch, teacher, extra):
    hard = F.cross_entropy(outputs["logits"], batch.labels)
    kind = type(objective).__name__
    if kind == "HardLabels":
        weight = torch.tensor(objective.class_weights) if objective.class_weights else None
        return F.cross_entropy(outputs["logits"], batch.labels, weight, label_smoothing=objective.smoothing)
    if kind == "HardDistillation":
        soft = F.cross_entropy(outputs["logits"], teacher["logits"].argmax(-1))
        return objective.hard_weight * hard + objective.soft_weight * soft
    if kind in ("ReverseKL", "JSD"):
        T = objective.temperature
        q, p = ((net["logits"] / T).softmax(-1) for net in (outputs, teacher))
        soft = T**2 * (reverse(p, q) if kind == "ReverseKL" else jensen_shannon(p, q, objective.beta))
        return objective.hard_weight * hard + objective.soft_weight * soft
    if kind == "SoftTargets":
        T, logits = (
            objective.temperature,
            teacher[batch.index] if isinstance(teacher, torch.Tensor) else teacher["logits"],
        )
        targets = (logits.to(outputs["logits"].dtype) / T).softmax(-1)
        soft = F.kl_div((outputs["logits"] / T).log_softmax(-1), targets, reduction="batchmean") * T**2
        return objective.hard_weight * hard + objective.soft_weight * soft
    if kind == "Hints":
        predicted = torch.relu(extra["regressor"](outputs[objective.layer]))
        return 0.5 * F.mse_loss(predicted, teacher[objective.layer], reduction="sum") / len(batch)
    if kind == "OneStageHints":
        predicted = torch.relu(extra["regressor"](outputs[objective.layer]))
        return objective.hard_weight * hard + objective.hint_weight * F.mse_loss(predicted, teacher[objective.layer])
    if kind == "DIST":
        q, p = ((net["logits"] / objective.temperature).softmax(-1) for net in (outputs, teacher))
        inter, intra = (1 - sum(map(rho, x, y)) / len(x) for x, y in ((q, p), (q.T, p.T)))
        apart = objective.inter_weight * inter + objective.intra_weight * intra
        return objective.hard_weight * hard + objective.temperature**2 * apart
    if kind == "AttentionTransfer":
        apart = 0
        for layer in objective.layers:
            mine, theirs = ((net[layer] ** 2).sum(1).flatten(1) for net in (outputs, teacher))
            mine, theirs = (q / q.norm(dim=1, keepdim=True) for q in (mine, theirs))
            apart = apart + ((mine - theirs).norm(dim=1) ** 2).mean() / 2
        return objective.hard_weight * hard + objective.attention_weight * apart
    if isinstance(teacher, list):
        contrast = sum(
            contrastive(extra[f"teacher {i}"](each["features"]), extra[f"student {i}"](outputs["features"]),
                        batch.labels, objective.tau)
            for i, each in enumerate(teacher)
        )  # fmt: skip
        return objective.hard_weight * hard + objective.contrastive_weight * contrast
    contrast = contrastive(
        *(extra[who](net["features"]) for who, net in (("teacher", teacher), ("student", outputs))),
        batch.labels, objective.tau,
    )  # fmt: skip
    loss = objective.hard_weight * hard + objective.contrastive_weight * contrast
    if kind == "ContrastiveSoftTargets":
        q, p = ((net["logits"] / objective.temperature).log_softmax(-1) for net in (outputs, teacher))
        soft = F.kl_div(q, p, reduction="batchmean", log_target=True)
        loss = loss + objective.soft_weight * objective.temperature**2 * soft
    return loss


def rho(a, b):
    """Pearson's correlation of two vectors, with the 1e-8 of the authors of DIST."""
    a, b = a - a.mean(), b - b.mean()
    return a @ b / (a.norm() * b.norm() + 1e-8)


def reverse(p, q):
    """KL(q ‖ p), averaged over examples."""
    return (q * (q / p).log()).sum(-1).mean()


def jensen_shannon(p, q, beta):
    """As TRL writes its generalised JSD, the two ends by hand, and then divided by beta (1 - beta)."""
    if beta in (0, 1):
        return reverse(q, p) if beta == 0 else reverse(p, q)
    mixed = beta * p + (1 - beta) * q
    both = beta * F.kl_div(mixed.log(), p, reduction="none") + (1 - beta) * F.kl_div(mixed.log(), q, reduction="none")
    return both.sum(-1).mean() / (beta * (1 - beta))


def contrastive(teacher, student, labels, tau):
    """CRD with the batch's negatives, an anchor at a time, with probabilities rather than log-odds."""
    teacher, student = (g / g.norm(dim=1, keepdim=True) for g in (teacher, student))
    pairs = (teacher @ student.T / tau).exp()  # row: teacher, column: student
    different = labels[:, None] != labels[None]
    ratio = pairs / pairs[different].mean().detach()
    total = 0
    for i in range(len(labels)):
        negatives = different[i]
        for of_anchor in (ratio[i], ratio[:, i]):
            h = of_anchor / (of_anchor + negatives.sum())
            total = total - h[i].log() - (1 - h[negatives]).log().sum()
    return total / len(labels)
