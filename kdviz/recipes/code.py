"""What code says: one digest of a function or class and of all that it names, for what is written in a notebook."""

import ast
import builtins
import dataclasses
import functools
import hashlib
import importlib.util
import inspect
import json
import sys
import sysconfig
from pathlib import Path, PurePath
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

from kdviz.recipes.syntax import Undescribed, chains_of, definition_of, globals_of, tree_of

INSTALLED = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")]
INSTALLED += [Path(__file__).resolve().parents[1]]
PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), range)
SHOWN = {("torch", "dtype"), ("torch", "device"), ("torch", "Size")}  # their text says all
IN_C = ("builtin_function_or_method", "method_descriptor", "wrapper_descriptor", "ufunc")


def digest_of(thing: Any) -> str:
    """Sixteen hexadecimal digits for a function or class, and for all that it names.

    Through globals, closure, defaults and bases it follows every function, class and plain constant that is not
    installed; what is installed is known by its name. Comments, docstrings, layout and place do not count, and
    every Python from 3.11 gives the same digits.

    Raises
    ------
    Undescribed
        A ValueError: something cannot be described (a tensor, an open file), or its source is not to be had.
    """
    try:
        said = json.dumps(_said(thing, {}))
    except RecursionError:
        raise Undescribed(f"{name_of(thing)} holds itself") from None
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def is_installed(thing: Any) -> bool:
    """Whether a function, class or module lies in site-packages or the standard library, or is kdviz's own."""
    if type(thing).__name__ in IN_C:
        owner = getattr(thing, "__self__", None)
        return owner is None or (isinstance(owner, ModuleType | type) and is_installed(owner))
    if not isinstance(thing, type | FunctionType | ModuleType):
        return False
    module = thing.__name__ if isinstance(thing, ModuleType) else thing.__module__
    file = thing.__code__.co_filename if isinstance(thing, FunctionType) else "<not a function>"
    return _lies_installed(module) and (file.startswith("<") or _is_installed_file(file))


def name_of(thing: Any) -> str:
    """The package a thing is from, and its name there."""
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", type(thing).__name__)
    package = (getattr(thing, "__module__", None) or "builtins").partition(".")[0]
    return f"{package.lstrip('_')}:{name}"  # where C takes the place of Python, and in which version, is no matter


def check_written(part: Any) -> None:
    """What is written in a notebook tells two of its kind apart by fields alone, as a key and an array must."""
    kind = type(part)
    if is_installed(kind):
        return
    fields = {field.name for field in dataclasses.fields(part)} if dataclasses.is_dataclass(part) else set()
    more = [
        n for n in vars(part) if n not in fields and not isinstance(getattr(kind, n, None), functools.cached_property)
    ]
    if more or not dataclasses.is_dataclass(part) or kind.__hash__ is None:
        extra = f", and make fields of {', '.join(more)}" if more else ""
        raise ValueError(f"a recipe is known by fields: write @dataclass(frozen=True) above {kind.__name__}{extra}")


def _lies_installed(module: str | None) -> bool:
    if module is None or module == "__main__":
        return False
    spec = getattr(sys.modules.get(module), "__spec__", None)
    file = getattr(sys.modules.get(module), "__file__", None)
    if module not in sys.modules:
        spec = importlib.util.find_spec(module.partition(".")[0])
        file = spec and spec.origin
    return _is_installed_file(file) if file else getattr(spec, "origin", None) in ("built-in", "frozen")


@functools.lru_cache(maxsize=4096)
def _is_installed_file(file: str) -> bool:
    path = Path(file).resolve()
    inside = any(path.is_relative_to(folder) for folder in INSTALLED)
    return inside or file in ("built-in", "frozen") or bool({"site-packages", "dist-packages"} & {*path.parts})


def _said(thing: Any, seen: dict[int, tuple[int, Any]]) -> list:
    """A thing in nested lists of text; ``seen`` are the functions and classes said before, by their identity."""
    kind = type(thing)
    if kind in PLAIN:
        return [kind.__name__, ascii(thing)]
    if kind in (tuple, list):
        return [kind.__name__, *(_said(part, seen) for part in thing)]
    if kind in (set, frozenset):
        return [kind.__name__, *sorted((_said(part, seen) for part in thing), key=json.dumps)]
    if kind is dict:
        return ["dict", *([_said(key, seen), _said(value, seen)] for key, value in thing.items())]
    if (kind.__module__, kind.__name__) in SHOWN:
        return [kind.__name__, str(thing)]
    if isinstance(thing, PurePath):
        return ["path", thing.as_posix()]
    if is_installed(thing):
        return ["installed", name_of(thing)]
    if isinstance(thing, type | FunctionType):
        if id(thing) in seen:
            return ["again", str(seen[id(thing)][0])]
        seen[id(thing)] = len(seen), thing
    if isinstance(thing, type):
        return _class(thing, seen)
    if isinstance(thing, FunctionType):
        return _function(thing, seen)
    if parts := _parts(thing):
        return [kind.__name__, *(_said(part, seen) for part in parts)]
    raise Undescribed(f"{'a module as such' if kind is ModuleType else f'an object of {name_of(kind)}'}")


