"""``train``: take what the store has, train the rest, return runs in the order asked."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor

from kdviz.recipes import Recipe
from kdviz.runs import Runs, Store, default_store
from kdviz.training.work import Work

DEFAULT = object()


class Diverged(FloatingPointError):
    """A loss is no longer finite. Every other run is kept: in the store, and in ``finished``."""

    finished: Runs


def train(
    recipes: Recipe | Iterable[Recipe],
    *,
    store: Store | None = DEFAULT,
    device: str | None = None,
    executor: Executor | None = None,
    watch: Callable[[list[Recipe], list[dict], bool], None] | None = None,
):
    """Train recipes, or find the runs they already have.

    Recipes of one architecture, schedule and kind of objective train together, as one array. An interrupted call
    keeps every finished run; called again, it goes on from the last checkpoint to the same result.

    Parameters
    ----------
    recipes : Recipe or iterable of Recipe
    store : Store or None
        Where runs are looked up and kept; None trains afresh and keeps nothing on disk. By default
        :func:`kdviz.runs.default_store`.
    device : str, optional
        By default CUDA where there is one, else MPS, else the CPU: a worker's own choice.
    executor : concurrent.futures.Executor, optional
        Its workers train, the students of one seed together; they must reach the store's folder.
    watch : callable, optional
        ``watch(recipes, histories, done)`` is called when students that train together have ended an epoch, with
        their :attr:`kdviz.Run.history` so far, and whether it was the last. What workers train is not watched.

    Returns
    -------
    Run or Runs
        One for a recipe, a list in the order asked for several. Last epoch, never the best one.

    Raises
    ------
    LookupError
        Under ``KDVIZ_TRAIN=0``, a recipe that the store lacks; the message names the field that differs.
    Diverged
        A loss is no longer finite: raised when all that can be trained is trained.
    """
    wanted = [recipes] if isinstance(recipes, Recipe) else list(recipes)
    store = default_store() if store is DEFAULT else store
    if executor and not store:
        raise ValueError("workers hand their runs over in a store: an executor needs one")
    if store:
        store.drop_unfinished(set())  # left by a process that was killed between its last run and this
    runs = {recipe: store.find(recipe) for recipe in dict.fromkeys(wanted)} if store else {}
    missing = [recipe for recipe in dict.fromkeys(wanted) if not runs.get(recipe)]
    if missing and store and os.environ.get("KDVIZ_TRAIN") == "0":
        raise LookupError(f"KDVIZ_TRAIN=0 and no run of {missing[0]}. {store.nearest(missing[0])}")
    work = Work(store, device, executor, watch)
    work.train(missing)
    runs |= {recipe: work.runs[recipe] for recipe in missing if recipe in work.runs}
    finished = Runs(runs[recipe] for recipe in wanted if runs.get(recipe))
    if work.lost:
        error = Diverged(f"{'; '.join(work.lost.values())}. Lower the rate; the other runs are kept")
        error.finished = finished
        raise error
    return finished[0] if isinstance(recipes, Recipe) else finished
