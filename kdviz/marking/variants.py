"""A student's own values: a cell's lines ``NAME = value``, each chosen from a list by the course's seed and the name.

The list stands in the cell's metadata, ``{"kdviz": {"variant": {"NAME": [value, …]}}}``.
"""

import hashlib
import re

from nbformat import NotebookNode


def options(notebook: NotebookNode) -> dict[str, list]:
    """Of each name that a course varies in a notebook, what it may be; ValueError where a cell does not set it."""
    found: dict[str, list] = {}
    for cell in notebook.cells:
        varied = cell.metadata.get("kdviz", {}).get("variant", {})
        for name, values in varied.items():
            if not re.search(_line(name), cell.source, re.MULTILINE) or not values:
                raise ValueError(f"a cell that varies {name} has a line `{name} = …`, and a list of values")
        found |= {name: list(values) for name, values in varied.items()}
    return found


def chosen(seed: str, student: str, assignment: str, options: dict[str, list]) -> dict:
    """A student's values: they do not depend on who else is in the course."""
    values = {}
    for name, some in options.items():
        digest = hashlib.sha256("\n".join([seed, student, assignment, name]).encode()).digest()
        values[name] = some[int.from_bytes(digest[:8], "big") % len(some)]
    return values


def with_values(source: str, values: dict) -> str:
    """A cell whose lines ``NAME = …`` say the values."""
    for name, value in values.items():
        source = re.sub(_line(name), lambda found, value=value: f"{found[1]}{value!r}", source, flags=re.MULTILINE)
    return source


def _line(name: str) -> str:
    return rf"^({re.escape(name)} = )[^#\n]*?(?=\s*(?:#.*)?$)"
