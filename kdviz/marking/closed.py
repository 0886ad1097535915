"""What is closed to an answer, in the process that runs it: the package's own answers, and files.

The first is the point: a task asks for a formula, and one that calls the package's own gets nothing. The second is
a hedge of this process's own, which determined code gets around; the walls are :mod:`kdviz.marking.walls`.
"""

import gc
import os
import sys
from pathlib import Path
from types import FunctionType
from typing import NoReturn

SAID = "the package's own answers raise here: write the formula yourself"
ROOMS = ("kdviz.measures", "kdviz.objectives", "kdviz.checks")
OPEN = ("kdviz.measures.checks", "kdviz.checks.calling", "kdviz.checks.deciding", "kdviz.checks.pretended")
MAKES_A_RECIPE = {"as_teacher", "_floating", "within_reach", "check_weights", "objective"}


class PackageIsClosed(RuntimeError):
    """An answer called the package for what it is asked to write itself."""


def close_package() -> None:
    """Let every function raise that measures, is an objective's formula or belongs to a check.

    Their code is replaced, not their names: it raises by whatever way it is reached.
    """
    for function in [each for each in gc.get_objects() if isinstance(each, FunctionType)]:
        room, name = function.__module__ or "", function.__qualname__.split(".")[-1]
        if not room.startswith(ROOMS) or room in OPEN:
            continue
        if room.startswith("kdviz.objectives") and not _is_formula(function, name):
            continue
        function.__code__ = _raising(len(function.__code__.co_freevars)).__code__
        function.__globals__.setdefault("_package_is_closed", _refuse)


def _is_formula(function: FunctionType, name: str) -> bool:
    """Of an objective: what computes it, not what makes one."""
    return name in ("losses", "forward") or (function.__qualname__ == name and name not in MAKES_A_RECIPE)


def _refuse() -> NoReturn:
    raise PackageIsClosed(SAID)


def _raising(free: int) -> FunctionType:
    """A function that raises, with as many free variables as the one whose code it takes."""
    names = [f"free{i}" for i in range(free)]
    lines = ["def outer():", *(f"    {name} = 0" for name in names)]
    lines += ["    def closed(*_, **__):", "        _package_is_closed()"]
    lines += [f"        return [{', '.join(names)}]", "    return closed"]
    held: dict = {}
    exec("\n".join(lines), held)
    return held["outer"]()


def close_files() -> None:
    """From here on Python opens files to read below its own installation, without the package, and in this folder."""
    here, package = os.getcwd(), str(Path(__file__).parents[1])
    installed = {sys.prefix, sys.base_prefix, *(path for path in sys.path if "site-packages" in path)}
    reading = (here, *installed, "/dev/null", "/dev/urandom", "/usr/lib", "/usr/share", "/proc/self", "/sys/devices")

    def inside(path, *folders: str) -> bool:
        whole = os.path.realpath(os.fsdecode(path))
        return any(whole == folder or whole.startswith(folder + os.sep) for folder in folders)

    def refuse(event: str, arguments: tuple) -> None:
        if event == "open" and not isinstance(arguments[0], int):
            path, _, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            allowed = inside(path, here, "/dev/null") if writes else inside(path, *reading)
            if not allowed or inside(path, package):
                raise PermissionError(f"an answer opens no file: {os.fsdecode(path)}")
        elif event in ("os.listdir", "os.scandir") and not inside(arguments[0] or here, here, *installed):
            raise PermissionError("an answer looks into no folder")
        elif event in REFUSED or event.startswith("socket."):
            raise PermissionError(f"an answer starts no process and opens no connection: {event}")

    sys.addaudithook(refuse)


REFUSED = {"subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.kill",
           "os.killpg", "pty.spawn"}  # fmt: skip
