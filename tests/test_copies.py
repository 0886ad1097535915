"""`make lab` and `make demo` work on copies: what one plays with, git does not see."""

import gc
import json
import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from kdviz.data.sources import ROOT
from kdviz.publish import __main__ as command
from kdviz.publish import copies, notebooks, page

pytestmark = pytest.mark.filterwarnings("ignore")  # kernels' clients leave event loops open
WHERE = """from kdviz.data import files
from kdviz.runs import default_store

print(files.folder(), default_store().folder)"""


def git(folder, *words):
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with this one's .gitignore and two small notebooks, one in a folder."""
    if not shutil.which("git"):
        pytest.skip("there is no git")
    folder = tmp_path / "checkout"
    (folder / "notebooks" / "assignments").mkdir(parents=True)
    (folder / "notebooks" / ".ipynb_checkpoints").mkdir()
    (folder / "notebooks" / ".ipynb_checkpoints" / "old.ipynb").write_text("{}")
    shutil.copy(ROOT / ".gitignore", folder)
    begun = new_notebook(
        cells=[new_markdown_cell("# First\n\nWhat $x$ is: [next](01_next.ipynb)"), new_code_cell(WHERE)]
    )
    nbformat.write(begun, folder / "notebooks" / "00_first.ipynb")
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Next")]), folder / "notebooks" / "01_next.ipynb")
    (folder / "notebooks" / "assignments" / "1_do.ipynb").write_text("{}")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "All")
    monkeypatch.setattr(notebooks, "FOLDER", folder / "notebooks")
    monkeypatch.setattr(notebooks, "BUILD", folder / "build")
    yield folder
    gc.collect()  # those are found here, not in another file's test


def played(checkout):
    return copies.play(checkout / "notebooks", checkout / copies.PLAYED.name)


def test_the_copy_has_notebooks_and_assignments_and_nothing_hidden(checkout):
    assert played(checkout) == []
    found = {path.relative_to(checkout / "lab").as_posix() for path in (checkout / "lab").rglob("*") if path.is_file()}
    assert found == {"00_first.ipynb", "01_next.ipynb", "assignments/1_do.ipynb", copies.COPIED}
    assert {*json.loads((checkout / "lab" / copies.COPIED).read_text())} == found - {copies.COPIED}


def test_what_one_changes_stays_what_one_left_follows_and_git_sees_neither(checkout):
    played(checkout)
    mine, theirs = checkout / "lab" / "00_first.ipynb", checkout / "lab" / "01_next.ipynb"
    mine.write_text("mine")
    (checkout / "lab" / "scratch.ipynb").write_text("mine too")
    assert git(checkout, "status", "--porcelain") == ""
    (checkout / "notebooks" / "01_next.ipynb").write_text("a newer one")
    assert played(checkout) == [mine] and mine.read_text() == "mine"
    assert theirs.read_text() == "a newer one" and (checkout / "lab" / "scratch.ipynb").read_text() == "mine too"
    mine.unlink()
    assert played(checkout) == [] and mine.read_text() != "mine"


def test_a_kernel_in_the_copy_finds_data_and_store_where_the_repository_has_them(checkout):
    played(checkout)
    relative = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    relative |= {"KDVIZ_DATA": "data", "KDVIZ_STORE": "data/store"}
    done = notebooks.execute(checkout / "lab" / "00_first.ipynb", relative)
    (said,) = [output.text.split() for cell in done.cells for output in cell.get("outputs", [])]
    assert said == [str(ROOT / "data"), str(ROOT / "data" / "store")]
    assert git(checkout, "status", "--porcelain") == ""


def test_the_command_copies_this_repositorys_notebooks_and_says_what_it_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(copies.play, "__defaults__", (tmp_path / "lab",))
    monkeypatch.setattr(notebooks.sources, "ROOT", tmp_path)
    assert command.main(["lab"]) == 0
    assert len([*(tmp_path / "lab").glob("*.ipynb")]) == len([*notebooks.FOLDER.glob("*.ipynb")])
    assert (tmp_path / "lab" / "assignments").is_dir() and (tmp_path / "lab" / "figures").is_dir()
    assert capsys.readouterr().out.count("\n") == 1
    (tmp_path / "lab" / "00_start_here.ipynb").write_text("mine")
    assert command.main(["lab"]) == 0
    assert "00_start_here.ipynb stays as you changed it" in capsys.readouterr().out


def test_links_upwards_lead_from_the_copy_where_they_led():
    assert copies.PLAYED.parent == notebooks.FOLDER.parent


def test_the_demo_shows_the_committed_notebooks_first_and_leaves_no_trace_in_git(checkout, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(notebooks.webbrowser, "open", opened.append)
    monkeypatch.setattr(notebooks, "_has_display", lambda: True)
    assert command.main(["demo"]) == 0
    first = checkout / "build" / "committed" / "00_first.html"
    out = capsys.readouterr().out
    assert out.startswith(f"Read this first, it needs no network: {first.as_uri()}\n") and opened == [first.as_uri()]
    html = first.read_text(encoding="utf-8")
    assert "<math" in html and 'href="01_next.html"' in html and not re.search('(src|href)="https?:', html)
    assert (first.parent / "01_next.html").exists() and (checkout / "build" / "00_first.html").exists()
    assert git(checkout, "status", "--porcelain") == ""


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="there is always a display")
def test_without_a_display_no_browser_is_asked(checkout, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(notebooks.webbrowser, "open", lambda _: pytest.fail("a browser was asked"))
    notebooks.show_committed(checkout / "build")
    assert "file://" in capsys.readouterr().out
    monkeypatch.setenv("DISPLAY", ":0")
    assert notebooks._has_display()


def test_a_page_leaves_out_the_code_that_no_reader_needs_and_keeps_what_it_shows():
    def cell(word, *tags):
        shown = nbformat.v4.new_output("stream", text=f"shown by {word}")
        return new_code_cell(f"{word} = 1", outputs=[shown], metadata={"tags": [*tags]})

    notebook = new_notebook(cells=[cell("read"), cell("folded", "hide-input"), cell("gone", "remove-cell")])
    text = re.sub("<[^>]+>", "", page.html(notebook, "some"))
    assert "read = 1" in text and "shown by read" in text and "shown by folded" in text
    assert "folded = 1" not in text and "gone" not in re.sub(r"(?s)<style.*?</style>", "", text).split("read = 1")[1]