def _parts(thing: Any) -> list:
    """What makes up a method, a partial function, a decorated one, or a data class's object."""
    if isinstance(thing, MethodType):
        return [thing.__func__, thing.__self__]
    if isinstance(thing, functools.partial):
        return [thing.func, thing.args, thing.keywords]
    if isinstance(thing, staticmethod | classmethod):
        return [thing.__func__]
    if isinstance(thing, property):
        return [thing.fget, thing.fset, thing.fdel]
    if isinstance(thing, functools.cached_property):
        return [thing.func]
    if dataclasses.is_dataclass(thing):
        return [type(thing), {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}]
    wrapped = getattr(thing, "__wrapped__", None) if is_installed(type(thing)) else None
    return [wrapped] if isinstance(wrapped, FunctionType) else []


def _class(thing: type, seen: dict) -> list:
    members = []
    for name, value in sorted(vars(thing).items()):
        inside = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if isinstance(value, MemberDescriptorType) or name.startswith("_abc_"):
            continue
        if name.startswith("__") and name.endswith("__") and not _is_written(inside):
            continue
        try:
            members.append([name, _said(value, seen)])
        except Undescribed as problem:
            raise Undescribed(f"{thing.__name__}.{name}: {problem}") from None
    for field in dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ():
        if field.default_factory is not dataclasses.MISSING:
            members.append([field.name, _said(field.default_factory, seen)])
    return ["class", thing.__name__, [_said(base, seen) for base in (*thing.__bases__, type(thing))], members]


def _is_written(thing: Any) -> bool:
    """Whether a person wrote this function: what ``dataclass`` adds differs from Python to Python."""
    innermost = inspect.unwrap(thing) if isinstance(thing, FunctionType) else thing
    if not isinstance(innermost, FunctionType):
        return False
    file = innermost.__code__.co_filename
    return file != "<string>" and not is_installed(innermost) and not _is_installed_file(file)


def _function(thing: FunctionType, seen: dict) -> list:
    if hasattr(thing, "__wrapped__") and _is_installed_file(thing.__code__.co_filename):
        return ["decorated", thing.__code__.co_name, _said(thing.__wrapped__, seen)]  # by torch.no_grad() and the like
    node, code = definition_of(thing), thing.__code__
    cells = dict(zip(code.co_freevars, thing.__closure__ or (), strict=True))
    used = globals_of(code) | {*cells}
    _check_imports(node, thing)
    chains = {chain for chain in chains_of(node) if chain[0] in used}
    chains |= {(name,) for name in used - {chain[0] for chain in chains}}
    named = [_said_of_name(chain, thing, cells, seen) for chain in sorted(chains)]
    own = {name: value for name, value in sorted(vars(thing).items()) if name != "__wrapped__"}
    given = [_said(part, seen) for part in (thing.__defaults__, thing.__kwdefaults__, own)]
    return ["function", tree_of(node), *given, [one for i, one in enumerate(named) if one not in named[:i]]]


def _said_of_name(chain: tuple[str, ...], thing: FunctionType, cells: dict, seen: dict) -> list:
    """What a dotted name stands for in a function: through modules that are not installed, up to what is in them."""
    name, *rest = chain
    try:
        if name in cells:
            value = cells[name].cell_contents
        elif name in thing.__globals__:
            value = thing.__globals__[name]
        else:
            return [name, ["builtin" if hasattr(builtins, name) else "not defined"]]
        while rest and isinstance(value, ModuleType) and not is_installed(value):
            value = getattr(value, rest[0])
            name = f"{name}.{rest.pop(0)}"
        return [name, _said(value, seen)]
    except Undescribed as problem:
        raise Undescribed(f"{thing.__qualname__} names {name}: {problem}") from None
    except (AttributeError, ValueError):  # no such attribute, an empty cell
        return [name, ["not defined"]]


def _check_imports(node: ast.AST, thing: FunctionType) -> None:
    """What is imported inside a function is not followed: it must be installed."""
    for each in ast.walk(node):
        if isinstance(each, ast.Import | ast.ImportFrom):
            relative = isinstance(each, ast.ImportFrom) and (each.level or not each.module)
            modules = [each.module] if isinstance(each, ast.ImportFrom) else [alias.name for alias in each.names]
            if relative or not all(map(_lies_installed, modules)):
                raise Undescribed(f"{thing.__qualname__} imports what is not installed: import it above the function")
