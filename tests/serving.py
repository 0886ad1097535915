"""Data sets for tests: from a loopback server, or from the disk where they are on it."""

import contextlib
import functools
import http.server
import threading

import pytest

import kdviz as kd
from kdviz.data import sources


@contextlib.contextmanager
def served(name, folder, sums, monkeypatch, target):
    """The files of ``name`` from a loopback server, and an empty folder to download them into."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setitem(sources.FILES, name, (sources.FILES[name][0], address, sums))
        monkeypatch.setenv("KDVIZ_DATA", str(target))
        yield sums
        server.shutdown()


def load_on_disk(name):
    if not sources.on_disk(name):
        pytest.skip(f"{name} is not on disk")
    return kd.load(name)
