"""Colab's cell: in every notebook, the same; there it fetches and installs, elsewhere it does nothing."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

from kdviz.publish import assignments, colab, notebooks
from kdviz.publish.deck import slides_of
from kdviz.publish.page import html

PATHS = sorted([*notebooks.FOLDER.glob("*.ipynb"), *assignments.FOLDER.rglob("*.ipynb")])
# Runs the cell in a process that says it is Colab, or not, with pip recorded, and prints what came of it.
PRETENDED = """
import builtins, json, os, runpy, subprocess, sys, types

cell, address, *colab = sys.argv[1:]
ran, enabled, check_call = [], [], subprocess.check_call
if colab:
    output = types.SimpleNamespace(enable_custom_widget_manager=lambda: enabled.append(True))
    sys.modules["google"] = types.ModuleType("google")
    sys.modules["google.colab"] = types.SimpleNamespace(output=output)
subprocess.check_call = lambda command: ran.append(command) or "pip" in command or check_call(command)
builtins.input = lambda question: address
path = [*sys.path]
for _ in range(2):
    exec(open(cell).read(), {})
print(json.dumps([ran, os.getcwd(), [place for place in sys.path if place not in path], len(enabled)]))
"""


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_notebook_has_the_cell_after_its_title(path):
    title, second, *others = nbformat.read(path, as_version=4).cells
    assert title.cell_type == "markdown" and title.source.startswith("# ")
    made = colab.cell()
    assert (second.id, second.source, second.metadata) == (made.id, made.source, made.metadata)
    assert not second.outputs and all("google.colab" not in cell.source for cell in others)


def test_an_older_cell_is_replaced():
    notebook = nbformat.read(PATHS[0], as_version=4)
    notebook.cells[1].source = "an older one"
    before = [cell.id for cell in notebook.cells]
    assert [cell.id for cell in colab.prepared(notebook).cells] == before
    assert notebook.cells[1].source == colab.cell().source


@pytest.fixture
def clone(tmp_path):
    """A repository to clone: the address that is asked for."""
    folder = tmp_path / "repository"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "notebooks" / "00.ipynb").touch()
    git = ["git", "-c", "user.name=k", "-c", "user.email=k", "-C", folder]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a notebook"]):
        subprocess.run([*git, *command], check=True)
    return folder


def run_twice(tmp_path, clone, *colab_or_not):
    cell, home, here = tmp_path / "cell.py", tmp_path / "home", tmp_path / "content"
    cell.write_text(colab.cell().source, encoding="utf-8")
    home.mkdir(), here.mkdir()
    command = [sys.executable, "-c", PRETENDED, cell, clone, *colab_or_not]
    environment = os.environ | {"HOME": str(home), "USERPROFILE": str(home)}
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), home / "kdviz", here


def test_on_colab_it_clones_once_installs_and_changes_folder(tmp_path, clone):
    (ran, folder, path, enabled), home, _ = run_twice(tmp_path, clone, "colab")
    assert [command[0] for command in ran] == ["git", sys.executable, sys.executable]
    assert (home / "notebooks" / "00.ipynb").exists()
    assert "--no-deps" in ran[1] and ran[1][ran[1].index("-qe") + 1] == str(home) and "torch" not in ran[1]
    assert os.path.samefile(folder, home / "notebooks") and path == [str(home)] * 2 and enabled == 2


def test_elsewhere_it_does_nothing(tmp_path, clone):
    found, home, here = run_twice(tmp_path, clone)
    assert found == [[], str(here), [], 0] and not home.exists()


def test_once_there_is_an_address_it_does_not_ask(monkeypatch):
    assert "input(" in colab.cell().source
    monkeypatch.setattr(colab, "REPOSITORY", "file:///a/repository")
    assert '"--quiet", "file:///a/repository", home' in colab.cell().source and "input(" not in colab.cell().source


def test_slides_and_pages_leave_it_out():
    notebook = nbformat.read(PATHS[0], as_version=4)
    assert all("google.colab" not in repr(slide) for slide in slides_of(notebook))
    assert "google.colab" not in html(notebook, "00")
