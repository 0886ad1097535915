"""What the training loop asks of an objective."""

from typing import Any

import torch
from torch import Tensor


class Objective:
    """Defaults for an objective that reads logits alone and brings no weights of its own.

    What may differ between students that train together stands in ``numbers``; :meth:`losses` is given those fields
    as tensors of shape (students,). What :meth:`state` alone reads, ``stated``, may differ, too. Everything else is
    alike in an array, but for the teachers.

    Attributes
    ----------
    teachers : tuple
        Recipes, or given logits.
    reads : tuple of str
        Outputs that student and teacher network must both have.
    needs_labels : bool
    answer : str
        The output of a network that it trains.
    averaged : str or None
        The number that says how slowly an average of a student's own weights follows it, where that average is its
        teacher (:class:`kdviz.objectives.AveragedTarget`).
    clean : bool
        Whether teachers answer each input as it is, once, and not as augmentation changes it for the student.
    """

    numbers: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    needs_labels = True
    answer: str = "logits"
    averaged: str | None = None
    clean: bool = False

    @property
    def teachers(self) -> tuple:
        """Its one teacher, or none."""
        return (self.teacher,) if hasattr(self, "teacher") else ()

    def check(self, recipe: Any) -> None:
        """Raise ValueError where a recipe says what does not go with this objective."""

    def seen(self, teacher: dict[str, Tensor]) -> dict[str, Tensor]:
        """What is kept of a teacher's outputs, a row for each example."""
        return {name: teacher[name] for name in self.reads}

    def together(self, several: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """The teachers' answers as one's: logits of the mean probability, up to a constant, and all else numbered.

        "features 0", "features 1", … Unchecked, for a check would wait for the device.
        """
        if len(several) == 1:
            return several[0]
        numbered = {f"{name} {i}": each[name] for i, each in enumerate(several) for name in each if name != "logits"}
        return numbered | {"logits": torch.stack([each["logits"].log_softmax(-1) for each in several]).logsumexp(0)}

    def shown(self, inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """What students are shown in place of their inputs, and what :meth:`losses` finds of it in ``extra``.

        ``inputs`` are of shape (streams, N, ...): students side by side may share a stream. What is drawn comes from
        torch's own generator, as dropout does; teachers answer the inputs as they were.
        """
        return inputs, {}

    def extra(self, student: dict[str, Tensor], teacher: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights that are trained with one student and dropped after, drawn from torch's own generator.

        ``student`` holds its outputs for an example or more, ``teacher`` what :meth:`seen` keeps of the teacher's.
        """
        return {}

    def state(
        self, student: dict[str, Tensor], teacher: dict[str, Tensor], labels: Tensor, rows: Tensor
    ) -> dict[str, Tensor]:
        """What one student's loss remembers from step to step, drawn from torch's own generator.

        ``student`` and ``teacher`` as for :meth:`extra`, and the ``labels`` of the full training set, of which ``rows``
        are trained on. :meth:`losses` finds it in ``extra``, with ``rows``: the batch's places, shape (students, N).
        """
        return {}

    def advance(
        self, extra: dict[str, Tensor], outputs: dict[str, Tensor], teacher: dict[str, Tensor], **numbers: Tensor
    ) -> None:
        """Change the state in place, once the loss of these outputs is known; arguments as of :meth:`losses`."""

    def losses(
        self,
        outputs: dict[str, Tensor],
        labels: Tensor,
        teacher: dict[str, Tensor],
        extra: dict[str, Tensor],
        **numbers: Tensor,
    ) -> Tensor:
        """Loss of each student, shape (students,).

        Parameters
        ----------
        outputs : dict
            The students' outputs, each of shape (students, N, ...).
        labels : Tensor, shape (students, N)
        teacher : dict
            What :meth:`seen` keeps, each of shape (students, N, ...).
        extra : dict
            The weights of :meth:`extra` and what :meth:`state` keeps, each of shape (students, ...), what :meth:`shown`
            tells, ``rows``, and the share of all steps that are taken with this one, ``done``, of shape ().
        **numbers : Tensor, shape (students,)
        """
        raise NotImplementedError


def check_weights(**weights: float) -> None:
    """Raise ValueError unless all are finite and at least 0, and one of them above."""
    values = [*weights.values()]
    if not all(0 <= value < float("inf") for value in values) or not any(values):
        named = " and ".join(weights)
        raise ValueError(f"{named} must be at least 0 and not {'both ' if len(values) > 1 else ''}0, not {(*values,)}")
