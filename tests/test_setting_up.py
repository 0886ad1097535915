"""`make` sets itself up: which torch it keeps, and what it says."""

import os
import shutil
import subprocess

import pytest

from kdviz.data.sources import ROOT

# A Python that has what $HAS names, of which a new environment has what $NEW names, or all where it may look outside;
# pip brings a torchvision. It notes what it is asked.
PYTHON = """#!/bin/sh
has="$HAS"; test -e "$(dirname "$0")/has" && has=$(cat "$(dirname "$0")/has")
case "$*" in
  "-c import torch, torchvision") case "$has" in *torch*vision*) exit 0;; *) exit 1;; esac;;
  "-c import torch; print"*) case "$has" in *torch*) echo torch==2.13.0+cpu;; *) exit 1;; esac;;
  "-c import torch") case "$has" in *torch*) exit 0;; *) exit 1;; esac;;
  "-c import torchvision") case "$has $FITS" in *vision*|*fits*) exit 0;; *) exit 1;; esac;;
  "-m venv"*) for last in "$@"; do :; done
    mkdir -p "$last/bin"; cp "$0" "$last/bin/python"
    case "$*" in *--system-site-packages*) echo "$HAS";; *) echo "";; esac > "$last/bin/has";;
esac
echo "$*" >> "$ASKED"
"""


@pytest.fixture
def make(tmp_path):
    """Set up with a Python that has some packages: what was asked of it, what was said, and the pins of torch."""
    if not shutil.which("make"):
        pytest.skip("there is no make")
    python, asked, venv = tmp_path / "python", tmp_path / "asked", tmp_path / "venv"
    python.write_text(PYTHON)
    python.chmod(0o755)

    def run(has, fits=True, own=None):
        if own is not None:
            (venv / "bin").mkdir(parents=True)
            shutil.copy(python, venv / "bin" / "python")
            (venv / "bin" / "has").write_text(own)
        known = {"HAS": has, "FITS": "fits" if fits else "", "ASKED": str(asked)}
        command = ["make", f"PYTHON={python}", f"VENV={venv}", f"{venv}/.kdviz-ready"]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | known, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        pins = [line for line in (venv / "constraints.txt").read_text().splitlines() if line.startswith("torch")]
        return asked.read_text(), done.stderr, [pin for pin in pins if not pin.startswith("torchmetrics")]

    run.ready = venv / ".kdviz-ready"
    return run


PINNED = [
    line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith(("torch==", "torchv"))
]


def test_without_a_torch_the_pinned_pair_is_installed(make):
    asked, said, pins = make("")
    assert "--system-site-packages" not in asked and pins == PINNED and len(pins) == 2 and said == ""
    assert make.ready.exists()


def test_a_torch_with_its_torchvision_is_kept(make):
    asked, said, pins = make("torch torchvision")
    assert "--system-site-packages" in asked and pins == ["torch==2.13.0+cpu"] and said == ""
    assert make.ready.exists()


def test_a_torch_without_torchvision_is_left_aside_and_that_is_said(make):
    asked, said, pins = make("torch")
    assert "--system-site-packages" not in asked and pins == PINNED and make.ready.exists()
    assert said.startswith("The torch of ") and "install torchvision from where that torch came, delete" in said
    assert said.count("\n") == 1


def test_an_environments_own_torch_stays_and_gets_a_torchvision(make):
    _, said, pins = make("", own="torch")
    assert pins == ["torch==2.13.0+cpu"] and said == "" and make.ready.exists()


def test_where_the_torchvision_does_not_fit_it_is_said_each_time(make):
    _, said, pins = make("", fits=False, own="torch")
    assert pins == ["torch==2.13.0+cpu"] and not make.ready.exists() and said.count("\n") == 1
    assert said.startswith("No torchvision imports in ") and said.endswith("its torch, from where that came.\n")


@pytest.mark.parametrize("name", ["NB", "NAME", "SEEDS", "DEVICE"])
def test_what_is_typed_for_a_variable_is_no_command(name):
    """It reaches the command by the environment, quoted, and never the shell's own text."""
    goals = {"NB": "slides", "NAME": "new-notebook", "SEEDS": "runs", "DEVICE": "runs"}
    asked = ["make", "-n", goals[name], f"{name}=x; touch pwned"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pwned" not in done.stdout and f'"${name}"' in done.stdout
