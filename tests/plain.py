"""One student trained the plain way, with a module, autograd and an optimizer: what arrays must equal."""

import torch
import torch.nn.functional as F

from kdviz.data import load_described
from kdviz.schedule import learning_rate_at, seed_of


def trained_alone(recipe, teacher_logits=None):
    """The network that ``recipe`` (without augmentation) ends with, in the default precision."""
    data = load_described(recipe.data)
    torch.manual_seed(seed_of(recipe.seed, "initialisation"))
    network = recipe.model.build(tuple(data.train.inputs.shape[1:]), len(data.classes))
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=recipe.weight_decay, foreach=False)
    steps = round(recipe.epochs * len(data.full_train) / recipe.batch_size)
    generator, rows = torch.Generator().manual_seed(seed_of(recipe.seed, "order")), torch.empty(0, dtype=torch.int64)
    for step in range(1, steps + 1):
        while len(rows) < recipe.batch_size:
            rows = torch.cat([rows, torch.randperm(len(data.train), generator=generator)])
        batch, rows = data.train[rows[: recipe.batch_size]], rows[recipe.batch_size :]
        logits = network(batch.inputs.to(torch.get_default_dtype()))["logits"]
        loss = loss_of(recipe.objective, logits, batch, teacher_logits)
        network.zero_grad()
        loss.backward()
        rate = learning_rate_at(step, steps, recipe.learning_rate)
        optimizer.param_groups[0]["lr"] = torch.tensor(rate, dtype=torch.float32).item()
        optimizer.step()
    return network.eval()


def loss_of(objective, logits, batch, teacher_logits):
    hard = F.cross_entropy(logits, batch.labels)
    if teacher_logits is None:
        return hard
    T = objective.temperature
    targets = (teacher_logits[batch.index].to(logits.dtype) / T).softmax(-1)
    soft = F.kl_div((logits / T).log_softmax(-1), targets, reduction="batchmean") * T**2
    return objective.hard_weight * hard + objective.soft_weight * soft
