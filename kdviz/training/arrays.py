"""An array: students of one architecture, schedule and data shape, trained as one program."""

import math
import platform
import time
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from kdviz.data import load_described
from kdviz.networks import predict_logits
from kdviz.recipes import Recipe
from kdviz.runs import WEIGHTS, Run
from kdviz.training.beginning import extra_weights, initial_networks, of_head
from kdviz.training.fused import Fused
from kdviz.training.history import TrainAgreement, right_answers
from kdviz.training.schedule import SEGMENT, Schedule, seed_of
from kdviz.training.teachers import Teachers


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
        self._place_data()
        self.schedule = Schedule(recipes, datasets, self.steps, self.device)
        networks = initial_networks(recipes, parents, tuple(self.inputs.shape[1:]), len(self.data.classes))
        self.network = Fused(networks, self.device)
        self.teachers = Teachers(recipes, self.data, parents, self.schedule.stream_of)
        self._place_trained()
        self.numbers = {name: self._of_each(name) for name in self.first.objective.numbers}
        streams = self.schedule.stream_of, self.schedule.shared
        taught = bool(self.first.objective.teachers)
        self.train_agreement = TrainAgreement(recipes, datasets, *streams) if taught else None
        measured = ["epoch", "loss", "test_accuracy", *(["train_agreement"] if taught else [])]
        self.history = [{name: [] for name in measured} for _ in recipes]
        self.lost: dict[int, float] = {}  # students whose loss is no longer finite, and the epoch it was seen in
        self.graph = None
        torch.manual_seed(seed_of(self.first.seed, "dropout"))  # last: what stands above may draw, or find it cached

    def _place_data(self) -> None:
        dtype = torch.get_default_dtype()
        self.inputs = self.data.full_train.inputs.to(self.device, dtype)
        self.labels = self.data.full_train.labels.to(self.device)
        self.test_inputs = self.data.test.inputs.to(self.device, dtype)
        self.test_labels = self.data.test.labels.to(self.device)

    def _place_trained(self) -> None:
        """All weights that are trained: the networks', or of frozen ones the heads', and the objective's own."""
        self.extra = extra_weights(self.recipes, self.network, self.teachers, self.inputs[:1])
        self.trained = {n: w for n, w in self.network.parameters.items() if not self.first.frozen or of_head(n)}
        for name in self.network.parameters.keys() - self.trained.keys():
            self.network.parameters[name].requires_grad_(False)
        self.trained |= {f"extra.{name}": weight for name, weight in self.extra.items()}
        self.loss_sum = torch.zeros(len(self.recipes), device=self.device)
        stacked = self.trained.values()
        self.first_moments, self.second_moments = ([torch.zeros_like(p) for p in stacked] for _ in range(2))
        self.counts = [torch.zeros((), dtype=torch.float32, device=self.device) for _ in stacked]

    def _of_each(self, name: str) -> Tensor:
        values = [getattr(recipe.objective, name) for recipe in self.recipes]
        return torch.tensor(values, dtype=self.inputs.dtype, device=self.device)

    @property
    def done(self) -> bool:
        return self.step == self.steps or len(self.lost) == len(self.recipes)

    @property
    def multiplications(self) -> int:
        """Of weights with examples, in a step of all students; a convolution's weights count once."""
        return sum(weight.numel() for weight in self.network.parameters.values()) * self.first.batch_size

    @property
    def ended_an_epoch(self) -> bool:
        return self.step == self.epoch_began

    def advance(self) -> int:
        """Train up to the end of the epoch, or for :data:`SEGMENT` steps; returns how many steps that were."""
        started = time.perf_counter()
        examples, batch = len(self.labels), self.first.batch_size
        epochs = self.step * batch // examples
        end_of_epoch = min(self.steps, -(-(epochs + 1) * examples // batch))
        steps = min(SEGMENT, end_of_epoch - self.step)
        self.schedule.prepare(self.step, steps)
        self._run(steps)
        self._drop_the_vanishing()
        self.step += steps
        if self.step == end_of_epoch:
            self._measure()
        self.seconds += time.perf_counter() - started
        return steps

    def _drop_the_vanishing(self) -> None:
        """Set first moments below 1e-30 to 0.

        Where gradients are 0, as at pixels that are seldom lit, they shrink by 0.9 a step until they are denormal,
        which slows processors down several times; within a segment they cannot get there from 1e-30.
        """
        for moments in self.first_moments:
            moments.masked_fill_(moments.abs() < 1e-30, 0.0)

    def _run(self, steps: int) -> None:
        if self.device.type != "cuda":
            for _ in range(steps):
                self._one_step()
            return
        with torch.cuda.device(self.device):
            warm_up = 0 if self.graph else min(steps, 3)
            if not self.graph:
                self._capture(warm_up)
            for _ in range(steps - warm_up):
                self.graph.replay()
            torch.cuda.synchronize()

    def _capture(self, warm_up: int) -> None:
        """Take ``warm_up`` real steps on a stream of their own, as capturing needs, and capture the next."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(warm_up):
                self._one_step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=side):
            self._one_step()
        self.graph = graph

    def _one_step(self) -> None:
        """A step of every student; what it reads and writes stays where it is, so that a GPU can replay it."""
        inputs = self._inputs()
        rows = self.schedule.rows[self.schedule.stream_of]  # of each student
        own = inputs if self.schedule.shared else inputs[self.schedule.stream_of]
        outputs = self.network(own, training=not self.first.frozen)
        taught = self.teachers.outputs(inputs, rows)
        losses = self.first.objective.losses(outputs, self.labels[rows], taught, self.extra, **self.numbers)
        parameters = [*self.trained.values()]  # no student's loss depends on another's weights, or on all of its own
        gradients = torch.autograd.grad(losses.sum(), parameters, materialize_grads=True)
        with torch.no_grad():
            laid_out = [gradient.contiguous() for gradient in gradients]  # as the weights: the fused kernel needs it
            adamw(
                parameters, laid_out, self.first_moments, self.second_moments, [], self.counts,
                fused=True, capturable=self.device.type == "cuda", amsgrad=False, beta1=0.9, beta2=0.999, eps=1e-8,
                lr=self.schedule.rate, weight_decay=self.first.weight_decay, maximize=False,
            )  # fmt: skip
            self.loss_sum += losses
        self.schedule.tick()

    def _inputs(self) -> Tensor:
        rows = self.schedule.rows
        inputs = self.inputs.index_select(0, rows.flatten())
        if self.first.augment:
            inputs = self.first.augment(inputs, self.schedule.shifts)
        return inputs.view(*rows.shape, *inputs.shape[1:])

    def _measure(self) -> None:
        """End an epoch: write the history, and give up on students whose loss is no longer finite."""
        epoch = round(self.step * self.first.batch_size / len(self.labels), 2)
        losses = (self.loss_sum / (self.step - self.epoch_began)).tolist()
        right = right_answers(self.network, self.test_inputs, self.test_labels).tolist()
        measured = {"loss": losses, "test_accuracy": [count / len(self.test_labels) for count in right]}
        if self.train_agreement:
            measured["train_agreement"] = self.train_agreement(self.network, self.teachers, self.inputs)
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
        runs = {student: self._run_of(student) for student in range(len(self.recipes)) if student not in self.lost}
        for student, run in runs.items():
            if not torch.isfinite(run.arrays["test_logits"]).all():
                self.lost[student] = self.first.epochs
        return [run for student, run in runs.items() if student not in self.lost]

    def _run_of(self, student: int) -> Run:
        started = time.perf_counter()
        recipe, state = self.recipes[student], self.network.state_of(student)
        network = recipe.model.build(tuple(self.inputs.shape[1:]), len(self.data.classes)).to(self.device)
        network.load_state_dict(state)
        logits = predict_logits(network, self.test_inputs)
        history = self.history[student]
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
        return Run(recipe, arrays, history, facts)

    def state(self) -> tuple[dict, dict[str, Tensor]]:
        """Header and arrays of a checkpoint: all that the next step depends on and a recipe does not say."""
        header = {name: getattr(self, name) for name in ("step", "epoch_began", "seconds", "history")}
        header["keys"] = [recipe.key for recipe in self.recipes]
        header["lost"] = {header["keys"][student]: epoch for student, epoch in self.lost.items()}
        arrays = {"loss_sum": self.loss_sum, "random": torch.get_rng_state()}
        if self.device.type == "cuda":
            arrays["random_cuda"] = torch.cuda.get_rng_state(self.device)
        elif self.device.type == "mps":
            arrays["random_mps"] = torch.mps.get_rng_state()
        arrays |= {f"{group}/{name}": tensor for group, name, tensor in self._trained()}
        return header, arrays

    def restore(self, header: dict, arrays: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint that holds these students, perhaps among others."""
        places = torch.tensor([header["keys"].index(recipe.key) for recipe in self.recipes])
        for name in ("step", "epoch_began"):
            setattr(self, name, header[name])
        self.seconds = header["seconds"] * len(self.recipes) / len(header["keys"])
        self.history = [header["history"][place] for place in places]
        lost = [header["lost"].get(recipe.key) for recipe in self.recipes]
        self.lost = {student: epoch for student, epoch in enumerate(lost) if epoch is not None}
        self.loss_sum.copy_(arrays["loss_sum"][places])
        torch.set_rng_state(arrays["random"])
        if "random_cuda" in arrays and self.device.type == "cuda":
            torch.cuda.set_rng_state(arrays["random_cuda"], self.device)
        elif "random_mps" in arrays and self.device.type == "mps":
            torch.mps.set_rng_state(arrays["random_mps"])
        with torch.no_grad():
            for group, name, tensor in self._trained():
                tensor.copy_(arrays[f"{group}/{name}"][places])
            for count in self.counts:
                count.fill_(self.step)
        self.schedule.skip(self.step)

    def _trained(self) -> Iterator[tuple[str, str, Tensor]]:
        """Every tensor that a step changes for each student: group, name of the parameter, tensor."""
        groups = {"parameter": self.trained.values()}
        groups |= {"first_moment": self.first_moments, "second_moment": self.second_moments}
        for group, tensors in groups.items():
            for name, tensor in zip(self.trained, tensors, strict=True):
                yield group, name, tensor
