"""Needs a Chromium and `pip install -e ".[browser]"`: `make test-browser`."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import lab
import live
import nbformat
import pytest
import times
from playwright.sync_api import sync_playwright

from kdviz.publish import notebooks

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the other tests share
BUILD = "import sys, pathlib; from kdviz.publish import site; site.write(pathlib.Path(sys.argv[1]))"
ANSWERS = pytest.StashKey[list[times.Answer]]()


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Where JupyterLab works: copies of the notebooks, without their outputs."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(notebooks.FOLDER / "figures", folder / "notebooks" / "figures")
    for path in notebooks.FOLDER.glob("*.ipynb"):
        copy = nbformat.read(path, as_version=4)
        for cell in copy.cells:
            if cell.cell_type == "code":
                cell.update(outputs=[], execution_count=None)
        nbformat.write(copy, folder / "notebooks" / path.name)
    return folder


@pytest.fixture(scope="session", autouse=True)
def building(request, tmp_path_factory):
    """The site, built beside the tests that do without it: (process, folder); None where no test asks for it."""
    if not any("built" in item.fixturenames for item in request.session.items):
        yield None
        return
    folder = tmp_path_factory.mktemp("site") / "html"
    with subprocess.Popen([sys.executable, "-c", BUILD, folder]) as process:  # what it warns of is its makers' affair
        yield process, folder
        process.kill()


@pytest.fixture(scope="session")
def built(building):
    """The folder of the site."""
    process, folder = building
    assert process.wait() == 0, "the site could not be built"
    return folder


@pytest.fixture(scope="session")
def browser():
    path = lab.chromium() or pytest.exit(lab.HOW, 1)
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # the sandbox refuses root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=root)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def opened(folder, browser):
    """``opened(name)``: that notebook of the folder in JupyterLab, ready to run."""
    with lab.lab(folder) as (address, token):
        context = browser.new_context(viewport={"width": 1500, "height": 1100})
        context.add_init_script(path=times.EVENTS)
        yield lambda name: live.opened(context, address, token, name)
        context.close()


@pytest.fixture(scope="session")
def training(request, opened):
    """The notebooks whose explorers need a kernel, by name: they run whole while other tests look at other pages."""
    params = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    running = {each["trained"]: opened(each["trained"]) for each in params if "trained" in each}
    for notebook in running.values():
        live.run_all(notebook)
    return running


@pytest.fixture(scope="session")
def executed(folder, opened, training):
    """``executed(name, sources)``: a notebook with cells of these sources, run in JupyterLab."""

    def executed(name, sources):
        kernel = {"name": "python3", "display_name": "Python 3"}
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(made, folder / "notebooks" / f"{name}.ipynb")
        notebook = opened(name)
        live.run_all(notebook)
        assert notebook.wait(lambda: live.executed(notebook), 180)
        return notebook

    return executed


@pytest.fixture(scope="session")
def contexts(browser):
    """``contexts(options)``: a context with the network off, one for the same options: it takes half a second."""
    made = {}

    def context(options):
        name = repr(sorted(options.items()))
        if name not in made:
            made[name] = browser.new_context(offline=True, **options)
            made[name].add_init_script(path=times.EVENTS)
        return made[name]

    yield context
    for each in made.values():
        each.close()


@contextmanager
def _offline(contexts):
    pages = []

    def open_(file, **options):
        page = contexts(options).new_page()
        pages.append(page)
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("request", lambda sent: sent.url.startswith(("file:", "data:")) or page.faults.append(sent.url))
        page.goto(file.as_uri())
        return page

    yield open_
    for page in pages:
        page.close()


@pytest.fixture
def offline(contexts):
    """``offline(file, **options)``: a page from a file, all requests refused, with what went wrong on it."""
    with _offline(contexts) as open_:
        yield open_


@pytest.fixture(scope="module")
def kept(contexts):
    """As ``offline``, for pages that several tests look at."""
    with _offline(contexts) as open_:
        yield open_


@pytest.fixture(scope="session")
def answers(pytestconfig) -> list[times.Answer]:
    """How long every explorer took to answer every move; told and written at the end."""
    return pytestconfig.stash.setdefault(ANSWERS, [])


def pytest_terminal_summary(terminalreporter, config):
    if answers := config.stash.get(ANSWERS, None):
        times.write(answers)
        terminalreporter.write_sep("-", "build/browser: screenshots and latency.csv")
        for line in times.table(answers):
            terminalreporter.write_line(line)
        for name in times.missed(answers):
            terminalreporter.write_line(f"slower than aimed at: {name}")
