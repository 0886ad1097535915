"""Many recipes from one."""

import itertools
from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Any

import numpy as np
from torch import Tensor

from kdviz.arguments import told
from kdviz.recipes.recipe import Recipe


def grid(recipe: Recipe, **axes: Any) -> list[Recipe]:
    """Every combination of the axes' values, the last axis fastest.

    Parameters
    ----------
    recipe : Recipe
    **axes : iterable of values, or function
        A field of the recipe, its objective or its compression, and the values it takes. A function is given each
        recipe of the combinations and returns that recipe's value: for what follows from the other axes.

    Examples
    --------
    >>> grid(student, temperature=[1, 4, 20], seed=range(5))
    >>> grid(student, seed=range(5), teacher=lambda student: teachers[student.seed % 3])
    """
    if not isinstance(recipe, Recipe):
        raise ValueError(f"a grid is made of a recipe, not of {told(recipe)}")
    following = {name: value for name, value in axes.items() if isinstance(value, FunctionType)}
    listed = {name: _listed(name, values) for name, values in axes.items() if name not in following}
    combinations = itertools.product(*listed.values())
    recipes = [recipe.replace(**dict(zip(listed, values, strict=True))) for values in combinations]
    return [each.replace(**{name: value(each) for name, value in following.items()}) for each in recipes]


def _listed(name: str, values: Any) -> list:
    if isinstance(values, Tensor | np.ndarray) and values.ndim == 1:
        values = values.tolist()  # numbers, not arrays of one
    if getattr(values, "ndim", 1) == 0 or not isinstance(values, Iterable) or isinstance(values, str | Mapping):
        raise ValueError(
            f"an axis is a list of values, or a function of the recipe: write {name}=[...], not {told(values)}"
        )
    return list(values)
