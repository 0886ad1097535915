"""The notebooks as files: show them (``demo``), test, execute and clean for committing, begin a new one."""

import base64
import io
import os
import re
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient
from PIL import Image

from kdviz.data import sources
from kdviz.publish import colab, copies, living, unheld
from kdviz.publish.needed import need
from kdviz.publish.text import VERDICTS

FOLDER = sources.ROOT / "notebooks"
BUILD = sources.ROOT / "build"
SANITISE = sources.ROOT / "tests" / "nbval_sanitize.cfg"
SKELETON = Path(__file__).with_name("skeleton.ipynb")
# One thread a kernel: two notebooks run side by side, and small networks gain nothing from a second thread.
KERNEL = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def chosen(beginning: str) -> list[Path]:
    """The notebooks whose file name begins so, all of them for an empty beginning."""
    paths = [path for path in sorted(FOLDER.glob("*.ipynb")) if path.name.startswith(beginning)]
    if not paths:
        raise SystemExit(f"no notebook begins with {beginning!r}: see {FOLDER.name}/")
    return paths


@contextmanager
def lane(name: str) -> Iterator[dict[str, str]]:
    """The environment of a lane, with an empty store: digits trains afresh, mnist reads the shipped runs.

    A matplotlib backend from outside is left out: a kernel whose backend is not its own shows no picture.
    """
    outside = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    trains = {"digits": {"KDVIZ_TRAIN": "1"}, "mnist": {"KDVIZ_TRAIN": "0", "KDVIZ_STATIC": "1"}}[name]
    with tempfile.TemporaryDirectory(prefix="kdviz-store-") as store:
        yield {**outside, **KERNEL, "KDVIZ_STORE": store, "KDVIZ_DATASET": name, **trains}


def execute(path: Path, environment: dict[str, str]) -> nbformat.NotebookNode:
    """Run a notebook in a kernel of its own and return it executed and clean; an error in a cell is raised."""
    notebook = colab.prepared(nbformat.read(path, as_version=4))
    client = NotebookClient(
        notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": path.parent}},
        record_timing=False, coalesce_streams=True, extra_arguments=["--log-level=ERROR"],
    )  # fmt: skip
    client.execute(env=environment)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "kdviz": {"datasets": datasets_of(notebook)},
    }
    return notebook


def datasets_of(notebook: nbformat.NotebookNode) -> list[str]:
    """The data sets that a notebook names in its metadata: what its MNIST lane reads."""
    return list(notebook.metadata.get("kdviz", {}).get("datasets", ["mnist"]))


def claims(notebook: nbformat.NotebookNode) -> list[str]:
    """The decided sentences a notebook displays; one that does not hold with its reason."""
    shown = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    decided = [data for data in shown if data.get("text/plain", "").startswith(VERDICTS)]
    reasons = [re.search("<em>(.*)</em>", data["text/html"]) for data in decided]
    return [
        data["text/plain"] + (f"\n      {unescape(reason[1])}" if reason else "")
        for data, reason in zip(decided, reasons, strict=True)
    ]


def demo() -> int:
    """Show the committed notebooks as pages; execute them on embedded data, as pages too, and print their claims."""
    from kdviz.publish import page

    need("demo")
    show_committed(BUILD / "committed")

    def show(path: Path) -> list[str]:
        started = time.perf_counter()
        notebook = execute(path, environment)
        target = BUILD / f"{path.stem}.html"
        target.write_text(page.html(living.alive(unheld.noted(notebook)), path.stem), encoding="utf-8")
        told = [f"\n{path.name}  ({time.perf_counter() - started:.0f} s)", *claims(notebook)]
        told += [f"does not hold here: {sentence}" for sentence, _ in unheld.unheld(notebook)]
        return [*told, f"→ {target}"]

    paths = chosen("")
    print(f"\nNow {len(paths)} notebooks on embedded data, two at a time; some train for two minutes.", flush=True)
    with lane("digits") as environment, ThreadPoolExecutor(2) as pool:
        environment["KDVIZ_STATIC"] = "1"
        for lines in pool.map(show, paths):
            print("\n  ".join(lines), flush=True)
    print("\nOpen the pages above in a browser. For sliders: make lab.")
    return 0


