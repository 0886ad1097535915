"""What slides and site are built with: the extra ``pages``, missing until it is installed."""

from importlib.util import find_spec
from pathlib import Path

NEEDED = {"slides": ["docutils", "sphinx_revealjs", "ziamath"], "site": ["sphinx", "myst_nb", "furo"]}


def need(what: str) -> None:
    """Stop with what to install, if a package that ``what`` is built with is missing."""
    wanted = NEEDED["slides"] + (NEEDED["site"] if what == "site" else [])
    missing = [name for name in wanted if find_spec(name) is None]
    if missing:
        raise SystemExit(f'`{what}` needs {", ".join(missing)}: pip install -e ".[pages]"')


def folder_of(package: str) -> Path:
    """Where an installed package keeps its files; it is not imported."""
    return Path(find_spec(package).submodule_search_locations[0])
