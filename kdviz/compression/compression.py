"""What the training loop asks of a compression."""

from typing import Any

from torch import Tensor


class Compression:
    """What stands between the weights that are trained and those a network answers with.

    In :meth:`used` and :meth:`advance` weights and state are of all students that train together: each tensor has
    shape (students, ...). Elsewhere they are one student's.
    """

    def check(self, model: Any, frozen: bool) -> None:
        """Raise ValueError unless a recipe's network can be compressed; ``frozen`` trains its last layer alone."""

    def state(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """One student's state to begin with: masks, scales; by names of one's own.

        What is drawn here follows from the student's seed: torch's generator is set to it.
        """
        return {}

    def learned(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """What of one student is trained *in place of* its weights, which then stay as they are; none by default.

        :meth:`used` finds these tensors in its ``state``, under the names they have here.
        """
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

    def finished(
        self, model: Any, weights: dict[str, Tensor], state: dict[str, Tensor]
    ) -> tuple[Any, dict[str, Tensor]]:
        """The description of the network a run ends with, and its weights, of one student's *used* weights."""
        return model, weights
