"""Which engine trains a recipe: an array of its kind, or the module by itself. A matter of speed, never of meaning."""

import torch
from torch import nn

from kdviz.networks import CNN, MLP, Members, Plain, Strided, Transformer
from kdviz.recipes import Recipe
from kdviz.training.alone import Alone
from kdviz.training.fused import Fused, Stacked
from kdviz.training.fused_encoders import FusedEncoders
from kdviz.training.fused_members import FusedMembers
from kdviz.training.fused_strided import FusedStrided

FORMS: dict[type, type[Stacked]] = {
    **dict.fromkeys((MLP, CNN, Plain), Fused),
    Strided: FusedStrided,
    Transformer: FusedEncoders,
}
Engine = Alone | Stacked | FusedMembers


def fusable(recipe: Recipe) -> bool:
    """Whether several recipes of this kind train as one array."""
    if isinstance(recipe.model, Members):  # a frozen trunk and a compression go by the names of each member's weights
        return type(recipe.model.network) in FORMS and not (recipe.frozen or recipe.compression)
    return type(recipe.model) in FORMS


def engine_of(recipe: Recipe, networks: list[nn.Module], device: torch.device) -> Engine:
    """What trains ``networks``, one a recipe of the kind of ``recipe``."""
    if not fusable(recipe):
        return Alone(networks, device)
    if isinstance(recipe.model, Members):
        return FusedMembers(networks, FORMS[type(recipe.model.network)], device)
    return FORMS[type(recipe.model)](networks, device)
