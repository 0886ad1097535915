"""Finished trainings: a run, and many of them as a table."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd
import torch
from torch import Tensor, nn

from kdviz import measures
from kdviz.arguments import number, told
from kdviz.data import load, load_described
from kdviz.data.names import classes_of
from kdviz.networks import Architecture, loaded, predict_logits
from kdviz.recipes import Recipe, restored
from kdviz.runs import scores
from kdviz.runs.scores import asked, error_count, kept, symmetric
from kdviz.runs.unseen import biases, errors_at, mean_logits, shifts

WEIGHTS = "weights/"


@dataclass(eq=False)
class Run:
    """A finished training.

    Attributes
    ----------
    recipe : Recipe
    arrays : mapping of str to Tensor
        ``test_logits`` (N, C) and ``weights/<name>``; a generator's hold ``adversary/<name>`` and no logits. A shipped
        run holds what the notebooks ask of it, reduced: see :func:`kdviz.publish.reference.reduced`.
    history : dict
        ``epoch``, ``loss`` and ``test_accuracy``, a generator's ``test_error``, at each epoch's end (of many that are
        shorter than 25 steps, at that of about every 25th step, or of 20 of them if that is more); if taught also
        ``train_agreement``, with it, on the first 2,000 of the training examples at most, and, at times of its own
        ``kl_epoch`` (about every 25 to 100 steps, and at the end), ``train_kl``: KL(teacher ‖ student) at T = 1 in
        nats, on the first 1,000 (some shipped runs lack them).
    facts : dict
        Seconds, device, threads and versions; ``model``, where the network it ended with is another than the recipe's.
    """

    recipe: Recipe
    arrays: Mapping[str, Tensor]
    history: dict[str, list[float]]
    facts: dict = field(default_factory=dict)
    _computed: Tensor | None = field(default=None, repr=False)  # the training logits

    def __repr__(self) -> str:
        return f"Run({self.key}: {self.recipe})"

    @cached_property
    def key(self) -> str:
        return self.recipe.key

    @cached_property
    def model(self) -> Architecture:
        """The description of the network it ended with: what is pruned ends with a smaller one."""
        return restored(self.facts["model"]) if "model" in self.facts else self.recipe.model

    @property
    def has_weights(self) -> bool:
        return any(name.startswith(WEIGHTS) for name in self.arrays)

    @property
    def shifted_classes(self) -> list[int]:
        """The classes one common bias is added to: those left out, or those kept where it was said ``only`` which."""
        missing = self.recipe.data.missing
        if not any(verb == "only" for verb, *_ in self.recipe.data.narrowed):
            return missing
        return [c for c in range(len(classes_of(self.recipe.data.name))) if c not in missing]

    def logits(self, split: str = "test", device: str = "cpu") -> Tensor:
        """Logits, shape (N, C), in the default precision.

        Parameters
        ----------
        split : {"test", "train"}
            ``"train"`` has a row for each example of the *full* training set, whatever the run was trained on;
            it is computed from the weights, where a run was not shipped with the lesser of the two.
        device : str
            Where they are computed the first time; the answer is on the CPU.
        """
        if split not in ("test", "train"):
            raise ValueError(f"a run has logits of 'test' and 'train', not of {split!r}")
        asked[self.recipe].add(f"{split}_logits")
        return (self._train_logits(device) if split == "train" else self._test_logits).clone()

    def predictions(self, bias: float = 0.0) -> Tensor:
        """Predicted classes of the test examples, shape (N,), int64, with ``bias`` added to :attr:`shifted_classes`."""
        bias = number("bias", bias)
        if not self.shifted_classes:
            if bias:
                raise ValueError(f"no class is missing from the training set of {self!r}: there is nothing to shift")
            asked[self.recipe].add("errors")
            return self._predictions.clone()
        asked[self.recipe].add("rivals")
        margin, inside, outside = self._rivals
        return torch.where(margin + bias > 0, inside, outside)

    def confidence(self) -> Tensor:
        """The largest probability at T = 1 of each test example, shape (N,)."""
        asked[self.recipe].add("doubt")
        if "doubt" in self.arrays:
            return 1 - self.arrays["doubt"].float()
        return self._test_logits.double().softmax(-1).amax(-1)

    def calibration_error(self) -> float:
        """The expected calibration error on the test set, 15 bins; a shipped run keeps this one number."""
        return kept(self, "calibration_error", scores.calibration_error_of).item()

    def correlation(self, center: bool = False) -> Tensor:
        """:func:`kdviz.measures.logit_correlation` of the test logits, shape (C, C); a shipped run keeps it alone."""
        asked[self.recipe].add(name := f"correlation/{'centred' if center else 'raw'}")
        if name in self.arrays:
            return symmetric(self.arrays[name].double())
        return measures.logit_correlation(self._test_logits, center)

    def confused_groups(self, temperature: float) -> list[list[int]]:
        """Classes that its answers bring together at T: see :func:`kdviz.runs.scores.confused_groups`."""
        return scores.confused_groups(self, temperature)

    def class_mean_logits(self) -> Tensor:
        """:func:`kdviz.measures.class_mean_logits` of the test logits, shape (C, C)."""
        asked[self.recipe].add("class_means")
        if "class_means" in self.arrays:
            return self.arrays["class_means"].double()
        return measures.class_mean_logits(self._test_logits, load_described(self.recipe.data).test.labels)

    def train_log_odds(self) -> Tensor:
        """Log-odds of :attr:`shifted_classes` for every image of the full training set, shape (N,).

        All that :func:`kdviz.measures.label_free_bias` needs.
        """
        return measures.log_odds(self.logits("train"), self.shifted_classes)

    def network(self) -> nn.Module:
        """A copy of the trained network, on the CPU and in eval mode: what is done to it stays out of the run."""
        asked[self.recipe].add("weights")
        return copy.deepcopy(self._network)

    @cached_property
    def _network(self) -> nn.Module:
        if not self.has_weights:
            raise ValueError(
                f"{self!r} is a shipped run that holds {', '.join(self.arrays)} and no weights: "
                "train it yourself with kdviz.train(recipe, store=None)"
            )
        full = load(self.recipe.data.name)
        network = self.model.build(tuple(full.train.inputs.shape[1:]), len(self.recipe.data.classes))
        named = {n.removeprefix(WEIGHTS): array for n, array in self.arrays.items() if n.startswith(WEIGHTS)}
        return loaded(network, named).eval()

    def _train_logits(self, device: str = "cpu") -> Tensor:
        if "train_logits" in self.arrays:
            return self.arrays["train_logits"].to(torch.get_default_dtype())
        if self._computed is None:
            network = copy.deepcopy(self._network).to(device)
            self._computed = predict_logits(network, load(self.recipe.data.name).train.inputs.to(device)).cpu()
        return self._computed

    @property
    def _test_logits(self) -> Tensor:
        if "test_logits" in self.arrays:
            return self.arrays["test_logits"].to(torch.get_default_dtype())
        return predict_logits(self._network, load_described(self.recipe.data).test.inputs)

    @cached_property
    def _predictions(self) -> Tensor:
        if "errors/row" not in self.arrays:
            return self._test_logits.argmax(-1)
        predicted = load_described(self.recipe.data).test.labels.clone()
        predicted[self.arrays["errors/row"].long()] = self.arrays["errors/predicted"].long()
        return predicted

    @cached_property
    def _rivals(self) -> tuple[Tensor, Tensor, Tensor]:
        if "rivals/margin" in self.arrays:
            pairs, classes = self.arrays["rivals/pair"].long(), len(self.recipe.data.classes)
            return self.arrays["rivals/margin"].float(), pairs // classes, pairs % classes
        return measures.rivals(self._test_logits, self.shifted_classes)


class Runs(list):
    """A list of runs that can be read as a table."""

    def table(self) -> pd.DataFrame:
        """One row a run: what its recipe says, its errors and accuracy on the test split, and its seconds."""
        for run in self:
            if not isinstance(run, Run):
                raise ValueError(f"a table is made of runs, as kd.train returns them, not of {told(run)}")
        return pd.DataFrame([_row(run) for run in self])

    def error_counts(self) -> pd.Series:
        """Errors of each on its test images: see :func:`kdviz.runs.scores.error_counts`."""
        return scores.error_counts(self)

    def class_error_counts(self) -> Tensor:
        """Errors of each by class, shape (runs, C): see :func:`kdviz.runs.scores.class_error_counts`."""
        return scores.class_error_counts(self)

    def soft_scores(self, temperature: float) -> pd.DataFrame:
        """NLL and entropy of each one's probabilities at T: see :func:`kdviz.runs.scores.soft_scores`."""
        return scores.soft_scores(self, temperature)

    def shifts(self, label: int | None = None) -> pd.DataFrame:
        """Of students that some classes were kept from: see :func:`kdviz.runs.unseen.shifts`."""
        return shifts(self, label)

    def biases(self) -> pd.Series:
        """The label-free bias of each, without errors: see :func:`kdviz.runs.unseen.bias_of`."""
        return biases(self)

    def errors_at(self, added: Tensor) -> Tensor:
        """Errors with each of B biases added to the missing classes, shape (runs, B)."""
        return errors_at(self, added)

    def mean_logits(self, label: int) -> Tensor:
        """Mean logit of the class ``label`` by the images' class, shape (runs, C), each image's own mean taken out."""
        return mean_logits(self, label)


def _row(run: Run) -> dict:
    recipe, labels = run.recipe, load_described(run.recipe.data).test.labels
    objective = recipe.objective
    errors = int(kept(run, "error_count", error_count))
    return {
        "data": str(recipe.data),
        "model": str(recipe.model),
        "objective": type(objective).__name__,
        "temperature": getattr(objective, "temperature", None),
        "hard_weight": getattr(objective, "hard_weight", float(objective.needs_labels)),
        "soft_weight": getattr(objective, "soft_weight", 0.0),
        "smoothing": getattr(objective, "smoothing", 0.0),
        "init_weight": recipe.init_weight if recipe.init else None,
        "epochs": recipe.epochs,
        "seed": recipe.seed,
        "errors": errors,
        "accuracy": 1 - errors / len(labels),
        "train_agreement": run.history.get("train_agreement", [None])[-1],
        "seconds": run.facts.get("seconds"),
        "key": run.key,
    }
