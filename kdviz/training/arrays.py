"""An array: students of one architecture, schedule and data shape, trained as one program."""

import math
import platform
import time

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from kdviz.data import as_numbers, load_described
from kdviz.networks import loaded, predict_logits
from kdviz.recipes import Recipe, describe
from kdviz.runs import WEIGHTS, Run
from kdviz.training.alone import Alone
from kdviz.training.beginning import brought_along, checked_answer, compressed, head_of, initial_networks
from kdviz.training.fused import Fused, fusable
from kdviz.training.history import TAUGHT, BesideTeacher, right_answers
from kdviz.training.schedule import SEGMENT, Schedule, seed_of
from kdviz.training.steps import Repeated
from kdviz.training.teachers import Teachers
from kdviz.training.updates import Update

SMALL = 2e7  # multiplications a step: more threads than one gain little below, and cost much on a busy processor


class Array:
    """Students in training.

    Each has its own seed, initial weights, order of examples, teacher, temperature and weights of the loss, and its
    own part of the training set; they share architecture, schedule and test split. Neighbours with one seed and one
    training set see the same batches.

    Parameters
    ----------
    recipes : list of Recipe
    parents : dict of Recipe to Run
        Teachers and runs to start from, with their weights.
    device : str
    """

    def __init__(self, recipes: list[Recipe], parents: dict[Recipe, Run], device: str):
        self.recipes, self.device, self.first = recipes, torch.device(device), recipes[0]
        self.seconds, self.step, self.epoch_began = 0.0, 0, 0
        datasets = {recipe.data: load_described(recipe.data) for recipe in recipes}
        self.data = datasets[self.first.data]
        self.steps = round(self.first.epochs * len(self.data.full_train) / self.first.batch_size)
        if self.steps < 2:
            raise ValueError(
                f"{self.first.epochs:g} epochs of {self.first} are {self.steps} steps: ask for more, or smaller batches"
            )
        self.dtype = torch.get_default_dtype()
        self._place_data()
        self.schedule = Schedule(recipes, datasets, self.steps, self.device)
        networks = initial_networks(recipes, parents, tuple(self.inputs.shape[1:]), len(self.data.classes))
        self.head = head_of(networks[0]) if self.first.frozen else set()
        self.network = (Fused if fusable(self.first.model) else Alone)(networks, self.device)
        self.teachers = Teachers(recipes, self.data, parents, self.schedule.stream_of)
        self._place_trained(datasets)
        self.numbers = {name: self._of_each(name) for name in self.first.objective.numbers}
        streams = self.schedule.stream_of, self.schedule.shared
        self.beside_teacher = BesideTeacher(recipes, datasets, *streams) if self.first.objective.teachers else None
        measured = ["epoch", "loss", "test_accuracy", *(TAUGHT if self.beside_teacher else [])]
        self.history = [{name: [] for name in measured} for _ in recipes]
        self.lost: dict[int, float] = {}  # students whose loss is no longer finite, and the epoch it was seen in
        self._take_steps = Repeated(self._one_step, self.device)
        torch.manual_seed(seed_of(self.first.seed, "dropout"))  # last: what stands above may draw, or find it cached

    def _place_data(self) -> None:
        """Numbers in the precision one trains with; bytes and tokens as they are."""
        for name, split in (("", self.data.full_train), ("test_", self.data.test)):
            inputs = split.inputs if split.inputs.dtype == torch.uint8 else as_numbers(split.inputs, self.dtype)
            setattr(self, f"{name}inputs", inputs.to(self.device))
            setattr(self, f"{name}labels", split.labels.to(self.device))

    def _place_trained(self, datasets: dict) -> None:
        """What a step changes: weights of the networks, or of frozen ones their heads, the objective's, its state."""
        one = as_numbers(self.inputs[:1], self.dtype)
        answer = checked_answer(self.network, one, self.first, len(self.data.classes))
        self.extra, self.state = brought_along(self.recipes, answer, self.teachers, one, datasets)
        self.trained = {n: w for n, w in self.network.parameters.items() if not self.head or n in self.head}
        for name in self.network.parameters.keys() - self.trained.keys():
            self.network.parameters[name].requires_grad_(False)
        self.trained |= {f"extra.{name}": weight for name, weight in self.extra.items()}
        averaged = self.first.objective.averaged
        self.average = {n: w.detach().clone() for n, w in self.network.stacked().items()} if averaged else {}
        self.compression = self.first.compression
        self.compressed = compressed(self.recipes, self.network.stacked()) if self.compression else {}
        self.update = Update(self.first.optimizer, self.trained, self.first.weight_decay)
        self.loss_sum = torch.zeros(len(self.recipes), device=self.device)

    def _of_each(self, name: str) -> Tensor:
        values = [getattr(recipe.objective, name) for recipe in self.recipes]
        return torch.tensor(values, dtype=self.dtype, device=self.device)

    @property
    def done(self) -> bool:
        return self.step == self.steps or len(self.lost) == len(self.recipes)

    @property
    def small(self) -> bool:
        """Whether a second thread gains little: multiplications of weights with examples, in a step of all students."""
        weights = sum(weight.numel() for weight in self.network.parameters.values())
        return isinstance(self.network, Fused) and weights * self.first.batch_size < SMALL

    @property
    def ended_an_epoch(self) -> bool:
        return self.step == self.epoch_began

    def advance(self) -> int:
        """Train up to the end of the epoch, or for :data:`SEGMENT` steps; returns how many steps that were.

        A GPU may still take them when this returns: what they need next is prepared meanwhile.
        """
        started = time.perf_counter()
        examples, batch = len(self.labels), self.first.batch_size
        epochs = self.step * batch // examples
        end_of_epoch = min(self.steps, -(-(epochs + 1) * examples // batch))
        steps = min(SEGMENT, end_of_epoch - self.step)
        self.schedule.prepare(self.step, steps)
        self._take_steps(steps)
        self.update.drop_the_vanishing()
        self.step += steps
        if self.beside_teacher:
            self._look_at_discrepancy()
        if self.step == end_of_epoch:
            self._measure()
        self.seconds += time.perf_counter() - started
        return steps

    def _one_step(self) -> None:
        """A step of every student; what it reads and writes stays where it is, so that a GPU can replay it."""
        inputs, labels = self._batch()
        rows = self.schedule.rows[self.schedule.stream_of]  # of each student
        own = inputs if self.schedule.shared else inputs[self.schedule.stream_of]
        taught = self.teachers.outputs(inputs, rows) | self._averages_answer(own)
        outputs = self.network(own, training=not self.first.frozen, weights=self.used())
        extra, objective = {**self.extra, **self.state, "rows": rows}, self.first.objective
        losses = objective.losses(outputs, labels, taught, extra, **self.numbers)
        parameters = [*self.trained.values()]  # no student's loss depends on another's weights, or on all of its own
        gradients = torch.autograd.grad(losses.sum(), parameters, materialize_grads=True)
        with torch.no_grad():
            objective.advance(extra, outputs, taught, **self.numbers)
            self._compress(gradients)
        self.update(gradients, self.schedule.rate)
        self._follow()
        self.loss_sum += losses.detach()
        self.schedule.tick()

    def used(self) -> dict[str, Tensor] | None:
        """The weights that the students answer with, where they are others than those trained."""
        return self.compression.used(self.network.stacked(), self.compressed) if self.compression else None

    def _compress(self, gradients: tuple[Tensor, ...]) -> None:
        if self.compression:
            weights = self.network.stacked()
            of_network = {n: g for n, g in zip(self.trained, gradients, strict=True) if n in weights}
            shaped = {n: g.view_as(weights[n]) for n, g in of_network.items()}
            self.compression.advance(self.compressed, weights, shaped, self.schedule.done)

    @torch.no_grad()
    def _averages_answer(self, inputs: Tensor) -> dict[str, Tensor]:
        return self.network(inputs, weights=self.average) if self.average else {}

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averaged weights a share of the way to the students'."""
        for name, average in self.average.items():
            share = 1 - self.numbers[self.first.objective.averaged]
            average.lerp_(self.network.stacked()[name], share.view(-1, *[1] * (average.ndim - 1)))

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Inputs of each stream, shape (streams, N, ...), and labels of each student: classes, or shares of them."""
        rows = self.schedule.rows
        found = as_numbers(self.inputs.index_select(0, rows.flatten()), self.dtype)
        inputs, labels = found.view(*rows.shape, *found.shape[1:]), self.labels[rows]
        for augmentation, drawn in zip(self.schedule.augmentations, self.schedule.drawn, strict=True):
            if hasattr(augmentation, "labels"):  # it mixes examples, those of a stream
                shares = labels if labels.ndim == 3 else one_hot(labels, len(self.data.classes)).to(self.dtype)
                labels = torch.stack([augmentation.labels(*pair) for pair in zip(shares, drawn, strict=True)])
                inputs = torch.stack([augmentation(*pair) for pair in zip(inputs, drawn, strict=True)])
            else:
                inputs = augmentation(inputs.flatten(0, 1), drawn.flatten(0, 1)).view_as(inputs)
        return inputs, labels[self.schedule.stream_of]

    @torch.no_grad()
    def _look_at_discrepancy(self) -> None:
        at = round(self.step * self.first.batch_size / len(self.labels), 3)
        apart = self.beside_teacher.discrepancy(self.network, self.teachers, self.inputs, self.used())
        for student, history in enumerate(self.history):
            if student not in self.lost and math.isfinite(apart[student]):
                history.setdefault("kl_epoch", []).append(at)  # a checkpoint of before has none
                history.setdefault("train_kl", []).append(apart[student])

    def _measure(self) -> None:
        """End an epoch: write the history, and give up on students whose loss is no longer finite."""
        epoch = round(self.step * self.first.batch_size / len(self.labels), 2)
        losses = (self.loss_sum / (self.step - self.epoch_began)).tolist()
        with torch.no_grad():
            used = self.used()
        right = right_answers(self.network, self.test_inputs, self.test_labels, used).tolist()
        measured = {"loss": losses, "test_accuracy": [count / len(self.test_labels) for count in right]}
        if self.beside_teacher:
            measured["train_agreement"] = self.beside_teacher.agreement(self.network, self.teachers, self.inputs, used)
        for student, history in enumerate(self.history):
            if not math.isfinite(losses[student]):
                self.lost.setdefault(student, epoch)
            if student not in self.lost:
                history["epoch"].append(epoch)
                for name, values in measured.items():
                    history[name].append(values[student])
        self.loss_sum.zero_()
        self.epoch_began = self.step

    def runs(self) -> list[Run]:
        """The finished runs; students that ended with logits that are not finite are lost too."""
        with torch.no_grad():
            used = self.used() or {}
        left = [student for student in range(len(self.recipes)) if student not in self.lost]
        runs = {student: self._run_of(student, used) for student in left}
        for student, run in runs.items():
            if not torch.isfinite(run.arrays["test_logits"]).all():
                self.lost[student] = self.first.epochs
        return [run for student, run in runs.items() if student not in self.lost]

    def _run_of(self, student: int, used: dict[str, Tensor]) -> Run:
        started = time.perf_counter()
        recipe, state = self.recipes[student], self.network.state_of(student)
        state |= {name: weight[student].detach().cpu().clone() for name, weight in used.items()}
        model = recipe.model
        if self.compression:
            kept = {name: tensor[student].cpu() for name, tensor in self.compressed.items()}
            model, state = self.compression.finished(model, state, kept)
        shape, classes = tuple(self.inputs.shape[1:]), len(self.data.classes)
        network = loaded(model.build(shape, classes), state).to(self.device)
        logits, history = predict_logits(network, self.test_inputs), self.history[student]
        history["test_accuracy"][-1] = (logits.argmax(-1) == self.test_labels).sum().item() / len(logits)
        arrays = {"test_logits": logits.cpu()} | {WEIGHTS + name: weight for name, weight in state.items()}
        seconds = self.seconds / len(self.recipes) + time.perf_counter() - started
        on_gpu = self.device.type == "cuda"
        facts = {
            "seconds": round(seconds, 4),
            "trained_together": len(self.recipes),
            "device": torch.cuda.get_device_name(self.device) if on_gpu else self.device.type,
            "threads": torch.get_num_threads(),
            "matmul_precision": torch.get_float32_matmul_precision(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        }
        return Run(recipe, arrays, history, facts | ({"model": describe(model)} if model != recipe.model else {}))
