"""What pages, slides and site are built with: the extra ``pages``, missing until it is installed."""

from importlib.util import find_spec
from pathlib import Path

# Each needs what stands before it, too.
NEEDED = {
    "demo": ["docutils", "fontTools", "ziamath"],
    "slides": ["sphinx_revealjs"],
    "site": ["sphinx", "myst_nb", "furo"],
}


def need(what: str) -> None:
    """Stop with what to install, if a package that ``what`` is built with is missing."""
    steps = [*NEEDED][: [*NEEDED].index(what) + 1]
    missing = [name for step in steps for name in NEEDED[step] if find_spec(name) is None]
    if missing:
        raise SystemExit(f'`{what}` needs {", ".join(missing)}: pip install -e ".[pages]"')


def folder_of(package: str) -> Path:
    """Where an installed package keeps its files; it is not imported."""
    return Path(find_spec(package).submodule_search_locations[0])
