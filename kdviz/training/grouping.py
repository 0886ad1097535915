"""Which recipes train together, and how many at once."""

import dataclasses
import math
import warnings
from collections import defaultdict
from collections.abc import Mapping

import psutil
import torch
from torch import nn

from kdviz.data import as_numbers, load
from kdviz.networks import CNN
from kdviz.objectives import Objective
from kdviz.recipes import Recipe
from kdviz.training.engines import fusable

MEMORY_SHARE = 0.7  # of what is free
PLACES = 256  # of an image; where it has more, a processor's grouped convolution is slower than one after another
# verbs that change only which examples are trained on, or their labels
SELECTING = ("without", "only", "take", "rest", "mislabel")


def kind_of(recipe: Recipe) -> tuple:
    """What students of one array have in common."""
    steps = recipe.data.narrowed  # up to the last one that changes more
    last = max((i for i, (verb, *_) in enumerate(steps, 1) if verb not in SELECTING), default=0)
    same = (
        "model",
        "frozen",
        "epochs",
        "batch_size",
        "learning_rate",
        "weight_decay",
        "optimizer",
        "augment",
        "compression",
    )
    alike = (getattr(recipe, name) for name in same)
    return recipe.data.name, steps[:last], *_form(recipe.objective), *alike


def _form(objective: Objective) -> tuple:
    """What an objective says besides what may differ, and the teacher's model where its layers are read."""
    differ = "teacher", *objective.numbers, *objective.stated
    own = [field.name for field in dataclasses.fields(objective) if field.name not in differ]
    said = tuple((name, getattr(objective, name)) for name in own)
    deeper = bool({*objective.reads} - {"logits"})
    networks = tuple((teacher.model, teacher.compression) for teacher in objective.teachers) if deeper else ()
    return type(objective), said, networks


def generation(recipe: Recipe) -> int:
    """How many ancestors stand between a recipe and the eldest: what trains together depends on recipes alone."""
    return 1 + max(map(generation, recipe.parents), default=-1)


def grouped(recipes: list[Recipe], apart: Mapping[Recipe, object]) -> list[list[Recipe]]:
    """Groups of one kind; students with one order of examples are neighbours.

    Recipes for which ``apart`` says different things, such as the checkpoint they go on from, stay apart.
    """
    groups: dict[tuple, list[Recipe]] = defaultdict(list)
    for recipe in recipes:
        groups[*kind_of(recipe), apart.get(recipe)].append(recipe)
    return [sorted(group, key=lambda recipe: (recipe.seed, str(recipe.data))) for group in groups.values()]


def fitting(group: list[Recipe], device: str) -> list[list[Recipe]]:
    """Cut a group into arrays that fit into memory."""
    most = most_at_once(group[0], len(group), device)
    return [group[start : start + most] for start in range(0, len(group), most)]


def most_at_once(recipe: Recipe, wanted: int, device: str) -> int:
    """How many students like ``recipe`` train at once, of ``wanted``."""
    if not fusable(recipe) or (device == "cpu" and isinstance(recipe.model, CNN) and _places(recipe) > PLACES):
        return 1
    room = int(MEMORY_SHARE * free_memory(device) / bytes_of_student(recipe))
    if room >= wanted:
        return wanted
    if not room:
        needed = bytes_of_student(recipe) / 2**20
        raise MemoryError(f"one student, {recipe}, needs {needed:,.0f} MiB: more than is free")
    warnings.warn(f"{wanted} students {recipe.model} do not fit into memory at once: {room} at a time", stacklevel=2)
    return room


def _places(recipe: Recipe) -> int:
    """Of an example, where a convolution is taken: pixels, or steps in time."""
    return math.prod(load(recipe.data.name).full_train.inputs.shape[2:])


def free_memory(device: str) -> int:
    """Bytes that are free where ``device`` keeps its tensors."""
    if not device.startswith("cuda"):
        return psutil.virtual_memory().available
    torch.cuda.empty_cache()  # what torch only holds back is free
    return torch.cuda.mem_get_info(torch.device(device))[0]


def bytes_of_student(recipe: Recipe) -> int:
    """About what one more student of an array takes: weights, gradients, moments, a copy, and a batch's activations."""
    data = load(recipe.data.name)
    one = as_numbers(data.full_train.inputs[:1], torch.get_default_dtype())
    outputs = [3 * one.numel()]  # an input, as it was, shifted and laid out
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        network = recipe.model.build(tuple(one.shape[1:]), len(data.classes)).to(torch.get_default_dtype()).eval()
        for layer in network.modules():
            if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
                layer.register_forward_hook(lambda layer, inputs, output: outputs.append(output.numel()))
        network(one)
    parameters = sum(weight.numel() for weight in network.parameters())
    held = 9 if recipe.compression else 5  # weights as used, their gradients, what a score remembers of each
    return torch.get_default_dtype().itemsize * (held * parameters + 4 * recipe.batch_size * sum(outputs))
