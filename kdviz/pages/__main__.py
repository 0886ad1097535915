"""``make slides``, ``make site``; and ``mark``, which writes slide types into notebooks that have none."""

import argparse
import sys
from pathlib import Path

import nbformat

from kdviz import notebooks, sources
from kdviz.pages import site, slides
from kdviz.pages.deck import slides_of


def chosen(name: str) -> list[Path]:
    """The notebooks whose file name begins so, all of them for an empty name."""
    paths = sorted(notebooks.FOLDER.glob(f"{name.removesuffix('.ipynb')}*.ipynb"))
    if not paths:
        raise SystemExit(f"no notebook begins with {name!r}: see {notebooks.FOLDER.name}/")
    return paths


def mark(path: Path) -> int:
    """Give every cell of a notebook that has no slide type the one it is shown with; return how many that were."""
    notebook = nbformat.read(path, as_version=4)
    new = [(cell, kind) for cell, kind in zip(notebook.cells, slides_of(notebook)[1], strict=True)
           if not cell.metadata.get("slideshow", {}).get("slide_type")]  # fmt: skip
    for cell, kind in new:
        cell.metadata["slideshow"] = {"slide_type": kind}
    nbformat.write(notebook, path)
    return len(new)


def main(arguments: list[str] | None = None) -> None:
    """Build what is asked for and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m kdviz.pages", description=__doc__)
    parser.add_argument("what", choices=["slides", "site", "mark"])
    parser.add_argument("notebook", nargs="?", default="", help="the beginning of a notebook's name; all if left out")
    wanted = parser.parse_args(arguments)
    sources.in_repository(notebooks.FOLDER)
    if wanted.what == "slides":
        for path in slides.write(chosen(wanted.notebook), notebooks.BUILD / "slides"):
            print(f"{path}\n  F full screen, S speaker's notes, Esc overview, ?print-pdf after the address to print")
    elif wanted.what == "site":
        print(site.write(notebooks.BUILD / "site"))
    else:
        for path in chosen(wanted.notebook):
            print(f"{path.name}: {mark(path)} cells marked")


if __name__ == "__main__":
    sys.exit(main())
