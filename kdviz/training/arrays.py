"""An array: students of one architecture, schedule and data shape, trained as one program."""

import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from kdviz.data import as_numbers
from kdviz.networks import loaded, predict_logits
from kdviz.recipes import Recipe
from kdviz.runs import WEIGHTS, Run
from kdviz.training.alone import Alone
from kdviz.training.beginning import brought_along, checked_answer, compressed, head_of, initial_networks
from kdviz.training.engines import engine_of
from kdviz.training.history import TAUGHT, BesideTeacher, right_answers
from kdviz.training.loop import SPARED, Loop
from kdviz.training.teachers import Teachers
from kdviz.training.updates import Update

SMALL = 2e7  # multiplications a step: more threads than one gain little below, and cost much on a busy processor


class Array(Loop):
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
        super().__init__(recipes, device)
        datasets = self.datasets
        networks = initial_networks(recipes, parents, tuple(self.inputs.shape[1:]), len(self.data.classes))
        self.head = head_of(networks[0]) if self.first.frozen else set()
        self.network = engine_of(self.first, networks, self.device)
        self.teachers = Teachers(recipes, self.data, parents, self.schedule.stream_of)
        self._place_trained(datasets)
        self.numbers = {name: self._of_each(name) for name in self.first.objective.numbers}
        streams = self.schedule.stream_of, self.schedule.shared
        self.beside_teacher = BesideTeacher(recipes, datasets, *streams) if self.first.objective.teachers else None
        self._begin("test_accuracy", *(TAUGHT if self.beside_teacher else []))

    def _place_trained(self, datasets: dict) -> None:
        """What a step changes: the networks' weights or what stands for them, frozen ones' heads, the objective's."""
        one = as_numbers(self.inputs[:1], self.dtype)
        answer = checked_answer(self.network, one, self.first, len(self.data.classes))
        self.extra, self.state = brought_along(self.recipes, answer, self.teachers, one, datasets)
        self.compression, weights = self.first.compression, self.network.stacked()
        self.compressed, self.learned = compressed(self.recipes, weights) if self.compression else ({}, {})
        own = {} if self.learned else self.network.parameters
        self.trained = {name: weight for name, weight in own.items() if not self.head or name in self.head}
        for name in self.network.parameters.keys() - self.trained.keys():
            self.network.parameters[name].requires_grad_(False)
        self.trained |= {f"extra.{name}": weight for name, weight in (self.extra | self.learned).items()}
        averaged = self.first.objective.averaged
        self.average = {n: w.detach().clone() for n, w in weights.items()} if averaged else {}
        self.update = Update(self.first.optimizer, self.trained, self.first.weight_decay)

    def _of_each(self, name: str) -> Tensor:
        values = [getattr(recipe.objective, name) for recipe in self.recipes]
        return torch.tensor(values, dtype=self.dtype, device=self.device)

    @property
    def small(self) -> bool:
        """Whether a second thread gains little: multiplications of weights with examples, in a step of all students."""
        weights = sum(weight.numel() for weight in self.network.parameters.values())
        return not isinstance(self.network, Alone) and weights * self.first.batch_size < SMALL

    def _between(self, steps: int) -> None:
        self.update.drop_the_vanishing()
        if self.beside_teacher and (self.done or self.step // SPARED > (self.step - steps) // SPARED):
            self._look_at_discrepancy()

    def _one_step(self) -> None:
        """A step of every student; what it reads and writes stays where it is, so that a GPU can replay it."""
        inputs, labels = self._batch()
        rows = self.schedule.rows[self.schedule.stream_of]  # of each student
        own = inputs if self.schedule.shared else inputs[self.schedule.stream_of]
        taught = self.teachers.outputs(inputs, rows) | self._averages_answer(own)
        objective = self.first.objective
        own, told = objective.shown(own)
        outputs = self.network(own, training=not self.first.frozen, weights=self.used())
        extra = {**self.extra, **self.state, **told, "rows": rows, "done": self.schedule.done}
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
        if not self.compression:
            return None
        return self.compression.used(self.network.stacked(), self.compressed | self.learned)

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

    @torch.no_grad()
    def _look_at_discrepancy(self) -> None:
        at = round(self.step * self.first.batch_size / self.examples, 3)
        apart = self.beside_teacher.discrepancy(self.network, self.teachers, self.inputs, self.used())
        for student, history in enumerate(self.history):
            if student not in self.lost and math.isfinite(apart[student]):
                history.setdefault("kl_epoch", []).append(at)  # a checkpoint of before has none
                history.setdefault("train_kl", []).append(apart[student])

    def measured(self) -> dict[str, list[float]]:
        """Accuracy on the test split and, of students with a teacher, agreement with it."""
        used = self.used()
        right = right_answers(self.network, self.test_inputs, self.test_labels, used).tolist()
        found = {"test_accuracy": [count / len(self.test_labels) for count in right]}
        if self.beside_teacher:
            found["train_agreement"] = self.beside_teacher.agreement(self.network, self.teachers, self.inputs, used)
        return found

    def changing(self) -> Iterator[tuple[str, Tensor]]:
        """See :meth:`Loop.changing`."""
        alone = isinstance(self.network, Alone)
        own = (lambda tensor: tensor.detach()[None]) if alone else (lambda tensor: tensor.detach())
        for group, tensors in {"parameter": self.trained.values(), **self.update.moments}.items():
            for name, tensor in zip(self.trained, tensors, strict=True):
                yield f"{group}/{name}", tensor.detach() if name.startswith("extra.") else own(tensor)
        for group, kept in (("average", self.average), ("compressed", self.compressed), ("state", self.state)):
            yield from ((f"{group}/{name}", tensor) for name, tensor in kept.items())
        yield from ((f"buffer/{name}", own(buffer)) for name, buffer in self.network.buffers.items())

    def resume(self) -> None:
        """See :meth:`Loop.resume`."""
        self.update.resume(self.step)

    def _run_of(self, student: int) -> Run | None:
        """The finished run; None where its logits are not finite."""
        started = time.perf_counter()
        recipe, state = self.recipes[student], self.network.state_of(student)
        state |= {name: weight[student].detach().cpu().clone() for name, weight in (self.used() or {}).items()}
        model = recipe.model
        if self.compression:
            kept = {name: tensor[student].cpu() for name, tensor in self.compressed.items()}
            model, state = self.compression.finished(model, state, kept)
        shape, classes = tuple(self.inputs.shape[1:]), len(self.data.classes)
        network = loaded(model.build(shape, classes), state).to(self.device)
        logits, history = predict_logits(network, self.test_inputs), self.history[student]
        history["test_accuracy"][-1] = (logits.argmax(-1) == self.test_labels).sum().item() / len(logits)
        arrays = {"test_logits": logits.cpu()} | {WEIGHTS + name: weight for name, weight in state.items()}
        run = Run(recipe, arrays, history, self._facts(model, started))
        return run if torch.isfinite(logits).all() else None
