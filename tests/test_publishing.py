"""What others build kdviz from, and how they name it: Binder's folder, the citation, the tables of notebooks."""

import os
import re
import subprocess
import sys
import tomllib

import nbformat
import pytest
import yaml
from packaging.specifiers import SpecifierSet

from kdviz.data.sources import ROOT
from kdviz.publish import notebooks

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Stands where python does, and writes down what it is asked to do and which versions it is held to.
PYTHON = """#!{python}
import os, sys
pinned = open(sys.argv[sys.argv.index("--constraint") + 1]).read()
open(os.environ["ASKED"], "w").write(" ".join(sys.argv[1:]) + "\\n" + pinned)
"""


def test_binder_takes_a_python_that_kdviz_runs_on_and_torch_for_cpus():
    environment = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text(encoding="utf-8"))
    python, *others = environment["dependencies"]
    assert python.removeprefix("python=") in SpecifierSet(PROJECT["requires-python"])
    assert others == ["pip", "pytorch-cpu", "torchvision"] and environment["channels"] == ["conda-forge"]


@pytest.mark.skipif(os.name == "nt", reason="Binder's script is for its own machine")
def test_binder_installs_the_checkout_and_leaves_torch_alone(tmp_path):
    script, python, asked = ROOT / "binder" / "postBuild", tmp_path / "python", tmp_path / "asked"
    assert os.access(script, os.X_OK) and script.read_text(encoding="utf-8").startswith("#!/bin/bash\n")
    python.write_text(PYTHON.format(python=sys.executable), encoding="utf-8")
    python.chmod(0o755)
    found = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "ASKED": str(asked)}
    subprocess.run([script], cwd=ROOT, env=found, check=True)
    command, *pinned = asked.read_text(encoding="utf-8").splitlines()
    assert command.startswith("-m pip install") and command.endswith("--editable .")
    assert "torchmetrics==" in "\n".join(pinned)
    assert not [line for line in pinned if line.startswith(("torch==", "torchvision=="))]


def test_the_citation_is_of_this_version_and_the_readme_says_the_same():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software" and citation["message"]
    assert citation["version"] == PROJECT["version"] and citation["license"] == PROJECT["license"]
    assert citation["authors"] == [{"name": "The kdviz contributors"}]
    said = dict(re.findall(r"^  (\w+) += \{+(.+?)\}+,$", README, re.MULTILINE))
    assert (said["title"], said["version"]) == (citation["title"], citation["version"])
    assert said["author"] == citation["authors"][0]["name"]


def title_of(name):
    return nbformat.read(notebooks.FOLDER / name, as_version=4).cells[0].source


def text_of(name):
    cells = nbformat.read(notebooks.FOLDER / name, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def rows(text, folder=""):
    """Of a table of notebooks: file, question, minutes."""
    row = rf"^\| \[.+?\]\({folder}(\w+\.ipynb)\) \| (.+?) \|(?:.*\|)? (\d+) \|$"
    return re.findall(row, text, re.MULTILINE)


def test_both_tables_list_the_notebooks_and_say_the_same():
    listed = rows(README, "notebooks/")
    names = [path.name for path in sorted(notebooks.FOLDER.glob("*.ipynb"))]
    assert [name for name, _, _ in listed] == names and rows(text_of(names[0])) == listed[1:]
    for name, _, minutes in listed:
        assert re.search(r"\*\*Minutes\.\*\* (\d+)", title_of(name))[1] == minutes
