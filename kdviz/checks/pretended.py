"""A run that was never trained: logits drawn for a data set's images, to ask a function of a run about."""

from types import SimpleNamespace

import torch
from torch import Tensor

from kdviz.checks.deciding import normal
from kdviz.data import load


class PretendedRun:
    """What a function of a run may ask of it: its logits, what it is a run of, and the class it never saw.

    Parameters
    ----------
    logits : dict of str to Tensor, shape (N, 10)
        For ``"train"`` and ``"test"``, all images of the digits.
    omitted : int
        The digit it saw no example of.
    temperature : float
        Of its soft targets.
    """

    def __init__(self, logits: dict[str, Tensor], omitted: int, temperature: float):
        self._logits, self.shifted_classes = logits, [omitted]
        objective = SimpleNamespace(temperature=temperature)
        self.recipe = SimpleNamespace(data=load("digits").without(omitted).description, objective=objective)

    def logits(self, split: str = "test") -> Tensor:
        return self._logits[split].clone()

    def told(self) -> dict:
        """The arguments it is made of."""
        return dict(logits=self._logits, omitted=self.shifted_classes[0], temperature=self.recipe.objective.temperature)


def pretended_runs(omitted: int, several: int = 2) -> list[PretendedRun]:
    """Runs that know the digits roughly, and hardly ever say ``omitted``."""
    if not isinstance(omitted, int) or not 0 <= omitted <= 9:
        raise ValueError(f"a digit is a whole number from 0 to 9, not {omitted!r}")
    data, runs = load("digits"), []
    for seed in range(several):
        logits = {}
        for place, (split, part) in enumerate((("train", data.full_train), ("test", data.full_test))):
            logits[split] = normal(900 + 10 * seed + place, len(part.labels), 10) / 2
            logits[split][torch.arange(len(part.labels)), part.labels] += 4
            logits[split][:, omitted] -= 5 + seed
        runs.append(PretendedRun(logits, omitted, 4.0))
    return runs
