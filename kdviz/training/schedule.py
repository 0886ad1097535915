"""What each step is given, and that follows from a recipe and its seed alone: examples, augmentation, learning rate."""

import hashlib

import torch
from torch import Tensor

from kdviz.data import Dataset, Description
from kdviz.data.splits import pools
from kdviz.recipes import Recipe

SEGMENT = 100  # steps prepared at once, at most


class Schedule:
    """The steps of an array of students, prepared on its device some at a time.

    Tables stay where they are and a clock on the device says which row is next: so a GPU can replay a step.

    Parameters
    ----------
    recipes : list of Recipe
        Alike in batch size, optimizer, length and augmentation.
    datasets : dict of Description to Dataset
    steps : int
        Of the whole training.
    device : torch.device

    Attributes
    ----------
    stream_of : Tensor, shape (students,), int64
        Students of one seed and one training set share a stream of batches.
    data_of : list of Description
        The training set of each stream.
    shared : bool
        Whether each stream belongs to as many students, and these stand side by side.
    """

    def __init__(self, recipes: list[Recipe], datasets: dict[Description, Dataset], steps: int, device: torch.device):
        self.first, self.steps = recipes[0], steps
        mine = [(recipe.seed, recipe.data) for recipe in recipes]
        streams = list(dict.fromkeys(mine))
        share = len(mine) // len(streams)
        self.shared = mine == [stream for stream in streams for _ in range(share)]
        self.data_of = [data for _, data in streams]
        self.stream_of = torch.tensor([streams.index(stream) for stream in mine], device=device)
        self._orders = [InTurn(pools(datasets[data]), seed) for seed, data in streams]
        self._generators = [torch.Generator().manual_seed(seed_of(seed, "augmentation")) for seed, _ in streams]
        shape = SEGMENT, len(streams), self.first.batch_size
        self._rows = torch.zeros(shape, dtype=torch.int64, device=device)
        self.augmentations = augmentations_of(self.first)
        empty = [each.draw(1, torch.Generator()) for each in self.augmentations]  # their widths and types
        self._drawn = [torch.zeros(*shape, one.shape[1], dtype=one.dtype, device=device) for one in empty]
        self._rates = torch.zeros(SEGMENT, dtype=torch.float32, device=device)  # as fused kernels read them
        self._done = torch.zeros(SEGMENT, dtype=torch.float32, device=device)
        self._clock = torch.zeros(1, dtype=torch.int64, device=device)
        self._examples = len(datasets[self.first.data].full_train)

    def prepare(self, done: int, steps: int) -> None:
        """Fill the tables for ``steps`` steps after the first ``done``; a GPU may still be busy with those before."""
        batch = self.first.batch_size
        for stream, (order, generator) in enumerate(zip(self._orders, self._generators, strict=True)):
            self._fill(self._rows, order.take(steps * batch).view(steps, batch), stream)
            drawn = [[each.draw(batch, generator) for each in self.augmentations] for _ in range(steps)]
            for table, several in zip(self._drawn, zip(*drawn, strict=True), strict=True):
                self._fill(table, torch.stack(several), stream)
        epoch = self.first.batch_size / self._examples
        rates = [
            self.first.optimizer.rate(step, self.steps, self.first.learning_rate, (step - 1) * epoch)
            for step in range(done + 1, done + steps + 1)
        ]
        self._rates[:steps].copy_(_ready(torch.tensor(rates, dtype=torch.float32), self._rates.device))
        shares = torch.arange(done + 1, done + steps + 1, dtype=torch.float64) / self.steps
        self._done[:steps].copy_(_ready(shares.float(), self._done.device))
        self._clock.zero_()

    def _fill(self, table: Tensor, values: Tensor, stream: int) -> None:
        table[: len(values), stream].copy_(_ready(values, table.device))

    def skip(self, steps: int) -> None:
        """Draw and drop what the first ``steps`` steps were given."""
        batch = self.first.batch_size
        for order, generator in zip(self._orders, self._generators, strict=True):
            order.take(steps * batch)
            for _ in range(steps):
                for augmentation in self.augmentations:
                    augmentation.draw(batch, generator)

    def tick(self) -> None:
        """Go on to the next step."""
        self._clock += 1

    @property
    def rows(self) -> Tensor:
        """The examples of this step, shape (streams, batch), by their place in the full training set."""
        return self._rows.index_select(0, self._clock)[0]

    @property
    def drawn(self) -> list[Tensor]:
        """What each augmentation drew for them, shape (streams, batch, width)."""
        return [table.index_select(0, self._clock)[0] for table in self._drawn]

    @property
    def rate(self) -> Tensor:
        """The learning rate, shape ()."""
        return self._rates.index_select(0, self._clock)[0]

    @property
    def done(self) -> Tensor:
        """The share of all steps that are taken with this one, shape ()."""
        return self._done.index_select(0, self._clock)[0]


class InTurn:
    """An order of examples, one of each pool in turn: so that batches hold as many of each. Of one pool, its order.

    Parameters
    ----------
    pools : tuple of Tensor, shape (N,), int64
    seed : int
    """

    def __init__(self, pools: tuple[Tensor, ...], seed: int):
        self.orders = [Order(rows, seed) for rows in pools]
        self.left = pools[0][:0]

    def take(self, count: int) -> Tensor:
        """The next ``count`` rows."""
        turns = -(-(count - len(self.left)) // len(self.orders))
        each = [order.take(turns) for order in self.orders]
        stream = torch.cat([self.left, torch.stack(each, 1).flatten()])
        self.left = stream[count:]
        return stream[:count]


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


def augmentations_of(recipe: Recipe) -> tuple:
    """What changes its inputs, one after another."""
    augment = recipe.augment or ()
    return augment if isinstance(augment, tuple) else (augment,)


def _ready(values: Tensor, device: torch.device) -> Tensor:
    """``values`` where a GPU fetches them by itself, without a wait for what it does now."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values


def seed_of(seed: int, purpose: str) -> int:
    """The seed of one purpose's generator, so that no two purposes share their draws."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:7])
