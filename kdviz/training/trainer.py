"""``train``: take what the store has, train the rest, return runs in the order asked."""

import os
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from pathlib import Path

import torch

from kdviz.arguments import called, told
from kdviz.data import check_loaded
from kdviz.recipes import Recipe
from kdviz.recipes.descriptions import undescribed
from kdviz.runs import Run, Runs, Store, default_store
from kdviz.training.work import Work

DEFAULT = object()


class Diverged(FloatingPointError):
    """A loss is no longer finite. Every other run is kept: in the store, and in ``finished``."""

    finished: Runs


def train(
    recipes: Recipe | Iterable[Recipe],
    *,
    store: Store | Path | str | None = DEFAULT,
    device: str | torch.device | None = None,
    executor: Executor | None = None,
    watch: Callable[[list[Recipe], list[dict], bool], None] | None = None,
):
    """Train recipes, or find the runs they already have.

    Recipes of one architecture, schedule and kind of objective train together, as one array. An interrupted call
    keeps every finished run; called again, it goes on from the last checkpoint to the same result.

    Parameters
    ----------
    recipes : Recipe or iterable of Recipe
    store : Store, folder or None
        Where runs are looked up and kept; None trains afresh and keeps nothing on disk. By default
        :func:`kdviz.runs.default_store`.
    device : str or torch.device, optional
        By default CUDA where there is one, else MPS, else the CPU: a worker's own choice.
    executor : concurrent.futures.Executor, optional
        Its workers train, the students of one seed together; they must reach the store's folder.
    watch : callable, optional
        ``watch(recipes, histories, done)`` is called when the history of students that train together has grown, at
        the end of an epoch, with their :attr:`kdviz.Run.history` so far, and whether it was the last. What workers
        train is not watched.

    Returns
    -------
    Run or Runs
        One for a recipe, a list in the order asked for several. Last epoch, never the best one.

    Raises
    ------
    ValueError
        What is no recipe, no store, no device that is here; or a ``KDVIZ_TRAIN`` that is neither 0, 1 nor unset.
    LookupError
        Under ``KDVIZ_TRAIN=0``, a recipe that the store lacks; the message names the field that differs.
    Diverged
        A loss is no longer finite: raised when all that can be trained is trained.
    ValueError
        A recipe cannot be trained: raised when all others are, which stand in its ``finished``.

    Notes
    -----
    A key is of training in float32: under another default precision nothing is looked up or stored. Nor is a recipe
    that holds code which cannot be described (see :func:`kdviz.recipes.code.digest_of`). Both are said in a warning.
    """
    wanted = _recipes(recipes)
    store, device, asked_for = _store(store), _device(device), _asked_for()
    watch = watch and called("watch", watch, "watch(recipes, histories, done)")
    if executor and not hasattr(executor, "submit"):
        raise ValueError(f"an executor is one of concurrent.futures, not {told(executor)}")
    if executor and not store:
        raise ValueError("workers hand their runs over in a store: an executor needs one")
    if store and torch.get_default_dtype() != torch.float32:
        store = _without_store(executor)
    if store:
        store.sweep()
        store.drop_unfinished(set())  # left by a process that was killed between its last run and this
    runs = {recipe: store.find(recipe) for recipe in dict.fromkeys(wanted)} if store else {}
    missing = [recipe for recipe in dict.fromkeys(wanted) if not runs.get(recipe)]
    if missing and store and asked_for == "0":
        raise LookupError(f"KDVIZ_TRAIN=0 and no run of {missing[0]}. {store.nearest(missing[0])}")
    if missing:
        check_loaded()
        if store:
            _say_what_is_not_stored(missing)
    work = Work(store, device, executor, watch)
    work.train(missing)
    runs |= {recipe: work.runs[recipe] for recipe in missing if recipe in work.runs}
    finished = Runs(runs[recipe] for recipe in wanted if runs.get(recipe))
    if work.lost or work.refused:
        raise _error(work, finished)
    return finished[0] if isinstance(recipes, Recipe) else finished


def _recipes(given: Recipe | Iterable[Recipe]) -> list[Recipe]:
    wanted = [given] if isinstance(given, Recipe) or not isinstance(given, Iterable) else list(given)
    for each in wanted:
        if not isinstance(each, Recipe):
            how = ": write run.recipe" if isinstance(each, Run) else ""
            raise ValueError(f"what is trained is a recipe, or a list of recipes, not {told(each)}{how}")
    return wanted


def _store(given: Store | Path | str | None) -> Store | None:
    store = default_store() if given is DEFAULT else Store(given) if isinstance(given, str | Path) else given
    if not isinstance(store, Store | None):
        raise ValueError(f"a store is a kd.Store, a folder or None, not {told(store)}")
    return store


def _device(given: str | torch.device | None) -> str | None:
    """The device as torch names it, if it is here."""
    if given is None:
        return None
    try:
        torch.empty(0, device=given).to("cpu")
    except Exception:  # torch raises RuntimeError, AssertionError, NotImplementedError, …
        raise ValueError(f"no device {told(given)} is here: 'cpu', 'cuda' or 'mps', by default the fastest") from None
    return str(torch.device(given))


def _asked_for() -> str:
    """What ``KDVIZ_TRAIN`` says."""
    said = os.environ.get("KDVIZ_TRAIN", "")
    if said not in ("", "0", "1"):
        raise ValueError(f"KDVIZ_TRAIN is 0 (train nothing), 1 (train all again) or unset, not {said!r}")
    return said


def _error(work: Work, finished: Runs) -> Exception:
    """What a call raises: what the first recipe was refused for, with the others as notes, or what was lost."""
    lost = "; ".join(work.lost.values())
    error, *others = [*work.refused.values()] or [Diverged(f"{lost}. Lower the rate; the other runs are kept")]
    for note in [*map(str, others), *([lost] if work.refused and lost else [])]:
        error.add_note(note)
    error.finished = finished
    return error


def _without_store(executor: Executor | None) -> None:
    """Say that nothing is looked up or stored."""
    said = f"the default precision is {torch.get_default_dtype()}, and a key is of float32"
    if executor:
        raise ValueError(f"{said}: workers hand their runs over in a store, which would keep none")
    if os.environ.get("KDVIZ_TRAIN") == "0":
        raise LookupError(f"KDVIZ_TRAIN=0, and no run can be looked up: {said}")
    warnings.warn(f"{said}: nothing is looked up or stored", stacklevel=3)


def _say_what_is_not_stored(recipes: list[Recipe]) -> None:
    reasons = {recipe: "; ".join(undescribed(recipe)) for recipe in recipes}
    for reason in {*filter(None, reasons.values())}:
        which = [recipe for recipe in recipes if reasons[recipe] == reason]
        more = f" and {len(which) - 1} more are" if len(which) > 1 else " is"
        warnings.warn(f"{which[0]}{more} not stored, for no key says what it is: {reason}", stacklevel=3)
