"""A submission's process seen from here: its functions, which are called there and answer here."""

import inspect
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from torch import Tensor

from kdviz.checks import NO_AUTOGRAD, Mistake
from kdviz.marking import closed, walls, wire


@dataclass(frozen=True)
class Limits:
    """What a submission may take: seconds a task, bytes of memory, bytes of a file."""

    seconds: float = 10.0
    memory: int = 2 << 30
    largest_file: int = 1 << 20
    starting: float = 180.0  # seconds until the package is imported
    whole: int = 300  # processor seconds of one process


USUAL = Limits()


class Gone(BaseException):
    """The process is at an end, and why: the sentence is told to the student. No check takes it for an error."""


class NotStarted(RuntimeError):
    """There is no process: the fault lies in this machine."""


class Raised(Exception):
    """An answer raised. Each is of a class that is called as what was raised there."""


class Submission:
    """A process for the answers of one submission; use as a context."""

    def __init__(self, given: Sequence[str], inside: bool, limits: Limits):
        self.limits, self.folder = limits, tempfile.TemporaryDirectory(prefix="kdviz-answer-")
        self.process = subprocess.Popen(
            walls.command(inside), cwd=self.folder.name, env=walls.environment(inside, self.folder.name),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, bufsize=0,
        )  # fmt: skip
        self.seen = psutil.Process(self.process.pid)
        most = dict(memory=limits.memory, largest_file=limits.largest_file, seconds=limits.whole)
        self.deadline = time.monotonic() + limits.starting
        try:
            self.ask({"given": list(given), "limits": most})
        except Gone as problem:
            said = self.process.stderr.read(4000).decode(errors="replace").strip().splitlines()[-1:]
            self.close()
            raise NotStarted(f"the process that runs answers did not start: {problem} {said}") from None

    def __enter__(self) -> "Submission":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """End the process and all it started."""
        with suppress(psutil.Error):
            for each in self.seen.children(recursive=True):
                with suppress(psutil.Error):
                    each.kill()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        self.folder.cleanup()

    def begin_task(self) -> None:
        self.deadline = time.monotonic() + self.limits.seconds

    def ask(self, message: dict) -> dict:
        """What the process answers, a dictionary; Gone where it ends, is silent too long, or says what is none."""
        try:
            self._send(wire.packed(message))
            heard = wire.read(self._receive, self._function)
        except wire.Broken as problem:
            raise Gone(f"Your code gave {problem}.") from None
        except BrokenPipeError:
            raise Gone(self._ended()) from None
        if not isinstance(heard, dict):
            raise Gone("Your code wrote where its answers are read.")
        if "raised" in heard:
            raise _raised(heard["raised"])
        return heard

    def _send(self, whole: bytes) -> None:
        """Written in pieces that a pipe takes at once, as soon as it takes them."""
        left = memoryview(whole)
        while left:
            self._wait(self.process.stdin, selectors.EVENT_WRITE)
            left = left[os.write(self.process.stdin.fileno(), left[:4096]) :]

    def _receive(self, size: int) -> bytes:
        parts, left = [], size
        while left:
            self._wait(self.process.stdout, selectors.EVENT_READ)
            part = os.read(self.process.stdout.fileno(), min(left, 1 << 20))
            if not part:
                raise Gone(self._ended())
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _wait(self, stream, event: int) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(stream, event)
            while not ready.select(0.2):
                if time.monotonic() > self.deadline:
                    raise Gone(f"Your code did not answer within {self.limits.seconds:g} seconds: an endless loop?")
                if why := walls.too_large(self.seen, self.limits.memory + (2 << 30), 8):
                    raise Gone(why)

    def _ended(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        return "Your code ended the process that ran it, or was ended for what it took."

    def run(self, source: str) -> list[tuple[int, str]]:
        """Run a cell; the lines that failed, and how."""
        self.begin_task()
        failed = self.ask({"do": "run", "source": source}).get("failed")
        return [(int(line), str(text)[: wire.TEXT]) for line, text in failed] if isinstance(failed, list) else []

    def names(self, names: Sequence[str]) -> dict[str, Any]:
        """What the answers call by these names: values, and functions that are called there."""
        found = self.ask({"do": "names", "names": list(names)}).get("names")
        return {name: what for name, what in found.items() if name in names} if isinstance(found, dict) else {}

    def _function(self, said: Any) -> Callable:
        """A function that is called there: ``said`` is its name and what it takes."""
        name, takes = said

        def function(*given, **named):
            return self._call(name, given, named)

        function.runs_elsewhere = True
        with suppress(TypeError, ValueError):  # one whose arguments nobody knows is called and heard
            function.__signature__ = inspect.Signature([
                inspect.Parameter(str(one), kind, default=None if usual else inspect._empty)
                for one, kind, usual in takes
            ])  # fmt: skip
        return function

    def _call(self, name: str, given: Sequence, named: dict) -> Any:
        wanting = [place for place, part in enumerate(given) if isinstance(part, Tensor) and part.requires_grad]
        asked = {"do": "call", "name": name, "given": list(given), "named": named, "gradients": wanting}
        heard = self.ask(asked | {"by_formula": torch.is_inference_mode_enabled()})
        for place, part in heard.get("changed") or []:
            if isinstance(place, int) and isinstance(part, Tensor) and 0 <= place < len(given):
                given[place].data = part  # as it would be, had it been called here
        gave = heard.get("gave")
        if heard.get("graph") is True and isinstance(gave, Tensor) and gave.is_floating_point() and wanting:
            return _Through.apply(self, gave, *(given[place] for place in wanting))
        return gave


class _Through(torch.autograd.Function):
    """A value that came from there, whose gradient is asked there."""

    @staticmethod
    def forward(ctx, submission: Submission, gave: Tensor, *wanting: Tensor) -> Tensor:
        ctx.submission, ctx.shapes = submission, [part.shape for part in wanting]
        return gave.clone()

    @staticmethod
    def backward(ctx, with_: Tensor) -> tuple:
        heard = ctx.submission.ask({"do": "back", "with": with_}).get("gradients")
        found = list(heard) if isinstance(heard, list | tuple) else []
        found += [None] * (len(ctx.shapes) - len(found))
        fits = [isinstance(g, Tensor) and g.shape == shape for g, shape in zip(found, ctx.shapes, strict=False)]
        return None, None, *(g if fit else None for g, fit in zip(found, fits, strict=False))


def _raised(said: Any) -> Exception:
    said = said if isinstance(said, dict) else {}
    if said.get("autograd") is True:
        return Mistake(NO_AUTOGRAD)
    kind, text = str(said.get("kind"))[:80], str(said.get("text"))[: wire.TEXT]
    if kind == "NotImplementedError" and not text:  # a task that is not begun
        return NotImplementedError()
    if kind == closed.PackageIsClosed.__name__:
        return Mistake("Your answer calls kdviz for what the task asks you to write: write the formula yourself.")
    return type(re.sub(r"\W", "", kind) or "Error", (Raised,), {})(text)
