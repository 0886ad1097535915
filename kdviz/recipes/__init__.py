"""Data, network, objective, schedule and seed; the key of it all, and many of them from one."""

from kdviz.recipes.code import digest_of
from kdviz.recipes.descriptions import describe, differences, undescribed
from kdviz.recipes.grids import grid
from kdviz.recipes.recipe import TRAINING_VERSION, Recipe
from kdviz.recipes.restoring import restored
from kdviz.recipes.schedules import SGD, AdamW, one_cycle

__all__ = [
    "SGD", "TRAINING_VERSION", "AdamW", "Recipe", "describe", "differences", "digest_of", "grid", "one_cycle",
    "restored", "undescribed",
]  # fmt: skip
