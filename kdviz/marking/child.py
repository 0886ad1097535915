"""The process that runs a submission's answers: ``python -m kdviz.marking.child``, started by :mod:`.remote` alone.

It is asked by its standard input and answers by its standard output, which the answers themselves do not see. Nothing
that it says is believed: what its functions give is judged elsewhere.
"""

import ast
import inspect
import os
import re
import resource
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from kdviz.checks import NO_AUTOGRAD, Mistake, by_formula
from kdviz.marking import closed, wire

ALWAYS = resource.RLIM_INFINITY


class Session:
    """What was defined, and the last call, through which a gradient may be asked."""

    def __init__(self):
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.called: tuple[list[Tensor], Any] = [], None
        self.kept = 0

    def answer(self, asked: dict) -> dict:
        return {"run": self.run, "names": self.name, "call": self.call, "back": self.back}[asked["do"]](asked)

    def run(self, asked: dict) -> dict:
        """Run a cell statement by statement: one that fails, as a trial on trained nets does, stops no other."""
        failed = []
        for statement in _parsed(asked["source"]).body:
            try:
                exec(compile(ast.Module([statement], []), "<answer>", "exec"), self.names)
            except Exception as problem:
                failed.append([statement.lineno, wire.text_of(problem)])
        return {"failed": failed}

    def name(self, asked: dict) -> dict:
        """What names stand for: a function and what it takes, a value, or nothing."""
        return {"names": {name: self.names[name] for name in asked["names"] if name in self.names}}

    def keep(self, function: Callable) -> list:
        """A function that an answer returns, so that it can be called: by which name, and what it takes."""
        name, self.kept = f"#{self.kept}", self.kept + 1
        self.names[name] = function
        return [name, _takes(function)]

    def call(self, asked: dict) -> dict:
        given = asked["given"]
        before = [part.clone() if isinstance(part, Tensor) else part for part in given]
        wanting = [given[place].requires_grad_() for place in asked["gradients"]]
        with by_formula() if asked["by_formula"] else nullcontext():
            try:
                gave = self.names[asked["name"]](*given, **asked["named"])
            except Exception as problem:
                return {"raised": _said_of(problem)}
        self.called = wanting, gave
        changed = [
            [place, part]
            for place, (part, was) in enumerate(zip(given, before, strict=True))
            if isinstance(part, Tensor) and not torch.equal(part, was)
        ]
        return {"gave": gave, "graph": isinstance(gave, Tensor) and gave.requires_grad, "changed": changed}

    def back(self, asked: dict) -> dict:
        wanting, gave = self.called
        return {"gradients": list(torch.autograd.grad(gave, wanting, asked["with"], allow_unused=True))}


def _takes(function: Callable) -> list | None:
    """Name, kind and whether it may be left out, of each argument; None where nobody knows."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [[one.name, int(one.kind), one.default is not one.empty] for one in found]


def _parsed(source: str) -> ast.Module:
    """The cell's statements; lines of IPython's own, %time or !ls, are left out where Python cannot read them."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.parse(re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE))


def _said_of(problem: BaseException) -> dict:
    return {"text": " ".join(str(problem).split())[: wire.TEXT], "kind": type(problem).__name__,
            "autograd": isinstance(problem, Mistake) and str(problem) == NO_AUTOGRAD}  # fmt: skip


def limit(memory: int, largest_file: int, seconds: int) -> None:
    """From here on this process can take so much more memory, and cannot undo it."""
    for kind, most in (
        (resource.RLIMIT_DATA, _held() + memory),
        (resource.RLIMIT_FSIZE, largest_file),
        (resource.RLIMIT_CPU, int(sum(os.times()[:2])) + seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most, most) if hard == ALWAYS else (min(most, hard), min(most, hard)))


def _held() -> int:
    """Bytes that this process holds for itself; where the system does not say, many, and its caller watches alone."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData"))
    except (OSError, StopIteration):
        return 1 << 40


def main() -> None:
    """Prepare as the first message says, then answer one question after the other."""
    heard, said = os.dup(0), os.dup(1)
    for stream in (0, 1, 2):  # what an answer prints is nobody's
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)

    def receive(size: int) -> bytes:
        parts = []
        while size:
            part = os.read(heard, min(size, 1 << 20))
            if not part:
                os._exit(0)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def send(message: dict) -> None:
        whole = memoryview(wire.packed(message, session.keep))
        while whole:
            whole = whole[os.write(said, whole) :]

    session, begin = Session(), wire.read(receive)
    torch.set_num_threads(1)
    for source in begin["given"]:
        exec(compile(source, "<given>", "exec"), session.names)
    closed.close_package()
    limit(**begin["limits"])
    closed.close_files()
    send({"ready": True})
    while True:
        asked = wire.read(receive)
        try:
            gave = session.answer(asked)
            send(gave)
        except Exception as problem:  # of the answers' values: the process itself goes on
            send({"raised": _said_of(problem)})


if __name__ == "__main__":
    threading.stack_size(64 << 20)
    main()
    sys.exit()
