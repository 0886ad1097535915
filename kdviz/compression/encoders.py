"""Heads and inner units of an encoder that go while it learns."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import Tensor

from kdviz.compression.prune import Prune
from kdviz.networks import Transformer


@dataclass(frozen=True)
class PruneEncoder(Prune):
    """As :class:`Prune`, of a transformer's heads and of the units of its inner layers, as many of each in each layer.

    What is worth something: of a head the rows of its queries, keys and values and the columns that mix it in; of a
    unit its row and its column. The width stays, so that what adds up from layer to layer can still be compared
    (HomoDistil, Liang et al. 2023, makes it narrower too).

    Parameters
    ----------
    keep, score, begin, end
        As in :class:`Prune`.
    heads : int
        How many the network begins with.
    """

    heads: int = 4

    def check(self, model, frozen: bool) -> None:
        """See :meth:`Compression.check`."""
        if not isinstance(model, Transformer) or frozen:
            raise ValueError(f"PruneEncoder takes heads out of a transformer that is trained, not of {model}")
        if model.heads != self.heads:
            raise ValueError(f"{model} has {model.heads} heads, not {self.heads}: say heads={model.heads}")

    def state(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Which heads and units of each layer are alive, shape (units,), all of them; and what a score remembers."""
        return self._all_alive({name: units for name, *_, units in self._parts(weights)}, weights)

    def used(self, weights: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights, those of heads and into units that are gone 0: they answer 0."""
        used = dict(weights)
        for name, entering, _, of_each, units in self._parts(weights):
            alive, shape = state[f"alive/{name}"][..., None, :, None], (of_each, units, -1)
            weight, bias = weights[f"{entering}.weight"], weights[f"{entering}.bias"]
            used[f"{entering}.weight"] = (weight.unflatten(-2, shape) * alive.unsqueeze(-1)).view_as(weight)
            used[f"{entering}.bias"] = (bias.unflatten(-1, shape) * alive).view_as(bias)
        return used

    def advance(
        self, state: dict[str, Tensor], weights: dict[str, Tensor], gradients: dict[str, Tensor], done: Tensor
    ) -> None:
        """See :meth:`Compression.advance`."""
        worth, waiting = self._worth(state, weights, gradients), (1 - self._progress(done)) ** 3
        for name, entering, leaving, of_each, units in self._parts(weights):
            if self.score == "random":
                score = state[f"drawn/{name}"]
            else:
                shape = of_each, units, -1
                score = worth[f"{entering}.weight"].unflatten(-2, shape).sum((-4, -2, -1))
                score = score + worth[f"{entering}.bias"].unflatten(-1, shape).sum((-3, -1))
                score = score + worth[f"{leaving}.weight"].unflatten(-1, (units, -1)).sum((-3, -1))
            self._let_go(state[f"alive/{name}"], score, waiting)

    def finished(self, model, weights: dict[str, Tensor], state: dict[str, Tensor]) -> tuple:
        """The network without the heads and units that are gone, and its weights."""
        cut, left = dict(weights), {}
        for name, entering, leaving, of_each, units in self._parts(weights):
            alive, shape = state[f"alive/{name}"] > 0, (of_each, units, -1)
            left[name.split()[0]] = int(alive.sum())
            cut[f"{entering}.weight"] = cut[f"{entering}.weight"].unflatten(0, shape)[:, alive].flatten(0, 2)
            cut[f"{entering}.bias"] = cut[f"{entering}.bias"].unflatten(0, shape)[:, alive].flatten()
            cut[f"{leaving}.weight"] = cut[f"{leaving}.weight"].unflatten(1, (units, -1))[:, alive].flatten(1)
        wide = model.head_width or model.width // model.heads
        return replace(model, heads=left["heads"], inner=left["inner"], head_width=wide), cut

    def _parts(self, weights: dict[str, Tensor]) -> Iterator[tuple[str, str, str, int, int]]:
        """Heads and units of each layer: a name, what enters, what leaves, how often each is there, how many."""
        layers = dict.fromkeys(name.split(".")[1] for name in weights if name.startswith("layers."))
        for i in layers:
            layer = f"layers.{i}"
            yield f"heads {i}", f"{layer}.projections", f"{layer}.mixed", 3, self.heads
            yield f"inner {i}", f"{layer}.inner.0", f"{layer}.inner.2", 1, weights[f"{layer}.inner.0.bias"].shape[-1]
