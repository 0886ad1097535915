"""JupyterLab on this machine, in the digits lane, and the Chromium that looks at it."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kdviz.publish import notebooks

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOW = (
    "There is no Chromium to test with. Debian or Ubuntu: `apt-get install chromium`; macOS, Windows and others: "
    "any Chromium or Chrome, with its path in KDVIZ_CHROMIUM."
)


def chromium() -> str | None:
    """The path of a Chromium: KDVIZ_CHROMIUM, or the first found under a usual name."""
    named = os.environ.get("KDVIZ_CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def lab(folder: Path) -> Iterator[tuple[str, str]]:
    """A JupyterLab that shows ``folder/notebooks``, as (address, token); its log is ``folder/lab.log``."""
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    options = {
        "ServerApp.root_dir": folder / "notebooks",
        "ServerApp.port": 0,  # a free one
        "LabApp.user_settings_dir": _settings(folder),
        "LabApp.workspaces_dir": folder / "workspaces",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1"]
    command += ["--allow-root", *(f"--{name}={value}" for name, value in options.items())]
    with notebooks.lane("digits") as environment, open(folder / "lab.log", "wb") as log:
        environment.pop("KDVIZ_STATIC", None)
        server = subprocess.Popen(command, env={**environment, **own}, stdout=log, stderr=log)
        try:
            yield _started(server, folder)
        finally:
            server.terminate()  # it ends its kernels
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _settings(folder: Path) -> Path:
    """No question about news, which would stand before the notebook."""
    file = folder / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    return folder / "settings"


def _started(server: subprocess.Popen, folder: Path) -> tuple[str, str]:
    def answers() -> tuple[str, str] | None:
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab did not start:\n{(folder / 'lab.log').read_text()[-2000:]}")
        for file in (folder / "runtime").glob("jpserver-*.json"):
            said = json.loads(file.read_text())
            urllib.request.urlopen(f"{said['url']}api/status?token={said['token']}", timeout=5).close()
            return said["url"], said["token"]

    return until(answers, 180, "JupyterLab's first answer")


def until(met: Callable, seconds: float, what: str) -> object:
    """Ask ``met()`` until it gives something true; a TimeoutError says what did not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if given := met():
                return given
        except OSError:  # not listening yet
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{what} did not come within {seconds:g} seconds")
