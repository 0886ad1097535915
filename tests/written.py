"""Code as people write it, whose digest must be the same in every Python: tests/test_code.py pins it."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path
from typing import Any

SCALE = (1.5, "é", None, b"x", {"a": [1, 2]}, frozenset({3, 1}))
# fmt: off
times, plus = (lambda x: x * SCALE[0]), (lambda x: (lambda y: x + y))
# fmt: on


def root(x: float) -> float:
    """A docstring, which does not count."""
    return math.sqrt(x) + len(SCALE)


@functools.lru_cache
def kept(x):
    return root(x)


@dataclasses.dataclass(frozen=True)
class Base:
    """A base class, with what differs between Pythons: f-strings, comprehensions, annotations, a generated __init__."""

    a: int = 3
    b: list = dataclasses.field(default_factory=lambda: [1])

    def f(self, x, *, k=SCALE):
        """Another."""

        def inner(y: Any, p: Path = Path()) -> Path:
            return [z + root(y) for z in x if z] or {**{}, "q": f"{x!r:>{k}} {y=}" + ""}

        return inner


@dataclasses.dataclass(frozen=True)
class Derived(Base):
    c: float = 0.5

    @staticmethod
    def g(x):
        return kept(x) if x else None or ""

    @property
    def h(self):
        return super().f(1) and __class__.a

    def again(self):
        return self.again() or Derived

    def match(self, x):
        match x:
            case [1, *rest]:
                return rest
            case {"a": b}:
                return b


def everything(x, n=2):
    if n:
        return everything(x, n - 1) * Derived(3).c + times(x) + plus(x)
    try:
        with open("q") as f:
            print(f)
    except* OSError:
        pass
    return not_there  # noqa: F821
