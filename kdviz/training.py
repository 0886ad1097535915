"""Training: take what the store has, train the rest, return runs in the order asked."""

import copy
import hashlib
import math
import os
import time
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from tqdm import tqdm

from kdviz import measures
from kdviz.data import Dataset, load_described
from kdviz.models import predict_logits
from kdviz.objectives import GivenLogits
from kdviz.recipes import Recipe
from kdviz.runs import WEIGHTS, Run, Runs, Store, default_store

DEFAULT = object()


def train(recipes: Recipe | Iterable[Recipe], *, store: Store | None = DEFAULT, device: str | None = None):
    """Train recipes, or find the runs they already have.

    Parameters
    ----------
    recipes : Recipe or iterable of Recipe
    store : Store or None
        Where runs are looked up and kept; None trains afresh and keeps nothing on disk. By default
        :func:`kdviz.runs.default_store`.
    device : str, optional
        CUDA where there is one, else the CPU.

    Returns
    -------
    Run or Runs
        One for a recipe, a list in the order asked for several. Last epoch, never the best one.

    Raises
    ------
    LookupError
        Under ``KDVIZ_TRAIN=0``, a recipe that the store lacks; the message names the field that differs.
    FloatingPointError
        A loss that is not finite.
    """
    wanted = [recipes] if isinstance(recipes, Recipe) else list(recipes)
    store = default_store() if store is DEFAULT else store
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    runs = {recipe: store.find(recipe) for recipe in wanted} if store else {}
    missing = [recipe for recipe in dict.fromkeys(wanted) if not runs.get(recipe)]
    if missing and store and os.environ.get("KDVIZ_TRAIN") == "0":
        raise LookupError(f"KDVIZ_TRAIN=0 and no run of {missing[0]}. {store.nearest(missing[0])}")
    parents: dict[Recipe, Run] = {}
    quiet = os.environ.get("KDVIZ_STATIC") == "1"
    order = _in_order(missing, store, parents)
    total = sum(recipe.epochs for recipe in order)
    with tqdm(total=round(total), delay=2, unit="epoch", disable=quiet or not order) as bar:
        for recipe in order:
            bar.set_description(str(recipe), refresh=False)
            run = _train_one(recipe, parents, device, bar)
            if store:
                store.save(run)
                run = store.find(recipe)  # its arrays stay on disk until they are asked for
            parents[recipe] = runs[recipe] = run
    return runs[wanted[0]] if isinstance(recipes, Recipe) else Runs(runs[recipe] for recipe in wanted)


def _in_order(missing: list[Recipe], store: Store | None, parents: dict[Recipe, Run]) -> list[Recipe]:
    """What to train, parents first; parents that the store holds with their weights are put into ``parents``."""
    order: dict[Recipe, None] = {}

    def visit(recipe: Recipe) -> None:
        for parent in recipe.parents:
            if parent not in parents and parent not in order:
                found = store.find(parent, weights=True) if store else None
                if found:
                    parents[parent] = found
                else:
                    visit(parent)
        order.setdefault(recipe)

    for recipe in missing:
        visit(recipe)
    return list(order)


def _train_one(recipe: Recipe, parents: dict[Recipe, Run], device: str, bar: tqdm) -> Run:
    started = time.perf_counter()
    data = load_described(recipe.data)
    with torch.random.fork_rng():  # layers and dropout draw from the global generator; the caller's is put back
        torch.manual_seed(seed_of(recipe.seed, "initialisation"))
        network = recipe.model.build(tuple(data.full_train.inputs.shape[1:]), len(data.classes))
        if recipe.init:
            network.load_state_dict(parents[recipe.init].network().state_dict())
        torch.manual_seed(seed_of(recipe.seed, "dropout"))
        teacher = _Teacher(recipe, data, parents, device)
        torch.set_flush_denormal(True)  # late gradients underflow, and processors are slow on such numbers
        try:
            history = _fit(network.to(device), recipe, data, teacher, device, bar)
        finally:
            torch.set_flush_denormal(False)
    arrays = {"test_logits": predict_logits(network, data.test.inputs.to(device)).cpu()}
    arrays |= {WEIGHTS + name: weight.cpu() for name, weight in network.state_dict().items()}
    facts = {
        "seconds": round(time.perf_counter() - started, 2),
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else device,
        "threads": torch.get_num_threads(),
        "matmul_precision": torch.get_float32_matmul_precision(),
        "torch": torch.__version__,
    }
    return Run(recipe, arrays, history, facts)


