"""One training, whatever a step of it is: the seam for what is not "students on a data set".

A body takes one step of its students, with the schedule's batch and rate, and adds their losses to ``loss_sum``. It
names every tensor that a step changes, the students its first axis, and says what is measured at the end of an epoch
and what a run holds in the end. All else is the loop's and the same for every body: order and rates, clock and
progress, history, what is lost, checkpoints and going on from them.
"""

import math
import platform
import time
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from kdviz.data import as_numbers, load_described
from kdviz.networks import Architecture
from kdviz.recipes import Recipe, describe
from kdviz.runs import Run
from kdviz.training.schedule import SEGMENT, Schedule, seed_of
from kdviz.training.steps import Repeated

SPARED = 25  # steps in which one measures once: at the end of each short epoch it would cost as much as training
LOOKS = 20  # how often one measures all the same, where there are as many epochs


class Loop:
    """Students in training, of one schedule and test split; a body says what their steps are.

    Parameters
    ----------
    recipes : list of Recipe
    device : str

    Attributes
    ----------
    loss_sum : Tensor, shape (students,)
        Of the steps since one measured.
    history : list of dict
        One a student: ``epoch``, ``loss`` and what :meth:`measured` names.
    lost : dict of int to float
        Students whose loss is no longer finite, and the epoch it was seen in.
    """

    small = False  # whether a second thread gains little

    def __init__(self, recipes: list[Recipe], device: str):
        self.recipes, self.device, self.first = recipes, torch.device(device), recipes[0]
        self.seconds, self.step, self.measured_at = 0.0, 0, 0
        self.datasets = {recipe.data: load_described(recipe.data) for recipe in recipes}
        self.data = self.datasets[self.first.data]
        self.steps = round(self.first.epochs * len(self.data.full_train) / self.first.batch_size)
        if self.steps < 2:
            raise ValueError(
                f"{self.first.epochs:g} epochs of {self.first} are {self.steps} steps: ask for more, or smaller batches"
            )
        self.dtype = torch.get_default_dtype()
        for name, split in (("", self.data.full_train), ("test_", self.data.test)):
            # numbers in the precision one trains with; bytes and tokens as they are
            inputs = split.inputs if split.inputs.dtype == torch.uint8 else as_numbers(split.inputs, self.dtype)
            setattr(self, f"{name}inputs", inputs.to(self.device))
        self.test_labels, self.examples = self.data.test.labels.to(self.device), len(self.data.full_train)
        self.schedule = Schedule(recipes, self.datasets, self.steps, self.device)
        self.labels, self.labels_of = self._labels_of_streams()
        self.loss_sum = torch.zeros(len(recipes), device=self.device)
        self.lost: dict[int, float] = {}
        self._take_steps = Repeated(self._one_step, self.device)

    def _labels_of_streams(self) -> tuple[Tensor, Tensor]:
        """Labels of all training examples, a row for all streams or for each; and which row is whose, (streams, 1)."""
        several = [self.datasets[data].full_train.labels for data in self.schedule.data_of]
        alike = all(labels is several[0] or torch.equal(labels, several[0]) for labels in several)
        rows = [0] * len(several) if alike else range(len(several))
        table = torch.stack(several[:1] if alike else several)
        return table.to(self.device), torch.tensor(rows, device=self.device)[:, None]

    def _begin(self, *measured: str) -> None:
        """Last of all that comes before the first step: what stands before may draw, or find it cached."""
        self.history = [{name: [] for name in ("epoch", "loss", *measured)} for _ in self.recipes]
        torch.manual_seed(seed_of(self.first.seed, "dropout"))

    def _one_step(self) -> None:
        """A step of every student; what it reads and writes stays where it is, so that a GPU can replay it."""
        raise NotImplementedError

    def _between(self, steps: int) -> None:
        """What is done after each segment, of so many steps."""

    def changing(self) -> Iterator[tuple[str, Tensor]]:
        """Every tensor that a step changes for each student, by group and name, its first axis the students."""
        raise NotImplementedError

    def resume(self) -> None:
        """Let the optimizers go on after ``step`` steps."""
        raise NotImplementedError

    def measured(self) -> dict[str, list[float]]:
        """At the end of an epoch, of short ones at that of some: what is measured, a number for each student."""
        raise NotImplementedError

    def _run_of(self, student: int) -> Run | None:
        """The finished run, None where what it ends with is not finite."""
        raise NotImplementedError

    @property
    def done(self) -> bool:
        return self.step == self.steps or len(self.lost) == len(self.recipes)

    @property
    def just_measured(self) -> bool:
        return self.step == self.measured_at

    def advance(self) -> int:
        """Train up to the end of the epoch, or for :data:`SEGMENT` steps; returns how many steps that were.

        A GPU may still take them when this returns: what they need next is prepared meanwhile.
        """
        started = time.perf_counter()
        examples, batch = self.examples, self.first.batch_size
        epochs = self.step * batch // examples
        end_of_epoch = min(self.steps, -(-(epochs + 1) * examples // batch))
        steps = min(SEGMENT, end_of_epoch - self.step)
        self.schedule.prepare(self.step, steps)
        self._take_steps(steps)
        self.step += steps
        self._between(steps)
        apart = max(1, min(SPARED, self.steps // LOOKS))
        if self.step == end_of_epoch and (self.done or self.step // apart > self.measured_at // apart):
            self._measure()
        self.seconds += time.perf_counter() - started
        return steps

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Inputs of each stream, shape (streams, N, ...), and labels of each student: classes, or shares of them."""
        rows = self.schedule.rows
        found = as_numbers(self.inputs.index_select(0, rows.flatten()), self.dtype)
        inputs, labels = found.view(*rows.shape, *found.shape[1:]), self.labels[self.labels_of, rows]
        for augmentation, drawn in zip(self.schedule.augmentations, self.schedule.drawn, strict=True):
            if hasattr(augmentation, "labels"):  # it mixes examples, those of a stream
                shares = labels if labels.ndim == 3 else one_hot(labels, len(self.data.classes)).to(self.dtype)
                labels = torch.stack([augmentation.labels(*pair) for pair in zip(shares, drawn, strict=True)])
                inputs = torch.stack([augmentation(*pair) for pair in zip(inputs, drawn, strict=True)])
            else:
                inputs = augmentation(inputs.flatten(0, 1), drawn.flatten(0, 1)).view_as(inputs)
        return inputs, labels[self.schedule.stream_of]

    def _measure(self) -> None:
        """At an epoch's end: write the history, and give up on students whose loss is no longer finite."""
        epoch = round(self.step * self.first.batch_size / self.examples, 2)
        losses = (self.loss_sum / (self.step - self.measured_at)).tolist()
        with torch.no_grad():
            measured = {"loss": losses} | self.measured()
        for student, history in enumerate(self.history):
            if not math.isfinite(losses[student]):
                self.lost.setdefault(student, epoch)
            if student not in self.lost:
                history["epoch"].append(epoch)
                for name, values in measured.items():
                    history[name].append(values[student])
        self.loss_sum.zero_()
        self.measured_at = self.step

    def runs(self) -> list[Run]:
        """The finished runs; students that ended with what is not finite are lost too."""
        left = [student for student in range(len(self.recipes)) if student not in self.lost]
        with torch.no_grad():
            runs = {student: self._run_of(student) for student in left}
        self.lost |= {student: self.first.epochs for student, run in runs.items() if run is None}
        return [run for run in runs.values() if run is not None]

    def _facts(self, model: Architecture, started: float) -> dict:
        """Seconds, with those since ``started``, device, threads, versions, and the network a run ended with."""
        on_gpu = self.device.type == "cuda"
        facts = {
            "seconds": round(self.seconds / len(self.recipes) + time.perf_counter() - started, 4),
            "trained_together": len(self.recipes),
            "device": torch.cuda.get_device_name(self.device) if on_gpu else self.device.type,
            "threads": torch.get_num_threads(),
            "matmul_precision": torch.get_float32_matmul_precision(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        }
        return facts | ({"model": describe(model)} if model != self.first.model else {})
