"""Whether networks could be trained, where their layers look, and the weights of one layer.

Runs are :class:`kdviz.Run` here. A shipped run keeps the few numbers, or the maps in bytes, it was asked for.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from kdviz.arguments import told
from kdviz.data import load_described
from kdviz.networks import predict, predict_logits
from kdviz.objectives import attention_map
from kdviz.recipes import Recipe
from kdviz.runs.scores import kept

LOOKED_AT = 24  # the first test images, of which a shipped run keeps the attention maps


def training_errors(runs: Sequence[Any]) -> pd.Series:
    """How many of the images that each run was trained on it gets wrong in the end, in %."""
    counts = [kept(run, "training_error_count", training_error_count) for run in runs]
    return pd.Series([100 * wrong / images for wrong, images in (count.tolist() for count in counts)], name="% wrong")


def attention_maps(run: Any) -> dict[str, Tensor]:
    """Attention maps of the first 24 test images at each ``map i`` of the network: sums of squares over channels.

    Returns
    -------
    dict of str to Tensor, shape (24, H, W)
        Each of length 1 for an image; a shipped run keeps them in 256 levels.
    """
    flat, maps = kept(run, "attention_maps", attention_maps_of), {}
    heights = flat[: len(names_of(run))].tolist()
    flat = flat[len(heights) :].float()
    for name, height in zip(names_of(run), heights, strict=True):
        count = LOOKED_AT * height * height
        each, flat = flat[:count].view(LOOKED_AT, height, height), flat[count:]
        maps[name] = each / each.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None]
    return maps


def attention_likeness(students: Sequence[Any], teachers: Sequence[Any]) -> pd.DataFrame:
    """How like its teacher each student looks at the first 24 test images: the mean cosine of their maps, by layer.

    Parameters
    ----------
    students, teachers : sequence of Run, as many
        With maps of the same positions.

    Returns
    -------
    DataFrame
        A row a student, a column a layer, ``map 1`` say.
    """
    rows = []
    for student, teacher in zip(students, teachers, strict=True):
        ours, theirs = attention_maps(student), attention_maps(teacher)
        if {name: each.shape for name, each in ours.items()} != {name: each.shape for name, each in theirs.items()}:
            raise ValueError(f"{student.recipe.model} and {teacher.recipe.model} have maps of other positions")
        rows.append({name: (ours[name] * theirs[name]).sum((1, 2)).mean().item() for name in ours})
    return pd.DataFrame(rows)


def hidden_weights(run: Any) -> Tensor:
    """The weights into the last hidden layer of an MLP, shape (neurons, inputs); of a shipped run in half precision."""
    return kept(run, "hidden_weights", hidden_weights_of).float()


def hidden_weights_of(run: Any) -> Tensor:
    """Shape (neurons, inputs), float16."""
    return [layer for layer in run._network.trunk if isinstance(layer, nn.Linear)][-1].weight.detach().half()


@torch.no_grad()
def extra_weights(recipe: Recipe) -> int:
    """How many weights an objective with one teacher trains along with a student, and drops: those of a regressor."""
    data = load_described(recipe.data)
    with torch.random.fork_rng(devices=[]):
        ours, theirs = (
            model.build(tuple(data.test.inputs.shape[1:]), len(data.classes)).eval()(data.test.inputs[:2])
            for model in (recipe.model, recipe.objective.teachers[0].model)
        )
        return sum(weight.numel() for weight in recipe.objective.extra(ours, recipe.objective.seen(theirs)).values())


def training_error_count(run: Any) -> Tensor:
    """Errors on the images it was trained on, and how many these are, shape (2,), int32."""
    seen = load_described(run.recipe.data).train
    wrong = (predict_logits(run._network, seen.inputs).argmax(-1) != seen.labels).sum()
    return torch.tensor([wrong.item(), len(seen)], dtype=torch.int32)


def attention_maps_of(run: Any) -> Tensor:
    """The side of each square map, then all levels, 0 to 255 of each map's largest, one after another, uint8."""
    names = names_of(run)
    images = load_described(run.recipe.data).test.inputs[:LOOKED_AT]
    found = predict(run._network, images, lambda outputs: {name: outputs[name] for name in names})
    sides = {name: tuple(found[name].shape[-2:]) for name in names}
    if any(height != width or height > 255 for height, width in sides.values()):
        raise ValueError(f"maps are kept of square images, of at most 255 positions a side, not of {sides}")
    levels = [attention_map(found[name].float()) for name in names]
    levels = [(255 * each / each.amax(-1, keepdim=True).clamp(min=1e-12)).round() for each in levels]
    return torch.cat([torch.tensor([side for side, _ in sides.values()]), *(each.flatten() for each in levels)]).to(
        torch.uint8
    )


def names_of(run: Any) -> list[str]:
    """The maps of its network; ValueError where there are none."""
    names = [name for name in run.recipe.model.outputs if name.startswith("map ")]
    if not names:
        raise ValueError(f"{told(str(run.recipe.model))} has no layer with positions, such as 'map 1'")
    return names
