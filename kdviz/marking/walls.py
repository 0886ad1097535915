"""The walls around a submission's process: bubblewrap where it is installed and may make namespaces, else none.

Inside there is Python's own installation, the package without the assignments, and an empty folder in memory; no
network, no other process, no other file.
"""

import os
import shutil
import site
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import matplotlib
import psutil

PACKAGE = Path(__file__).parents[1]
HERE, THERE = "/answer", "/package"  # inside
SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
OPEN = (
    "bubblewrap is not installed{}: the students' code runs with your own permissions. It can read your files. "
    "On Debian and Ubuntu: apt install bubblewrap. Or run this command in a container that holds nothing else."
)


@cache
def bubblewrap() -> str | None:
    """The program, if it is there and namespaces are allowed here."""
    program = shutil.which("bwrap")
    if not program:
        return None
    tried = subprocess.run([program, "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True)
    return program if tried.returncode == 0 else None


def told(walls: bool) -> str:
    """What stands around a student's code, in a sentence."""
    if walls:
        return "Each submission runs in bubblewrap: no network, no file of yours, an empty folder of its own."
    refused = ", or is refused its namespaces" if shutil.which("bwrap") else ""
    return OPEN.format(refused)


def command(walls: bool) -> list[str]:
    """What starts a submission's process."""
    python = [sys.executable, "-m", "kdviz.marking.child"]
    if not walls:
        return python
    inside = [bubblewrap() or "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    inside += ["--hostname", "answer", "--proc", "/proc", "--dev", "/dev", "--size", str(64 << 20), "--tmpfs", HERE]
    for path in dict.fromkeys([*SYSTEM, *_installed()]):
        if os.path.islink(path):
            inside += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            inside += ["--ro-bind", path, path]
    inside += ["--ro-bind", str(PACKAGE), f"{THERE}/{PACKAGE.name}"]
    for fonts in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):  # else it looks for fonts at every start
        inside += ["--ro-bind", str(fonts), f"{HERE}/matplotlib/{fonts.name}"]
    return [*inside, "--chdir", HERE, *python]


def environment(walls: bool, folder: str) -> dict[str, str]:
    """Of a submission's process: nothing of the caller's but the language."""
    here = HERE if walls else folder
    return {
        "PATH": "/usr/bin:/bin", "HOME": here, "TMPDIR": here, "LANG": os.environ.get("LANG", "C.UTF-8"),
        "PYTHONPATH": THERE if walls else str(PACKAGE.parent), "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONSAFEPATH": "1", "MPLBACKEND": "agg", "MPLCONFIGDIR": f"{here}/matplotlib" if walls else _fonts(),
        "KDVIZ_STORE": f"{here}/store", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
    }  # fmt: skip


def _fonts() -> str:
    return matplotlib.get_configdir()


def _installed() -> list[str]:
    """Python, and what is installed beside it, outermost folders only."""
    found = {sys.prefix, sys.base_prefix, *site.getsitepackages(), *(p for p in sys.path if "site-packages" in p)}
    found |= {str(Path(os.path.realpath(sys.executable)).parents[1])}
    found = {path for path in found if os.path.isdir(path) and path != "/usr" and not path.startswith("/usr/")}
    return sorted(path for path in found if not any(path.startswith(other + os.sep) for other in found))


def too_large(process: psutil.Process, memory: int, processes: int) -> str | None:
    """Why a submission must be stopped: all its processes together take too much, or are too many."""
    with suppress(psutil.Error):
        all_of_it = [process, *process.children(recursive=True)]
        if len(all_of_it) > processes:
            return "Your code starts other processes."
        held = 0
        for each in all_of_it:
            with suppress(psutil.Error):
                held += each.memory_info().rss
        if held > memory:
            return f"Your code takes more than {memory >> 30} GB of memory."
    return None
