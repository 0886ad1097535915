"""What each student begins with: its network's weights, and those that its objective trains along."""

import torch
from torch import Tensor, nn

from kdviz.networks import Network, measuring
from kdviz.recipes import Recipe
from kdviz.runs import Run
from kdviz.training.fused import Fused
from kdviz.training.schedule import seed_of
from kdviz.training.teachers import Teachers


def initial_networks(recipes: list[Recipe], parents: dict[Recipe, Run], shape: tuple, classes: int) -> list[Network]:
    """A network for each recipe, drawn with its seed, or as much of another's as it says."""
    networks = []
    for recipe in recipes:
        torch.manual_seed(seed_of(recipe.seed, "initialisation"))
        networks.append(recipe.model.build(shape, classes))
        if recipe.init:
            _start_from(parents[recipe.init].network(), networks[-1], recipe)
    return networks


def _start_from(trained: nn.Module, network: nn.Module, recipe: Recipe) -> None:
    """Give ``network`` the share of ``trained``'s weights that ``recipe`` says, of a frozen one all but the head."""
    own, given = network.state_dict(), trained.state_dict()
    names = [name for name in own if not (recipe.frozen and of_head(name))]
    if any(own[name].shape != given[name].shape for name in names):
        raise ValueError(f"{recipe.init} has inputs or classes of other shapes: it cannot start {recipe}")
    network.load_state_dict({n: torch.lerp(own[n], given[n], recipe.init_weight) for n in names}, strict=False)


def of_head(name: str) -> bool:
    """Whether a weight of that name belongs to the last layer."""
    return name.startswith("head.")


def extra_weights(recipes: list[Recipe], network: Fused, teachers: Teachers, one: Tensor) -> dict[str, Tensor]:
    """What the objective trains along with each student, drawn with its seed, each of shape (students, ...).

    ``one`` is an example, shape (1, ...), which student and teacher answer to, for the sizes of their layers.
    """
    rows = torch.zeros(len(recipes), 1, dtype=torch.int64, device=one.device)
    with measuring():
        student = network(one.unsqueeze(0))
        teacher = teachers.outputs(one.expand(len(recipes), *one.shape), rows)
    drawn = []
    for i, recipe in enumerate(recipes):
        torch.manual_seed(seed_of(recipe.seed, "extra"))
        mine, theirs = ({name: values[i] for name, values in outputs.items()} for outputs in (student, teacher))
        drawn.append(recipe.objective.extra(mine, theirs))
    return {n: torch.stack([each[n] for each in drawn]).to(one.device).requires_grad_() for n in drawn[0]}
