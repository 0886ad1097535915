"""What each step is given, and that follows from a recipe and its seed alone: examples, shifts, learning rate."""

import hashlib
import math

import torch
from torch import Tensor

from kdviz.data import Dataset, Description
from kdviz.recipes import Recipe

SEGMENT = 100  # steps prepared at once, at most


class Schedule:
    """The steps of an array of students, prepared on its device some at a time.

    Tables stay where they are and a clock on the device says which row is next: so a GPU can replay a step.

    Parameters
    ----------
    recipes : list of Recipe
        Alike in batch size, rate, length and augmentation.
    datasets : dict of Description to Dataset
    steps : int
        Of the whole training.
    device : torch.device

    Attributes
    ----------
    stream_of : Tensor, shape (students,), int64
        Students of one seed and one training set share a stream of batches.
    shared : bool
        Whether each stream belongs to as many students, and these stand side by side.
    """

    def __init__(self, recipes: list[Recipe], datasets: dict[Description, Dataset], steps: int, device: torch.device):
        self.first, self.steps = recipes[0], steps
        mine = [(recipe.seed, recipe.data) for recipe in recipes]
        streams = list(dict.fromkeys(mine))
        share = len(mine) // len(streams)
        self.shared = mine == [stream for stream in streams for _ in range(share)]
        self.stream_of = torch.tensor([streams.index(stream) for stream in mine], device=device)
        self._orders = [Order(datasets[data].rows, seed) for seed, data in streams]
        self._generators = [torch.Generator().manual_seed(seed_of(seed, "augmentation")) for seed, _ in streams]
        shape = SEGMENT, len(streams), self.first.batch_size
        self._rows = torch.zeros(shape, dtype=torch.int64, device=device)
        self._shifts = torch.zeros(*shape, 2, dtype=torch.int64, device=device) if self.first.augment else None
        self._rates = torch.zeros(SEGMENT, dtype=torch.float32, device=device)  # as fused kernels read them
        self._clock = torch.zeros(1, dtype=torch.int64, device=device)

    def prepare(self, done: int, steps: int) -> None:
        """Fill the tables for ``steps`` steps after the first ``done``."""
        batch = self.first.batch_size
        for stream, (order, generator) in enumerate(zip(self._orders, self._generators, strict=True)):
            self._rows[:steps, stream] = order.take(steps * batch).view(steps, batch).to(self._rows.device)
            if self.first.augment:
                shifts = [self.first.augment.draw(batch, generator) for _ in range(steps)]
                self._shifts[:steps, stream] = torch.stack(shifts).to(self._rows.device)
        following = range(done + 1, done + steps + 1)
        rates = [learning_rate_at(step, self.steps, self.first.learning_rate) for step in following]
        self._rates[:steps] = torch.tensor(rates, dtype=torch.float32, device=self._rates.device)
        self._clock.zero_()

    def skip(self, steps: int) -> None:
        """Draw and drop what the first ``steps`` steps were given."""
        batch = self.first.batch_size
        for order, generator in zip(self._orders, self._generators, strict=True):
            order.take(steps * batch)
            for _ in range(steps if self.first.augment else 0):
                self.first.augment.draw(batch, generator)

    def tick(self) -> None:
        """Go on to the next step."""
        self._clock += 1

    @property
    def rows(self) -> Tensor:
        """The examples of this step, shape (streams, batch), by their place in the full training set."""
        return self._rows.index_select(0, self._clock)[0]

    @property
    def shifts(self) -> Tensor:
        """What :class:`kdviz.data.Jitter` drew for them, shape (streams · batch, 2)."""
        return self._shifts.index_select(0, self._clock)[0].flatten(0, 1)

    @property
    def rate(self) -> Tensor:
        """The learning rate, shape ()."""
        return self._rates.index_select(0, self._clock)[0]


class Order:
    """A stream of permutations of ``rows``, the same on every device; batches are cut from it.

    Parameters
    ----------
    rows : Tensor, shape (N,), int64
        The examples, by their place in the full training set.
    seed : int
    """

    def __init__(self, rows: Tensor, seed: int):
        self.rows, self.left = rows, rows[:0]
        self.generator = torch.Generator().manual_seed(seed_of(seed, "order"))

    def take(self, count: int) -> Tensor:
        """The next ``count`` rows."""
        parts, found = [self.left], len(self.left)
        while found < count:
            parts.append(self.rows[torch.randperm(len(self.rows), generator=self.generator)])
            found += len(self.rows)
        stream = torch.cat(parts)
        self.left = stream[count:]
        return stream[:count]


def learning_rate_at(step: int, steps: int, peak: float, warm_up: float = 0.3) -> float:
    """One cycle: linear up to the peak in the first ``warm_up`` share of the steps, then half a cosine to 0."""
    done = step / steps
    if done < warm_up:
        return peak * done / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


def seed_of(seed: int, purpose: str) -> int:
    """The seed of one purpose's generator, so that no two purposes share their draws."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:7])
