"""Values between two processes: JSON beside safetensors, so that nothing that is read can run.

What has no form here, a set say, crosses as its kind's name alone.
"""

import json
import math
import re
import struct
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from kdviz.checks import PretendedRun
from kdviz.recipes import Recipe, describe, restored

HEAD = struct.Struct(">QQ")
LARGEST = 64 << 20  # bytes of a message
LONGEST = 10_000  # parts of an iterator
TEXT = 400  # characters of an error that are passed on


class Broken(Exception):
    """What was read is no message."""


def packed(message: Any, keep: Callable[[Callable], Any] | None = None) -> bytes:
    """A message as bytes; tensors in it are detached copies, and of a function what ``keep`` says of it."""
    tensors: dict[str, Tensor] = {}
    said = json.dumps(_plain(message, tensors, keep)).encode()
    held = safetensors.torch.save(tensors) if tensors else b""
    return HEAD.pack(len(said), len(held)) + said + held


def read(receive: Callable[[int], bytes], made: Callable[[Any], Callable] | None = None) -> Any:
    """The next message of a stream; Broken where it is none.

    Parameters
    ----------
    receive : callable
        Gives the next so many bytes.
    made : callable, optional
        Makes a function of what the other side says of one.
    """
    sizes = HEAD.unpack(receive(HEAD.size))
    if sum(sizes) > LARGEST:
        raise Broken(f"an answer of more than {LARGEST >> 20} MB")
    said, held = (receive(size) for size in sizes)
    try:
        return _value(json.loads(said), safetensors.torch.load(held) if held else {}, made)
    except Broken:
        raise
    except Exception as problem:  # whatever a hostile writer thinks of
        raise Broken(f"no message: {type(problem).__name__}") from None


def text_of(problem: BaseException) -> str:
    """An exception in one line."""
    return f"{type(problem).__name__}: {' '.join(str(problem).split())}"[:TEXT]


def _plain(value: Any, tensors: dict[str, Tensor], keep: Callable | None) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = torch.from_numpy(np.array(value)) if value.ndim else value.item()
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().to_dense().cpu().contiguous().clone()
        return {"tensor": name}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, tuple | list):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_plain(part, tensors, keep) for part in value]}
    if isinstance(value, dict):
        return {"dict": [[_plain(name, tensors, keep), _plain(part, tensors, keep)] for name, part in value.items()]}
    if isinstance(value, Recipe):
        return {"recipe": describe(value)}
    if isinstance(value, PretendedRun):
        return {"run": _plain(value.told(), tensors, keep)}
    if isinstance(value, torch.Generator):
        return {"generator": _plain(value.get_state(), tensors, keep)}
    if isinstance(value, Iterator):
        return _plain([*islice(value, LONGEST)], tensors, keep)
    if keep and callable(value):
        return {"function": keep(value)}
    return {"other": type(value).__name__}


def _value(said: Any, tensors: dict[str, Tensor], made: Callable | None) -> Any:
    if not isinstance(said, dict):
        return said
    ((kind, held),) = said.items()
    if kind == "tensor":
        return tensors[held]
    if kind in ("list", "tuple"):
        return {"list": list, "tuple": tuple}[kind](_value(part, tensors, made) for part in held)
    if kind == "dict":
        return {_value(name, tensors, made): _value(part, tensors, made) for name, part in held}
    if kind == "float":
        return float(held)
    if kind == "recipe":
        return _recipe(held)
    if kind == "run":
        return PretendedRun(**_value(held, tensors, made))
    if kind == "generator":
        generator = torch.Generator()
        generator.set_state(_value(held, tensors, made))
        return generator
    if kind == "function" and made:
        return made(held)
    if kind == "other":  # something that a check calls by its kind, and nothing else
        return type(re.sub(r"\W", "", str(held))[:60] or "object", (), {})()
    raise Broken(f"no value is called {kind!r}")


def _recipe(said: Any) -> Recipe:
    """A recipe made anew of what was said of it, by :func:`kdviz.recipes.restored`."""
    recipe = restored(said)
    if not isinstance(recipe, Recipe):
        raise Broken("no recipe")
    return recipe
