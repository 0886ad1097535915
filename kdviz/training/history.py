"""What is measured of an array at the end of an epoch, and between them."""

from collections.abc import Callable

import torch
from torch import Tensor

from kdviz.data import Dataset, Description, as_numbers
from kdviz.measures.divergence import divergence
from kdviz.networks import measuring
from kdviz.recipes import Recipe
from kdviz.training.engines import Engine
from kdviz.training.teachers import Teachers

TAUGHT = ("train_agreement", "kl_epoch", "train_kl")  # what is told of students with a teacher alone
WATCHED = 2_000  # training examples of each student, at most
OFTEN = 1_000  # of them, where one looks more often than at the end of an epoch


def at_once(students: int, device: torch.device) -> int:
    """How many examples to measure at once: as many as caches hold for all students together."""
    return max(1, (4_000 if device.type == "cpu" else 40_000) // students)


def right_answers(network: Engine, inputs: Tensor, labels: Tensor, weights: dict | None) -> Tensor:
    """How many examples each student gets right, shape (students,), with ``weights`` where its own are not used."""
    chunk = at_once(network.students, inputs.device)
    right = torch.zeros(network.students, dtype=torch.int64, device=inputs.device)
    with measuring():
        for some, theirs in zip(inputs.split(chunk), labels.split(chunk), strict=True):
            answers = network(as_numbers(some[None], torch.get_default_dtype()), weights=weights)["logits"]
            right += (classes_of(answers) == theirs).sum(-1)
    return right


def classes_of(logits: Tensor) -> Tensor:
    """The likeliest class; a fused network's logits lie class by class, where argmax takes six times as long."""
    return logits.contiguous().argmax(-1)


class BesideTeacher:
    """How like its teacher each student is, on the first of its training examples, unchanged.

    Parameters
    ----------
    recipes : list of Recipe
    datasets : dict of Description to Dataset
    stream_of : Tensor, shape (students,), int64
    shared : bool
        As :class:`kdviz.training.schedule.Schedule` says them.
    """

    def __init__(self, recipes: list[Recipe], datasets: dict[Description, Dataset], stream_of: Tensor, shared: bool):
        self.stream_of, self.shared = stream_of, shared
        streams = dict(zip(stream_of.tolist(), recipes, strict=True))
        rows = [datasets[streams[stream].data].rows[:WATCHED] for stream in sorted(streams)]
        self.rows = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1).to(stream_of.device)
        asked = [(recipe.data, recipe.objective.teachers) for recipe in recipes]
        kinds = {kind: i for i, kind in enumerate(dict.fromkeys(asked))}
        places = [kinds[kind] for kind in asked]
        self.place = torch.tensor(places, device=stream_of.device)
        self.first = torch.tensor([places.index(i) for i in range(len(kinds))], device=stream_of.device)
        self.taught: Tensor | None = None  # the teachers' logits, found once: neither they nor the examples change

    def agreement(self, *networks_and_inputs) -> list[float]:
        """Top-1 agreement of each student; what is given as to :meth:`discrepancy`."""
        return self._mean(_same, self.rows, *networks_and_inputs)

    def discrepancy(self, network: Engine, teachers: Teachers, inputs: Tensor, weights: dict | None) -> list[float]:
        """KL(teacher ‖ student) at T = 1 of each, in nats; ``inputs`` is the full training set's."""
        return self._mean(_apart, self.rows[:, :OFTEN], network, teachers, inputs, weights)

    def _mean(
        self, measure: Callable, watched: Tensor, network: Engine, teachers: Teachers, inputs: Tensor, weights
    ) -> list[float]:
        sums: Tensor | float = 0.0
        chunk = at_once(network.students, inputs.device)
        with measuring():
            if self.taught is None:
                self.taught = torch.cat([self._taught(teachers, inputs, rows) for rows in self.rows.split(chunk, 1)], 1)
            taught = self.taught[:, : watched.shape[1]]
            for rows, theirs in zip(watched.split(chunk, 1), taught.split(chunk, 1), strict=True):
                # where a stream has fewer examples, its rows are -1, and do not count
                images = as_numbers(inputs[rows], torch.get_default_dtype())
                answers = network(images if self.shared else images[self.stream_of], weights=weights)["logits"]
                found = measure(answers, theirs, self.place)
                sums = sums + found.masked_fill(rows[self.stream_of] < 0, 0).sum(-1)
        counts = (watched >= 0).sum(-1)[self.stream_of]
        return [total / count for total, count in zip(sums.tolist(), counts.tolist(), strict=True)]

    def _taught(self, teachers: Teachers, inputs: Tensor, rows: Tensor) -> Tensor:
        """Shape (kinds of students, rows, classes): those of one training set and teacher are of one kind."""
        images = as_numbers(inputs[rows], torch.get_default_dtype())
        return teachers.outputs(images, rows[self.stream_of], "logits")["logits"][self.first]


def _same(answers: Tensor, taught: Tensor, place: Tensor) -> Tensor:
    return (classes_of(answers) == classes_of(taught)[place]).long()


def _apart(answers: Tensor, taught: Tensor, place: Tensor) -> Tensor:
    return divergence(answers, taught[place])[0]
