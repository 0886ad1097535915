"""The work of a call of ``train``: what is ready trains in arrays, here or with an executor's workers."""

import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

import torch
from torch import Tensor
from tqdm import tqdm

from kdviz.objectives import Adversarial
from kdviz.recipes import Recipe
from kdviz.recipes.descriptions import undescribed
from kdviz.runs import Run, Store
from kdviz.runs.files import StoredArrays
from kdviz.training import cost
from kdviz.training.adversarial import Turns
from kdviz.training.arrays import Array
from kdviz.training.checkpoints import state
from kdviz.training.grouping import fitting, generation, grouped
from kdviz.training.loop import Loop
from kdviz.training.memory import kept_memory
from kdviz.training.starting import Refused, as_it_was, best_device, put_back

CHECKPOINT_SECONDS = 20.0


@dataclass
class Work:
    """One call's work: where it is done, what is trained (``runs``, parents among them), what was lost or refused."""

    store: Store | None
    device: str | None
    executor: Executor | None
    watch: Callable[[list[Recipe], list[dict], bool], None] | None = None
    runs: dict[Recipe, Run] = field(default_factory=dict)
    lost: dict[Recipe, str] = field(default_factory=dict)
    refused: dict[Recipe, Exception] = field(default_factory=dict)

    def train(self, missing: list[Recipe]) -> None:
        """Train recipes and, before them, the parents that the store lacks."""
        order = self._in_order(missing)
        quiet = os.environ.get("KDVIZ_STATIC") == "1" or not order
        total = sum(map(cost.examples, order))
        self.cost = cost.Cost([] if quiet else order)
        with tqdm(total=total, delay=2, unit=" examples", unit_scale=True, disable=quiet) as self.bar:
            while order:
                ready = [recipe for recipe in order if generation(recipe) == generation(order[0])]
                if self.executor:
                    self._train_elsewhere(ready)
                else:
                    self._train_here(ready)
                for recipe in order:  # parents stand before their children
                    if {*self.lost, *self.refused} & {*recipe.parents}:
                        self.lost[recipe] = f"{recipe} needs a run that was lost"
                order = [recipe for recipe in order if recipe not in {*self.runs, *self.lost, *self.refused}]

    def _in_order(self, missing: list[Recipe]) -> list[Recipe]:
        """What to train, parents first; parents that the store holds with their weights are put into ``runs``."""
        order: dict[Recipe, None] = {}

        def visit(recipe: Recipe) -> None:
            for parent in recipe.parents:
                if parent not in self.runs and parent not in order:
                    found = self.store.find(parent, weights=True) if self.store else None
                    if found:
                        self.runs[parent] = found
                    else:
                        visit(parent)
            order.setdefault(recipe)

        for recipe in missing:
            visit(recipe)
        return sorted(order, key=generation)

    def _train_elsewhere(self, ready: list[Recipe]) -> None:
        """Hand each seed's array to the executor's workers, then find in the store what they trained."""
        jobs = grouped(ready, {recipe: recipe.seed for recipe in ready})
        futures = [self.executor.submit(_job, recipes, self.store, self.device, self._held()) for recipes in jobs]
        for recipes, future in zip(jobs, futures, strict=True):
            lost, refused, held = future.result()
            self.lost |= lost
            self.refused |= refused
            for recipe in [recipe for recipe in recipes if recipe not in {*lost, *refused}]:
                run = _run_of(recipe, held[recipe]) if recipe in held else self.store.find(recipe, weights=True)
                if run:
                    self.runs[recipe] = self._saved(run, recipe.key) if recipe in held else run
                else:
                    problem = f"{recipe} was trained by a worker, but is not in {self.store.folder}: all must reach it"
                    self.refused[recipe] = FileNotFoundError(problem)
            self.bar.update(sum(map(cost.examples, recipes)))

    def _held(self) -> dict[Recipe, tuple]:
        """The runs that are in memory alone, as they are handed from process to process."""
        alone = {recipe: run for recipe, run in self.runs.items() if not isinstance(run.arrays, StoredArrays)}
        return {
            recipe: ({name: array.numpy() for name, array in run.arrays.items()}, run.history, run.facts)
            for recipe, run in alone.items()
        }

    def _left(self, ready: list[Recipe]) -> tuple[list[Recipe], list[tuple[dict, Mapping[str, Tensor]]]]:
        """What no other process has finished by now, and the checkpoints to go on from, both of one moment."""
        while True:
            checkpoints = self.store.unfinished({recipe.key for recipe in ready})
            found = {recipe: self.store.find(recipe, weights=True) for recipe in ready}
            self.runs |= {recipe: run for recipe, run in found.items() if run}
            if not any(found.values()):
                return ready, checkpoints
            ready = [recipe for recipe in ready if not found[recipe]]

    def _train_here(self, ready: list[Recipe]) -> None:
        ready, checkpoints = self._left(ready) if self.store else (ready, [])
        furthest: dict[Recipe, int] = {}
        for place, (header, _) in enumerate(checkpoints):
            for recipe in ready:
                if recipe.key in header["keys"]:
                    furthest.setdefault(recipe, place)
        device = self.device or best_device()
        waiting = [array for group in grouped(ready, furthest) for array in fitting(group, device)]
        while waiting:
            recipes = waiting.pop(0)
            checkpoint = checkpoints[furthest[recipes[0]]] if recipes[0] in furthest else None
            try:
                self._train_array(recipes, checkpoint, device)
                continue
            except Refused as refused:
                waiting = [*self._sound(recipes, refused.__cause__, device), *waiting]
                continue
            except torch.OutOfMemoryError:
                if len(recipes) == 1:
                    raise
            half = len(recipes) // 2  # out here the failed array's memory is free again
            warnings.warn(f"{len(recipes)} students did not fit into memory: half of them at a time", stacklevel=5)
            waiting = [recipes[:half], recipes[half:], *waiting]

    def _sound(self, recipes: list[Recipe], problem: ValueError, device: str) -> list[list[Recipe]]:
        """The arrays that are left of one that cannot be trained: without those that cannot be by themselves."""
        refused = {recipes[0]: problem} if len(recipes) == 1 else {}
        for recipe in recipes[len(refused) :]:
            try:
                with as_it_was(device):
                    body_of([recipe], self.runs, device)
            except ValueError as its_own:
                refused[recipe] = its_own
        self.refused |= refused
        sound = [recipe for recipe in recipes if recipe not in refused]
        return [*filter(None, [sound])] if refused else [[recipe] for recipe in sound]

    def _train_array(
        self, recipes: list[Recipe], checkpoint: tuple[dict, Mapping[str, Tensor]] | None, device: str
    ) -> None:
        keys = {recipe: recipe.key for recipe in recipes}
        with as_it_was(device), kept_memory():
            array = self._begun(recipes, checkpoint, device)
            # what is done by now was so before some of its runs were written
            together = len(checkpoint[0]["keys"]) if array.done else len(recipes)
            examples = len(recipes) * recipes[0].batch_size
            self.bar.update(array.step * examples)
            self._fit(array, examples)
            runs = array.runs()
        for student, epoch in array.lost.items():
            self.lost[recipes[student]] = f"the loss of {recipes[student]} is no longer finite (epoch {epoch:g})"
        for run in runs:
            run.facts["trained_together"] = together
            self.runs[run.recipe] = self._saved(run, keys[run.recipe])
        if self.store:
            self.store.drop_unfinished({recipe.key for recipe in (*self.lost, *self.refused)})

    def _begun(self, recipes: list[Recipe], checkpoint: tuple[dict, Mapping[str, Tensor]] | None, device: str) -> Loop:
        """An array, where its checkpoint left it; a checkpoint of another layout is set aside."""
        try:
            array = body_of(recipes, self.runs, device)
        except ValueError as problem:
            raise Refused from problem
        if array.small:
            torch.set_num_threads(1)
        if checkpoint and (problem := put_back(array, checkpoint)):
            self.store.refuse_unfinished(checkpoint[0], problem)
            return body_of(recipes, self.runs, device)
        return array

    def _fit(self, array: Loop, examples: int) -> None:
        """Train an array to its end, with a checkpoint now and then and, so that it ends as one, a last one."""
        kept, pause = time.perf_counter(), CHECKPOINT_SECONDS
        keeps = self.store and not any(map(undescribed, array.recipes))
        while not array.done:
            epoch = 1 + array.step * array.recipes[0].batch_size // array.examples
            together = f"{len(array.recipes)} × {array.recipes[0].model} on {array.recipes[0].data.name}"
            self.bar.set_description(f"{together}, epoch {epoch} of {array.recipes[0].epochs:g}", refresh=False)
            started = time.perf_counter()
            steps = array.advance()
            self.bar.update(steps * examples)
            self.cost.add(array.recipes, steps / array.steps, time.perf_counter() - started, array.device.type)
            if self.watch and array.just_measured:
                self.watch(array.recipes, array.history, array.done)
            now = time.perf_counter()
            if keeps and (now - kept > pause or (array.done and len(array.recipes) > 1)):
                self._keep(array)
                kept = time.perf_counter()
                pause = max(CHECKPOINT_SECONDS, 30 * (kept - now))

    def _keep(self, array: Loop) -> None:
        try:
            self.store.keep_unfinished(*state(array))
        except OSError as problem:
            warnings.warn(f"no checkpoint could be written, training goes on: {problem}", stacklevel=7)

    def _saved(self, run: Run, key: str) -> Run:
        """The run as the store holds it: its arrays stay on disk until they are asked for."""
        if not self.store or undescribed(run.recipe):
            return run
        if run.key != key:
            warnings.warn(f"{run!r} is in memory only: what its code names changed while it trained", stacklevel=6)
            return run
        try:
            self.store.save(run)
        except OSError as problem:
            warnings.warn(f"{run!r} is in memory only, it could not be stored: {problem}", stacklevel=6)
            return run
        return self.store.find(run.recipe, weights=True) or run


def body_of(recipes: list[Recipe], parents: dict[Recipe, Run], device: str) -> Loop:
    """Their training, whose body of steps is as their objective needs it."""
    return (Turns if isinstance(recipes[0].objective, Adversarial) else Array)(recipes, parents, device)


_one_at_a_time = threading.Lock()  # torch's generator and precision belong to the process


def _job(recipes: list[Recipe], store: Store, device: str | None, held: dict[Recipe, tuple]) -> tuple[dict, dict, dict]:
    """A worker's part: train into the store; what was lost and why, what was refused, what could not be stored.

    ``held`` are parents that could not be stored before.
    """
    with _one_at_a_time:
        work = Work(store, device, None, runs={recipe: _run_of(recipe, parts) for recipe, parts in held.items()})
        work.train(recipes)
        return work.lost, work.refused, {recipe: parts for recipe, parts in work._held().items() if recipe in recipes}


def _run_of(recipe: Recipe, parts: tuple[dict, dict, dict]) -> Run:
    arrays, history, facts = parts
    return Run(recipe, {name: torch.tensor(array) for name, array in arrays.items()}, history, facts)