def show_committed(folder: Path) -> None:
    """Write the committed notebooks as pages, print where the first one is, and open it where there is a display."""
    from kdviz.publish import page

    folder.mkdir(parents=True, exist_ok=True)
    first, *others = chosen("")
    for path in (first, *others):
        target = folder / f"{path.stem}.html"
        target.write_text(page.html(living.alive(nbformat.read(path, as_version=4)), path.stem), encoding="utf-8")
        if path == first:
            print(f"Read this first, it needs no network: {target.as_uri()}", flush=True)
    if _has_display():
        webbrowser.open((folder / f"{first.stem}.html").as_uri())


def _has_display() -> bool:
    """Whether a browser would open in a window, not in this terminal."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def lab() -> int:
    """Bring the copies up to date that one plays in, and say which were changed and stay so."""
    kept = copies.play(FOLDER)
    for path in kept:
        print(f"{path.relative_to(sources.ROOT)} stays as you changed it: delete it for a fresh copy")
    print(f"You play in {copies.PLAYED.name}/, a copy that git does not see; `notebooks/` stays as it is.", flush=True)
    return 0


def test() -> int:
    """Run every notebook under nbval: lax on the digits, strict where the data sets it names are on disk."""
    print("digits lane: trained afresh, claims compared", flush=True)
    paths = chosen("")
    failed = _nbval("digits", paths, "--nbval-lax")
    print("mnist lane: shipped runs read, text outputs compared", flush=True)
    readable = []
    for path in paths:
        missing = [name for name in datasets_of(nbformat.read(path, as_version=4)) if not sources.on_disk(name)]
        if missing:
            print(
                f"  {path.name} is skipped: no {', '.join(missing)} on disk (`make data`, or set KDVIZ_DATA)",
                flush=True,
            )
        else:
            readable.append(path)
    return failed or (_nbval("mnist", readable, "--nbval", f"--nbval-sanitize-with={SANITISE}") if readable else 0)


def _nbval(name: str, paths: list[Path], *options: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "--nbval-current-env", "--nbval-cell-timeout=600", *options]
    command += ["-n", "2", "--dist", "loadscope", "-p", "no:cacheprovider", *map(str, paths)]
    with lane(name) as environment:
        return subprocess.run(command, env=environment).returncode


def slim(png: str) -> str:
    """A picture (base64) in 256 colours, a third of the bytes.

    A quarter of them are its most frequent ones, so that large areas keep theirs; the others cover the rest, for a few
    points matter too.
    """
    small, picture = io.BytesIO(), Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    pixels = np.asarray(picture).reshape(-1, 3)
    colours, place, count = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    covering = picture.quantize(192, Image.Quantize.MAXCOVERAGE).getpalette()[: 3 * 192]
    palette = np.concatenate([colours[count.argsort()[-64:]], np.reshape(covering, (-1, 3))])
    nearest = np.square(colours[:, None] - palette.astype(np.int32)).sum(-1, dtype=np.int32).argmin(-1)
    slimmed = Image.fromarray(nearest[place].astype(np.uint8).reshape(picture.height, picture.width))
    slimmed.putpalette(palette.astype(np.uint8).tobytes())
    slimmed.save(small, "png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def commit() -> None:
    """Execute the notebooks in the MNIST lane and write them back, clean, and the figures they name ``save_as``."""
    for path in chosen(""):
        with lane("mnist") as environment:
            notebook = execute(path, environment)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    output.data["image/png"] = slim(output.data["image/png"])
        nbformat.write(notebook, path)
        print(path.relative_to(sources.ROOT))
        for cell in notebook.cells:
            if "save_as" in cell.metadata:
                (png,) = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
                (FOLDER / cell.metadata["save_as"]).write_bytes(base64.b64decode(png))


def new(name: str) -> Path:
    """Write ``notebooks/NAME.ipynb``: a walkthrough in small that runs as it is, to be edited."""
    if not re.fullmatch(r"\d\d(_[a-z0-9]+)+", name):
        raise SystemExit(f"{name!r} does not name a notebook: two digits and words in small letters, as 06_some_name")
    for taken in FOLDER.glob(f"{name[:2]}_*.ipynb"):
        raise SystemExit(f"{taken.name} has that number: choose another")
    notebook = colab.prepared(nbformat.read(SKELETON, as_version=4))
    notebook.cells[0].source = notebook.cells[0].source.replace("TITLE", name[3:].replace("_", " ").capitalize())
    nbformat.write(notebook, FOLDER / f"{name}.ipynb")
    return FOLDER / f"{name}.ipynb"
