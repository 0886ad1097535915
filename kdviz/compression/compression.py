"""What the training loop asks of a compression."""

from typing import Any

from torch import Tensor


class Compression:
    """What stands between the weights that are trained and those a network answers with.

    Weights and state are of all students that train together: each tensor has shape (students, ...).
    """

    def begin(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The state to begin with: masks, scales; by names of one's own."""
        return {}

    def used(self, weights: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights a network answers with; the gradient reaches ``weights`` through them."""
        raise NotImplementedError

    def advance(
        self, state: dict[str, Tensor], weights: dict[str, Tensor], gradients: dict[str, Tensor], done: Tensor
    ) -> None:
        """Change the state in place, once a step's gradients are known and before they are applied.

        ``done`` is the share of the steps taken by then, this one included, shape (); it changes on the device, so no
        decision may wait for it.
        """

    def finished(self, model: Any, weights: dict[str, Tensor]) -> tuple[Any, dict[str, Tensor]]:
        """The description of the network a run ends with, and its weights, of one student's *used* weights."""
        return model, weights
