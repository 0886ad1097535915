"""What each student begins with: its network's weights, and those that its objective trains along."""

import torch
from torch import Tensor, nn

from kdviz.data import Dataset, Description
from kdviz.networks import Network, measuring
from kdviz.recipes import Recipe
from kdviz.runs import Run
from kdviz.training.engines import Engine
from kdviz.training.schedule import seed_of
from kdviz.training.teachers import Teachers


def initial_networks(recipes: list[Recipe], parents: dict[Recipe, Run], shape: tuple, classes: int) -> list[Network]:
    """A network for each recipe, drawn with its seed, or as much of another's as it says."""
    networks = []
    for recipe in recipes:
        torch.manual_seed(seed_of(recipe.seed, "initialisation"))
        networks.append(recipe.model.build(shape, classes))
        if recipe.init:
            given = parents[recipe.init]
            if given.model != recipe.model and not (recipe.new_head or recipe.init_layers):  # it was made smaller
                raise ValueError(f"init ended with a network {given.model}, this recipe starts with {recipe.model}")
            _start_from(given.network(), networks[-1], recipe)
    return networks


def _start_from(trained: nn.Module, network: nn.Module, recipe: Recipe) -> None:
    """Give ``network`` the share of ``trained``'s weights that ``recipe`` says, of some recipes all but the head's."""
    own, given = network.state_dict(), trained.state_dict()
    for ours, theirs in enumerate(recipe.init_layers):
        names = [name.removeprefix(f"layers.{ours}.") for name in own if name.startswith(f"layers.{ours}.")]
        given |= {f"layers.{ours}.{name}": trained.get_parameter(f"layers.{theirs - 1}.{name}") for name in names}
    head = head_of(network) if recipe.frozen or recipe.new_head else set()
    names = [name for name in own if name not in head]
    if any(name not in given or own[name].shape != given[name].shape for name in names):
        raise ValueError(f"{recipe.init} has inputs, layers or classes of other shapes: it cannot start {recipe}")
    network.load_state_dict({n: _between(own[n], given[n], recipe.init_weight) for n in names}, strict=False)


def _between(own: Tensor, given: Tensor, share: float) -> Tensor:
    """Weights ``share`` of the way to those given; what is counted, as batches are, is taken over."""
    return torch.lerp(own, given, share) if own.is_floating_point() else given


def head_of(network: nn.Module) -> set[str]:
    """Names of the last layer's weights: of ``head``, or in a module of one's own of the linear layer that is last.

    ValueError where there is none.
    """
    weights = {name for name in network.state_dict() if name.startswith("head.")}
    linear = [name for name, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    if not weights and not linear:
        raise ValueError(f"{type(network).__name__} has no linear layer: a last layer that can be new is one")
    return weights or {name for name in network.state_dict() if name.startswith(f"{linear[-1]}.")}


def checked_answer(network: Engine, one: Tensor, recipe: Recipe, classes: int) -> dict[str, Tensor]:
    """What students answer to ``one``, shape (1, ...); ValueError unless it is what a network must answer."""
    try:
        with measuring():
            outputs = network(one.unsqueeze(0))
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as problem:
        said = f"{recipe.model} cannot take inputs of shape {tuple(one.shape)}, {one.dtype}"
        raise ValueError(f"{said}: {str(problem).splitlines()[0]}") from problem
    for name, output in outputs.items():
        if output.shape[1:2] != (1,):
            raise ValueError(f"{name!r} of {recipe.model} has no row for each example: name another layer")
    if outputs["logits"].shape[2:] != (classes,):
        found = tuple(outputs["logits"].shape[1:])
        raise ValueError(f"{recipe.model} answers one example with {found}, not with (1, {classes}): a logit a class")
    return outputs


def brought_along(
    recipes: list[Recipe], student: dict[str, Tensor], teachers: Teachers, one: Tensor, data: dict[Description, Dataset]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What the objective trains along with each student, and what it remembers, each of shape (students, ...).

    Both are drawn with the student's seed. ``one`` is an example, shape (1, ...), and ``student`` what the students
    answer to it, for the sizes of layers.
    """
    rows = torch.zeros(len(recipes), 1, dtype=torch.int64, device=one.device)
    with measuring():
        teacher = teachers.outputs(one.expand(len(recipes), *one.shape), rows)
    weights, states = [], []
    for i, recipe in enumerate(recipes):
        mine, theirs = ({name: values[i] for name, values in outputs.items()} for outputs in (student, teacher))
        torch.manual_seed(seed_of(recipe.seed, "extra"))
        weights.append(recipe.objective.extra(mine, theirs))
        torch.manual_seed(seed_of(recipe.seed, "state"))
        of = data[recipe.data]
        states.append(recipe.objective.state(mine, theirs, of.full_train.labels, of.rows))
    stacked = (
        {n: torch.stack([each[n] for each in drawn]).to(one.device) for n in drawn[0]} for drawn in (weights, states)
    )
    extra, state = stacked
    return {name: weight.requires_grad_() for name, weight in extra.items()}, state


def compressed(recipes: list[Recipe], weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What each student's compression begins with, and what it trains in place of weights, of shape (students, ...).

    Both are drawn with the student's seed.
    """
    states, learned = [], []
    for i, recipe in enumerate(recipes):
        own = {name: weight[i].detach() for name, weight in weights.items()}
        torch.manual_seed(seed_of(recipe.seed, "compression"))
        states.append(recipe.compression.state(own))
        learned.append(recipe.compression.learned(own))
    state, instead = ({n: torch.stack([each[n] for each in drawn]) for n in drawn[0]} for drawn in (states, learned))
    return state, {name: tensor.requires_grad_() for name, tensor in instead.items()}
