"""A loss of one's own, written for one student."""

import inspect
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, make_dataclass
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from kdviz.objectives.objective import Objective

GIVEN = ("student", "teacher", "labels")


def objective(function: Callable | None = None, *, reads: tuple[str, ...] = ("logits",)):
    """Make an objective of a function: ``@kd.objective`` above it.

    Parameters
    ----------
    function : callable
        ``loss(student, teacher, labels, weight=1.0)`` for one student. ``student`` and ``teacher`` are mappings of
        named outputs, ``student["logits"]`` of shape (N, C), ``labels`` has shape (N,); a scalar comes back. Without
        ``teacher`` nobody teaches; without ``labels`` it can learn from inputs that have none. What follows has
        defaults and becomes a field of the objective, which :func:`kdviz.grid` can vary.
    reads : tuple of str
        The outputs that student and teacher must have: ``("logits", "features")``.

    Returns
    -------
    type
        A subclass of :class:`kdviz.objectives.Objective`: ``loss(teacher, weight=2.0)`` makes one.

    Raises
    ------
    ValueError
        An argument that is neither given nor has a default.

    Examples
    --------
    >>> @kd.objective
    ... def logit_mse(student, teacher, labels, weight=1.0):
    ...     return weight * (student["logits"] - teacher["logits"]).square().mean()
    >>> kd.Recipe(digits, kd.mlp(30), logit_mse(teacher, weight=0.5))
    """
    if function is None:
        return lambda function: objective(function, reads=reads)
    if not isinstance(function, FunctionType):
        raise ValueError(f"an objective is made of a function, not of {function!r}: write @kd.objective above a def")
    arguments = inspect.signature(function).parameters
    fields = [(n, a.default) for n, a in arguments.items() if n not in GIVEN]
    lacking = [n for n, default in fields if default is inspect.Parameter.empty]
    if lacking or "student" not in arguments:
        told = f"{lacking[0]!r} has no default" if "student" in arguments else "'student' is missing"
        raise ValueError(
            f"{function.__name__}{inspect.signature(function)}: {told}; an objective is a function of student, teacher "
            "and labels, and of arguments that have defaults"
        )
    own = [("teacher", Any)] if "teacher" in arguments else []
    own += [(name, type(default), field(default=default)) for name, default in fields]
    numbers = tuple(n for n, default in fields if isinstance(default, int | float) and not isinstance(default, bool))
    said = {
        "function": staticmethod(function),
        "numbers": numbers,
        "reads": tuple(reads) if "teacher" in arguments else (),
    }
    said |= {"needs_labels": "labels" in arguments, "given": tuple(n for n in GIVEN if n in arguments)}
    said |= {"__doc__": function.__doc__, "__module__": function.__module__}
    return make_dataclass(function.__name__, own, bases=(OfOneStudent,), namespace=said, frozen=True)


@dataclass(frozen=True)
class OfOneStudent(Objective):
    """An objective whose ``function`` knows one student, mapped over all that train together."""

    def __post_init__(self):
        for name in self.numbers:
            object.__setattr__(self, name, float(getattr(self, name)))

    def losses(self, outputs, labels, teacher, extra, **numbers) -> Tensor:
        """See :meth:`Objective.losses`."""
        fixed = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in (*numbers, "teacher")}

        def of_one(student, taught, labels, numbers):
            given = {"student": student, "teacher": taught, "labels": labels}
            loss = self.function(**{name: given[name] for name in self.given}, **fixed, **numbers)
            if not isinstance(loss, Tensor) or loss.ndim:
                found = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
                raise ValueError(f"{type(self).__name__} returns {found}: a loss is a scalar, so take its mean")
            return loss

        several = outputs, teacher, labels, numbers
        if len(labels) > 1:
            with suppress(RuntimeError), warnings.catch_warnings():  # where it cannot be mapped, one after another
                warnings.filterwarnings("ignore", "There is a performance drop")  # F.kl_div, by an operation at a time
                return torch.func.vmap(of_one, randomness="different")(*several)
        parts = ([{n: v[i] for n, v in each.items()} if isinstance(each, dict) else each[i] for each in several]
                 for i in range(len(labels)))  # fmt: skip
        return torch.stack([of_one(*part) for part in parts])
