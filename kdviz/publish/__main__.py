"""The commands, as ``make`` types them: ``python -m kdviz.publish demo | lab | test | commit | new | train | …``."""

import argparse
import os
import sys
from pathlib import Path

from kdviz.data import sources
from kdviz.publish import notebooks


def demo(_) -> int:
    """show the committed notebooks, then execute them on embedded data, as pages in build/"""
    return notebooks.demo()


def lab(_) -> int:
    """copy the notebooks into lab/, to play there"""
    return notebooks.lab()


def test(_) -> int:
    """run every notebook under nbval, in both lanes"""
    return notebooks.test()


def commit(_) -> int:
    """execute and clean the notebooks for committing"""
    notebooks.commit()
    return 0


def new(wanted) -> int:
    """begin a walkthrough that runs as it is"""
    print(f"{notebooks.new(wanted.name)}\nIt runs as it is: open it in Jupyter, edit it; CONTRIBUTING.md has the rest.")
    return 0


def train(wanted) -> int:
    """train the reference runs into the store; runs it has are kept"""
    from kdviz.publish import reference

    if wanted.seeds < 1:
        raise SystemExit(f"--seeds {wanted.seeds}: seeds below 1 are none; by default all are trained")
    chosen = notebooks.chosen(wanted.notebook)
    os.environ |= {"KDVIZ_DATASET": "mnist", "MPLBACKEND": "agg"}
    reference.train(chosen, wanted.seeds, wanted.device or None)
    return 0


def ship(_) -> int:
    """write what the notebooks read of those runs to data/runs"""
    from kdviz.publish import reference

    os.environ |= {"KDVIZ_DATASET": "mnist", "MPLBACKEND": "agg"}
    reference.ship(notebooks.chosen(""))
    return 0


def assignments(wanted) -> int:
    """write the student versions of the assignments from their solutions"""
    from kdviz.publish import assignments

    assignments.write(wanted.execute)
    return 0


def course(wanted) -> int:
    """a folder to hand out and a private one, with each student's own values"""
    from kdviz.publish import course

    students = Path(wanted.students).read_text(encoding="utf-8").split("\n") if wanted.students else []
    print(course.make(Path(wanted.dest), wanted.seed, [name.strip() for name in students if name.strip()]))
    return 0


def mark(wanted) -> int:
    """mark what was handed in: tables, a page a student, nbgrader's grades"""
    from kdviz.publish import course

    os.environ["MPLBACKEND"] = "agg"
    out = Path(wanted.out) if wanted.out else Path(wanted.submissions).parent / "marks"
    course.mark(Path(wanted.submissions), Path(wanted.course) if wanted.course else None, out, wanted.workers)
    return 0


def handback(wanted) -> int:
    """write pages and grades again, with the points by hand in them"""
    from kdviz.publish import course

    course.hand_back(Path(wanted.marks))
    return 0


def slides(wanted) -> int:
    """a notebook as slides, in one file"""
    from kdviz.publish import slides

    written = slides.write(notebooks.chosen(wanted.notebook), notebooks.BUILD / "slides")
    if not written:
        raise SystemExit("no cell is marked for a slide: kdviz/publish/deck.py says how")
    for path in written:
        print(f"{path}\n  F full screen, S speaker's notes, Esc overview, ?print-pdf after the address to print")
    return 0


def site(_) -> int:
    """all notebooks as linked pages with search, and their slides"""
    from kdviz.publish import site

    print(site.write(notebooks.BUILD / "site"))
    return 0


def playground(_) -> int:
    """train the playground's teacher again, and write it where the explorer reads it"""
    from kdviz.publish import playground

    playground.write()
    return 0


def measure(wanted) -> int:
    """print how long the main paths are: words, code cells, lines of the longest cell, figures"""
    from kdviz.publish import measure

    print(measure.table(notebooks.chosen(wanted.notebook)))
    return 0


WALKTHROUGHS = demo, lab, test, commit, new, train, ship, slides, site, playground, measure
TEACHING = assignments, course, mark, handback
COMMANDS = {each.__name__: each for each in (*WALKTHROUGHS, *TEACHING)}


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked for and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m kdviz.publish", description=__doc__.split(",")[0])
    several = parser.add_subparsers(dest="what", required=True)
    of = {name: several.add_parser(name, help=each.__doc__) for name, each in COMMANDS.items()}
    of["new"].add_argument("name", help="of the new notebook, such as 06_some_name")
    of["slides"].add_argument("notebook", nargs="?", default="", help="how its name begins, such as 02; default all")
    of["measure"].add_argument("notebook", nargs="?", default="", help="how its name begins, such as 02; default all")
    of["train"].add_argument("--notebook", default="", help="how the notebooks' names begin, such as 02")
    of["train"].add_argument("--seeds", type=int, default=1000, help="train only seeds below this")
    of["train"].add_argument("--device", help="cuda or cpu; by default CUDA where there is one")
    of["assignments"].add_argument("--execute", action="store_true", help="run the solutions first, take their figures")
    of["course"].add_argument("dest", help="the folder to write")
    of["course"].add_argument("seed", help="any word that you keep to yourself")
    of["course"].add_argument("--students", default="", help="a file with a name a line, of students or groups")
    of["mark"].add_argument("submissions", help="a folder that holds STUDENT/1_the_loss.ipynb")
    of["mark"].add_argument("--course", default="", help="the folder that `make course` wrote")
    of["mark"].add_argument("--out", default="", help="where to write; by default marks/ beside the submissions")
    of["mark"].add_argument("--workers", type=int, help="submissions at a time; by default one a processor")
    of["handback"].add_argument("marks", help="the folder that `mark` wrote, its by_hand.csv filled in")
    wanted = parser.parse_args(arguments)
    sources.in_repository(notebooks.FOLDER)
    if wanted.what not in ("course", "mark", "handback"):
        return COMMANDS[wanted.what](wanted)
    try:
        return COMMANDS[wanted.what](wanted)
    except (ValueError, OSError) as problem:  # of a folder or a table that somebody filled in
        raise SystemExit(str(problem)) from None


if __name__ == "__main__":
    sys.exit(main())
