"""What a recipe says, as plain values: what its key is made of, what a header holds, where two of them differ."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from kdviz.measures import TopK
from kdviz.objectives import GivenLogits
from kdviz.recipes.code import Undescribed, digest_of, is_installed, name_of


def describe(thing: Any) -> Any:
    """The thing as plain JSON values; fields at their default are left out, so a new field changes no old key.

    What is written in a notebook or script is said with :func:`kdviz.recipes.code.digest_of`, and what cannot be said
    with the reason: see :func:`undescribed`.
    """
    if isinstance(thing, GivenLogits | TopK):
        return {"given_logits": thing.digest}
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        given = {f: value for f in dataclasses.fields(thing) if (value := getattr(thing, f.name)) is not f.default}
        said = {f.name: told for f, value in given.items() if (told := describe(value)) != _usual(f)}
        version = {"version": thing.training_version} if hasattr(thing, "training_version") else {}
        code = {} if is_installed(type(thing)) else _code(type(thing))
        return {"kind": type(thing).__name__, **version, **code, **said}
    if isinstance(thing, (tuple, list)):
        return [describe(part) for part in thing]
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing
    return _code(thing)


def _usual(field: dataclasses.Field) -> Any:
    """What its default says: MISSING, which equals no description, where it has none."""
    return field.default if field.default is dataclasses.MISSING else describe(field.default)


def _code(thing: Any) -> dict[str, str]:
    try:
        return {"code": name_of(thing) if is_installed(thing) else digest_of(thing)}
    except Undescribed as problem:
        return {"undescribed": str(problem)}


def undescribed(said: Any) -> list[str]:
    """What a recipe's description could not say, and why: no key stands for it, so nothing is stored under one."""
    said = describe(said) if dataclasses.is_dataclass(said) else said
    parts = said.values() if isinstance(said, dict) else said if isinstance(said, list) else ()
    reasons = [said["undescribed"]] if isinstance(said, dict) and "undescribed" in said else []
    return list(dict.fromkeys([*reasons, *(reason for part in parts for reason in undescribed(part))]))


def differences(a: Any, b: Any, path: str = "recipe") -> Iterator[tuple[str, Any, Any]]:
    """Where two descriptions differ: (path, value in a, value in b)."""
    if isinstance(a, dict) and isinstance(b, dict) and a.get("kind") == b.get("kind"):
        for name in sorted({*a, *b}):
            yield from differences(a.get(name, "default"), b.get(name, "default"), f"{path}.{name}")
    elif a != b:
        yield path, a, b
