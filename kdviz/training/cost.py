"""What a call of ``train`` costs: operations counted beforehand, seconds judged by the first of them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import torch
from tqdm import tqdm

from kdviz.data import as_numbers, load
from kdviz.networks import Architecture, measuring
from kdviz.networks import operations as counted
from kdviz.recipes import Recipe

LONG = 60.0  # seconds from which a cost is said
JUDGED_AFTER = 3.0  # seconds of training


def examples(recipe: Recipe) -> int:
    """How many examples a training shows: an epoch counts the full training set, labelled or not."""
    full = load(recipe.data.name)
    bare = any(verb == "unlabelled" for verb, *_ in recipe.data.narrowed)
    return round(recipe.epochs * len(full.full_unlabelled if bare else full.full_train))


def operations(recipe: Recipe) -> int:
    """How many operations the answers to all these examples are: what a training takes is in proportion."""
    return examples(recipe) * _of_one_answer(recipe.model, recipe.data.name)


@cache
def _of_one_answer(model: Architecture, data: str) -> int:
    """Operations of products and convolutions, as torch counts them; 0 where it cannot."""
    full = load(data)
    try:
        with torch.random.fork_rng([]), measuring():
            network = model.build(tuple(full.train.inputs.shape[1:]), len(full.classes)).eval()
            return counted(network, as_numbers(full.train.inputs[:1], torch.get_default_dtype()))[0]
    except Exception:  # a module of one's own: no reason to stop a training
        return 0


def told(recipes: Sequence[Recipe], done: float, seconds: float, device: str) -> str:
    """What training ``recipes`` costs here, in a sentence; nothing where that is under a minute, or not known.

    Parameters
    ----------
    recipes : sequence of Recipe
        All that is trained.
    done : float
        Operations done so far, as :func:`operations` counts them.
    seconds : float
        How long these took.
    device : str
    """
    each = [operations(recipe) for recipe in recipes]
    if not all(each) or (needed := seconds * sum(each) / done) < LONG:
        return ""
    students = sum(bool(recipe.parents) for recipe in recipes)
    runs = f"{len(recipes)} runs, {students} of them students" if len(recipes) > 1 else "1 run"
    minutes = round(needed / 60)
    long = f"{needed / 3600:.1f} hours" if minutes > 90 else f"{minutes} minute{'s' * (minutes > 1)}"
    return f"To train: {runs}. Judged by the first {seconds:.0f} s this takes about {long} on this {device}."


@dataclass
class Cost:
    """What is trained, until it is said once what that costs; and what it is judged by: operations, and seconds."""

    recipes: Sequence[Recipe]
    taken: list[tuple[Sequence[Recipe], float]] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, recipes: Sequence[Recipe], share: float, seconds: float, device: str) -> None:
        """Take note of a share of a training of ``recipes``; say what all takes, as soon as that can be judged.

        Operations are counted no sooner: to count the first takes torch some seconds.
        """
        if not self.recipes:
            return
        self.taken.append((recipes, share))
        self.seconds += seconds
        if self.seconds > JUDGED_AFTER:
            done = sum(share * sum(map(operations, several)) for several, share in self.taken)
            if said := told(self.recipes, done, self.seconds, device):
                tqdm.write(said, file=sys.stderr)
            self.recipes = []