def _fit(network: nn.Module, recipe: Recipe, data: Dataset, teacher: "_Teacher", device: str, bar: tqdm) -> dict:
    """Train ``network`` in place and return its history."""
    inputs, labels, index = (t.to(device) for t in (data.train.inputs, data.train.labels, data.train.index))
    test_inputs, test_labels = data.test.inputs.to(device), data.test.labels.to(device)
    steps = round(recipe.epochs * len(data.full_train) / recipe.batch_size)
    if steps < 2:
        raise ValueError(f"{recipe.epochs:g} epochs of {recipe} are {steps} steps: ask for more, or smaller batches")
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    shifts = torch.Generator().manual_seed(seed_of(recipe.seed, "augmentation"))
    history: dict[str, list[float]] = {"epoch": [], "loss": [], "test_accuracy": []}
    losses: list[Tensor] = []
    network.train()  # and so in every step: measuring puts the mode back
    for step, rows in enumerate(batches(len(labels), recipe.batch_size, steps, recipe.seed), 1):
        batch = recipe.augment(inputs[rows], shifts) if recipe.augment else inputs[rows]
        loss = recipe.objective.loss(network(batch), labels[rows], teacher.logits(batch, index[rows]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step, steps, recipe.learning_rate)
        optimizer.step()
        losses.append(loss.detach())
        epoch = step * recipe.batch_size / len(data.full_train)
        if step == steps or int(epoch) > int((step - 1) * recipe.batch_size / len(data.full_train)):
            mean_loss = torch.stack(losses).mean().item()
            losses.clear()
            if not math.isfinite(mean_loss):
                raise FloatingPointError(
                    f"the loss of {recipe} is no longer finite (epoch {epoch:.1f}): lower its rate"
                )
            history["epoch"].append(round(epoch, 2))
            history["loss"].append(mean_loss)
            history["test_accuracy"].append(measures.accuracy(predict_logits(network, test_inputs), test_labels))
            bar.update(1)
    return history


class _Teacher:
    """The soft targets' source: logits computed once, addressed by example; live where augmentation changes inputs."""

    def __init__(self, recipe: Recipe, data: Dataset, parents: dict[Recipe, Run], device: str):
        self.networks: list[nn.Module] = []
        self.table: Tensor | None = None
        teachers = recipe.objective.teachers
        strangers = [t for t in teachers if isinstance(t, Recipe) and t.data.name != recipe.data.name]
        if strangers:
            raise ValueError(f"the teacher learnt {strangers[0].data.name}, the student is given {recipe.data.name}")
        if recipe.augment and any(isinstance(teacher, GivenLogits) for teacher in teachers):
            raise ValueError("given logits belong to unchanged images: use a teacher recipe, or no augmentation")
        if teachers and recipe.augment:
            self.networks = [copy.deepcopy(parents[teacher].network()).to(device) for teacher in teachers]
        elif teachers:
            given = [t.logits if isinstance(t, GivenLogits) else parents[t].logits("train") for t in teachers]
            self.table = _averaged(given).float().to(device)
            needed = (len(data.full_train), len(data.classes))
            if self.table.shape != needed or not torch.isfinite(self.table).all():
                raise ValueError(f"teacher logits must be finite and of shape {needed}, not {tuple(self.table.shape)}")

    def logits(self, inputs: Tensor, index: Tensor) -> Tensor | None:
        if self.networks:
            return _averaged([predict_logits(network, inputs) for network in self.networks])
        return None if self.table is None else self.table[index]


def _averaged(logits: list[Tensor]) -> Tensor:
    return logits[0] if len(logits) == 1 else measures.ensemble_logits(logits)


def batches(examples: int, batch_size: int, steps: int, seed: int) -> Iterator[Tensor]:
    """Rows of each batch: a stream of permutations of the examples cut into full batches, the same on every device."""
    generator = torch.Generator().manual_seed(seed_of(seed, "order"))
    stream = torch.empty(0, dtype=torch.int64)
    for _ in range(steps):
        while len(stream) < batch_size:
            stream = torch.cat([stream, torch.randperm(examples, generator=generator)])
        rows, stream = stream[:batch_size], stream[batch_size:]
        yield rows


def learning_rate_at(step: int, steps: int, peak: float, warm_up: float = 0.3) -> float:
    """One cycle: linear up to the peak in the first ``warm_up`` share of the steps, then half a cosine to 0."""
    done = step / steps
    if done < warm_up:
        return peak * done / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


def seed_of(seed: int, purpose: str) -> int:
    """The seed of one purpose's generator, so that no two purposes share their draws."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:7])
