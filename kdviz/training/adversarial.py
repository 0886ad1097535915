"""A body of steps: a generator and its adversary, who take turns."""

import time
from collections.abc import Iterator

import torch
from torch import Tensor

from kdviz.measures import completion_errors
from kdviz.networks import Patches, loaded, measuring, predict
from kdviz.recipes import Recipe
from kdviz.runs import WEIGHTS, Run
from kdviz.training.alone import Alone
from kdviz.training.beginning import initial_networks
from kdviz.training.loop import Loop
from kdviz.training.schedule import seed_of
from kdviz.training.updates import Update

ADVERSARY = "adversary/"


class Turns(Loop):
    """One generator in training, as :class:`kdviz.objectives.Adversarial` says.

    Parameters
    ----------
    recipes : list of Recipe
        A single one: convolutions side by side are slower (benchmarks/README.md).
    parents : dict of Recipe to Run
        The teacher, with its weights and, where its discriminator is inherited, with that.
    device : str
    """

    def __init__(self, recipes: list[Recipe], parents: dict[Recipe, Run], device: str):
        super().__init__(recipes, device)
        (self.recipe,), self.objective = recipes, self.first.objective
        if self.recipe.frozen or self.recipe.compression:
            raise ValueError(f"a generator is trained whole: neither frozen nor compressed, as {self.recipe} would be")
        shape = tuple(self.inputs.shape[1:])
        networks = initial_networks(recipes, parents, shape, len(self.data.classes))
        self.network = Alone(networks, self.device)
        self.teacher = self._teacher(parents)
        self.trained = dict(self.network.parameters) | self._extra()
        self.judge = Alone([self._discriminator(parents, shape[0])], self.device)
        kept = self.recipe.optimizer, self.recipe.weight_decay
        self.update = Update(kept[0], self.trained, kept[1])
        self.judges = Update(kept[0], self.judge.parameters, kept[1])
        self._begin("test_error")

    def _teacher(self, parents: dict[Recipe, Run]) -> Alone | None:
        if not self.objective.teachers:
            return None
        return Alone([parents[self.objective.teacher].network()], self.device)

    def _extra(self) -> dict[str, Tensor]:
        """What the objective trains along, drawn with the recipe's seed."""
        if not self.teacher:
            return {}
        one = self.test_inputs[:1].to(self.dtype)
        with measuring():
            mine, theirs = (_of_one(net(one[None])) for net in (self.network, self.teacher))
        torch.manual_seed(seed_of(self.recipe.seed, "extra"))
        drawn = self.objective.extra(mine, theirs)
        return {f"extra.{name}": weight.to(self.device).requires_grad_() for name, weight in drawn.items()}

    def _discriminator(self, parents: dict[Recipe, Run], depth: int) -> Patches:
        """One of its own, drawn with the recipe's seed, or as the teacher's ended."""
        torch.manual_seed(seed_of(self.recipe.seed, "adversary"))
        drawn = Patches(depth, self.objective.adversary)
        if not self.objective.inherit:
            return drawn
        run = parents[self.objective.teacher]
        kept = {n.removeprefix(ADVERSARY): run.arrays[n].to(self.dtype) for n in run.arrays if n.startswith(ADVERSARY)}
        if not kept:
            raise ValueError(
                f"{run!r} holds no discriminator to inherit: it had none, or it is a shipped run, which is trained "
                "again under KDVIZ_TRAIN=1"
            )
        if {n: w.shape for n, w in kept.items()} != {n: w.shape for n, w in drawn.state_dict().items()}:
            raise ValueError(f"the discriminator of {run!r} is of another size: say adversary as its recipe does")
        return loaded(drawn, kept)

    def _one_step(self) -> None:
        images, _ = self._batch()
        drawn = self.network(images, training=True)
        scores = None
        if self.objective.adversary_weight:
            judged = [self.judge(each, training=True)["scores"] for each in (images, drawn["image"].detach())]
            gradients = torch.autograd.grad(self.objective.adversary_loss(*judged), [*self.judge.parameters.values()])
            self.judges(gradients, self.schedule.rate)
            scores = self.judge(drawn["image"], training=True)["scores"][0]
        with torch.no_grad():
            taught = _of_one(self.teacher(images)) if self.teacher else {}
        extra = {n.removeprefix("extra."): weight for n, weight in self.trained.items() if n.startswith("extra.")}
        loss = self.objective.loss(_of_one(drawn), images[0], taught, extra, scores)
        self.update(torch.autograd.grad(loss, [*self.trained.values()], materialize_grads=True), self.schedule.rate)
        self.loss_sum += loss.detach()
        self.schedule.tick()

    def _between(self, steps: int) -> None:
        self.update.drop_the_vanishing()
        self.judges.drop_the_vanishing()

    def changing(self) -> Iterator[tuple[str, Tensor]]:
        """See :meth:`Loop.changing`."""
        for who, weights, update in (("", self.trained, self.update), (ADVERSARY, self.judge.parameters, self.judges)):
            for group, tensors in {"parameter": weights.values(), **update.moments}.items():
                yield from ((f"{who}{group}/{n}", t.detach()[None]) for n, t in zip(weights, tensors, strict=True))
        yield from ((f"buffer/{name}", buffer[None]) for name, buffer in self.network.buffers.items())

    def resume(self) -> None:
        """See :meth:`Loop.resume`."""
        self.update.resume(self.step)
        self.judges.resume(self.step)

    def measured(self) -> dict[str, list[float]]:
        """The mean absolute error of the half that is drawn, on the test images."""
        images = predict(self.network.module, self.test_inputs, lambda outputs: {"image": outputs["image"]})["image"]
        finite = torch.isfinite(images).all()
        errors = completion_errors(images, self.test_inputs) if finite else torch.tensor([torch.nan])
        return {"test_error": [errors.mean().item()]}

    def _run_of(self, student: int) -> Run | None:
        """The finished run, with generator and discriminator; None where a weight is not finite."""
        started = time.perf_counter()
        states = {WEIGHTS: self.network} | ({ADVERSARY: self.judge} if self.objective.adversary_weight else {})
        arrays = {kind + n: weight for kind, net in states.items() for n, weight in net.state_of(student).items()}
        run = Run(self.recipe, arrays, self.history[student], self._facts(self.recipe.model, started))
        numbers = [array for array in arrays.values() if array.is_floating_point()]
        return run if all(torch.isfinite(array).all() for array in numbers) else None


def _of_one(outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of a single student, without the students' axis."""
    return {name: output[0] for name, output in outputs.items()}
