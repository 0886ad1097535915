"""How a check calls a student's function: what it raises becomes a sentence, and autograd can be closed to it."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import signature

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from kdviz.arguments import told

NO_AUTOGRAD = "Autograd is called, and here the formula is asked for: write the gradient you derived on paper."
HINTS = {
    "can't allocate memory": "It asks for more memory than an answer may take.",
    "could not infer output dtype": "True and False have no mean of their own: .double().mean().",
    "must match the size of tensor": "A sum, mean or largest value over a dimension drops it: keepdim=True keeps its "
                                     "place, so that the shapes fit.",
    "could not be broadcast": "A sum, mean or largest value over an axis drops it: keepdims=True keeps its place.",
    "requires grad. Use tensor.detach": "NumPy knows no gradient: stay with PyTorch's functions.",
    "is not defined": "Only the cells of the answers are run when it is marked, and the first: what a function needs "
                      "must stand in them.",
}  # fmt: skip


class Mistake(AssertionError):
    """A check failed, and why, in a sentence; a notebook shows that sentence without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"✗ {self}"]


def called(name: str, function: Callable, given: Sequence):
    """``function(*given)``; what it raises is a :class:`Mistake` that says on what, and in which line.

    A task that is not begun, a bare NotImplementedError, is heard as it is; PyTorch raises others, with a text.
    """
    check_takes(function, given)
    try:
        return function(*given)
    except Mistake:
        raise
    except Exception as problem:
        if type(problem) is NotImplementedError and not problem.args:
            raise
        raise Mistake(_failure(name, function, given, problem)) from problem


def check_takes(function: Callable, case: Sequence) -> None:
    """Raise :class:`Mistake` unless ``function`` can be called with as many arguments as ``case`` has."""
    if not callable(function):
        raise Mistake(f"Your function is called to check it: give the function, not {told(function)}.")
    try:
        signature(function).bind(*case)
    except TypeError as problem:
        raise Mistake(f"Your function is called with {len(case)} arguments, and takes others: {problem}.") from None
    except ValueError:  # one without a signature, written in C
        pass


def _failure(name: str, function: Callable, given: Sequence, problem: Exception) -> str:
    said = " ".join(str(problem).split())
    tensors = [f"of shape {tuple(part.shape)}" for part in given if isinstance(part, Tensor)]
    on = f" on tensors {' and '.join(tensors)}" if tensors else ""
    code = None if hasattr(function, "runs_elsewhere") else getattr(function, "__code__", None)
    file = getattr(code, "co_filename", None)
    lines = [frame.line for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == file]
    where = f", in the line `{lines[-1]}`" if lines and lines[-1] else ""
    hints = [hint for pattern, hint in HINTS.items() if pattern in said]
    return " ".join([f"{name} cannot be computed{on}: {type(problem).__name__}: {said}{where}.", *hints[:1]])


@contextmanager
def by_formula() -> Iterator[None]:
    """Inside, a function that calls autograd, by any of PyTorch's ways, is told so."""
    try:
        with torch.inference_mode(), _Watch():
            yield
    except RuntimeError as problem:
        if "does not require grad" in str(problem):
            raise Mistake(NO_AUTOGRAD) from None
        raise


class _Watch(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        level = torch._C._functorch.peek_interpreter_stack()
        differentiates = level is not None and level.key().name in ("Grad", "Jvp")
        name = getattr(function, "__name__", "")
        asks = (name == "requires_grad_" and args[1:] != (False,)) or kwargs.get("requires_grad") is True
        if differentiates or asks or function is torch.Tensor.requires_grad.__set__:
            raise Mistake(NO_AUTOGRAD)
        return function(*args, **kwargs)
