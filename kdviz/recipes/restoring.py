"""A recipe from what was said of it, as in the header of a file."""

from typing import Any, get_args

from kdviz import compression, objectives
from kdviz.compression import Compression
from kdviz.data import Augmentation, Description
from kdviz.networks import Architecture
from kdviz.objectives import Objective
from kdviz.recipes.recipe import TRAINING_VERSION, Recipe
from kdviz.recipes.schedules import SGD, AdamW


def restored(said: Any) -> Any:
    """The recipe, or part of one, that :func:`describe` said; ValueError where something is not known by a description.

    A tensor of logits and code are described by a digest alone, and an older or newer version's recipe is another.
    """
    if isinstance(said, list):
        return tuple(map(restored, said))
    if not isinstance(said, dict):
        return said
    written = [*vars(objectives).values(), *vars(compression).values()]
    kinds = [each for each in written if isinstance(each, type) and issubclass(each, Objective | Compression)]
    kinds += [Recipe, Description, AdamW, SGD, *get_args(Augmentation), *get_args(Architecture)]
    known = {kind.__name__: kind for kind in kinds}
    version = said.get("version", TRAINING_VERSION)
    if said.get("kind") not in known or version != TRAINING_VERSION or {"code", "undescribed"} & said.keys():
        raise ValueError(f"no recipe can be made of {said}")
    fields = {name: restored(value) for name, value in said.items() if name not in ("kind", "version")}
    try:
        return known[said["kind"]](**fields)
    except (TypeError, AttributeError, LookupError) as problem:  # a field that is newer, or of another kind
        raise ValueError(f"no recipe can be made of {said}: {problem}") from None
