"""Where a function is written, and what is written there: its syntax, alike in every Python from 3.11."""

import __future__

import ast
import dis
import functools
import linecache
from collections.abc import Iterator
from types import CodeType, FunctionType

FUTURE = functools.reduce(int.__or__, (getattr(__future__, n).compiler_flag for n in __future__.all_feature_names))
LOOKS_OUTSIDE = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL")


class Undescribed(ValueError):
    """Something that code depends on cannot be put into words."""


def definition_of(function: FunctionType) -> ast.AST:
    """The syntax tree of a function, from its file or the notebook cell it was defined in.

    Raises
    ------
    Undescribed
        The source is not to be had, or it is another than what was defined: a file was edited since it was imported.
    """
    code = function.__code__
    linecache.checkcache(code.co_filename)
    source = "".join(linecache.getlines(code.co_filename, function.__globals__))
    definitions, compiled = _parsed(source, code.co_flags & FUTURE)
    if code not in compiled:
        why = "is another than what runs: restart, or reload its file" if source else "is not to be had"
        raise Undescribed(f"the source of {function.__qualname__} {why}")
    found = [node for node in definitions if _begins(node) == (code.co_name, code.co_firstlineno)]
    if len(found) > 1:
        found = [node for node in found if isinstance(node, ast.Lambda) and _place(node.body) == _extent(code)]
    if len(found) != 1:
        raise Undescribed(f"{function.__qualname__} shares its line with another: give each a line of its own")
    return found[0]


def tree_of(node: ast.AST) -> list:
    """A syntax tree in nested lists of text: names of nodes and their fields, without docstrings and positions."""
    if isinstance(node, ast.Constant):
        return ["Constant", type(node.value).__name__, ascii(node.value)]
    said: list = [type(node).__name__]
    for name, value in sorted(ast.iter_fields(node)):
        if name == "body" and isinstance(value, list) and ast.get_docstring(_documented(node), clean=False) is not None:
            value = value[1:]
        if isinstance(node, ast.JoinedStr):
            value = _pieces(value)
        if value is not None and value != []:
            said.append([name, [_field(each) for each in value] if isinstance(value, list) else _field(value)])
    return said


def _pieces(values: list[ast.AST]) -> list[ast.AST]:
    """Of an f-string, with neighbouring texts as one and none empty: some Pythons cut them differently."""
    pieces: list[ast.AST] = []
    for each in values:
        if isinstance(each, ast.Constant) and pieces and isinstance(pieces[-1], ast.Constant):
            pieces[-1] = ast.Constant(pieces[-1].value + each.value)
        elif not isinstance(each, ast.Constant) or each.value:
            pieces.append(each)
    return pieces


def _field(value: object) -> list | str:
    return tree_of(value) if isinstance(value, ast.AST) else ascii(value)


def _documented(node: ast.AST) -> ast.AST:
    """The node where it may have a docstring, else one that has none."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return node if isinstance(node, kinds) else ast.Module([], [])


def chains_of(node: ast.AST) -> Iterator[tuple[str, ...]]:
    """Every name in a syntax tree, with the attributes asked of it: ``a.b.c`` is (a, b, c)."""
    attributes, inner = [], node
    while isinstance(inner, ast.Attribute):
        attributes.append(inner.attr)
        inner = inner.value
    if isinstance(inner, ast.Name):
        yield inner.id, *reversed(attributes)
        return
    for child in ast.iter_child_nodes(inner):
        yield from chains_of(child)


@functools.lru_cache(maxsize=4096)
def globals_of(code: CodeType) -> frozenset[str]:
    """Names that code, and what is defined inside it, looks up outside."""
    names = {each.argval for each in dis.get_instructions(code) if each.opname in LOOKS_OUTSIDE}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            names |= globals_of(inner)
    return frozenset(name for name in names if not name.startswith("__"))


@functools.lru_cache(maxsize=256)
def _parsed(source: str, flags: int) -> tuple[list[ast.AST], frozenset[CodeType]]:
    """All definitions in a source, and what they compile to."""
    try:
        tree = ast.parse(source)
        whole = compile(source, "<source>", "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError):
        return [], frozenset()
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    return [node for node in ast.walk(tree) if isinstance(node, kinds)], frozenset(_inside(whole))


def _inside(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _inside(inner)


def _begins(node: ast.AST) -> tuple[str, int]:
    lines = [node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))]
    return getattr(node, "name", "<lambda>"), min(lines)


def _place(node: ast.AST) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def _extent(code: CodeType) -> tuple[tuple[int, int], tuple[int, int]]:
    """From where to where code's instructions reach in its source."""
    known = [(a, c, b, d) for a, b, c, d in code.co_positions() if None not in (a, b, c, d) and (a, c) != (b, d)]
    return min(each[:2] for each in known), max(each[2:] for each in known)
