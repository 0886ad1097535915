"""The package installed without its repository: what it can do, and what it says where something is missing."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from kdviz.data.sources import ROOT

SCRIPT = """
import json, os
import kdviz as kd
from kdviz.runs.store import default_store

def said(function, *arguments):
    try:
        return str(function(*arguments))
    except (FileNotFoundError, LookupError) as error:
        return f"{type(error).__name__}: {error}"

recipe = kd.Recipe(kd.load("digits"), kd.mlp(8), kd.HardLabels(), epochs=1)
run = kd.train(recipe)
other = recipe.replace(seed=1)
os.environ["KDVIZ_TRAIN"] = "0"
print(json.dumps({
    "agreement": kd.measures.agreement(run.logits(), kd.train(recipe).logits()),
    "store": str(default_store().folder),
    "papers": said(kd.papers.entries),
    "mnist": said(kd.load, "mnist"),
    "shipped": said(kd.train, other),
}))
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A folder to work in, and an environment in which the package is found and its repository is not."""
    packages, here = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("here")
    shutil.copytree(ROOT / "kdviz", packages / "kdviz", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KDVIZ_")}
    return here, environment | {"PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"}


def run(alone, *command):
    here, environment = alone
    return subprocess.run([sys.executable, *command], cwd=here, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def told(alone):
    done = run(alone, "-c", SCRIPT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_it_trains_and_measures_and_keeps_its_runs_in_the_current_folder(alone, told):
    here, environment = alone
    assert told["agreement"] == 1
    assert os.path.samefile(told["store"], here / "data" / "store")
    assert len([*(here / "data" / "store").glob("*.safetensors")]) == 1
    assert os.listdir(environment["PYTHONPATH"]) == ["kdviz"]


def test_what_is_missing_is_named_with_what_to_do(told):
    clone = "lies in kdviz's repository, not in the installed package: clone it, and there `pip install -e .`"
    assert told["papers"] == f"FileNotFoundError: data/papers.yaml {clone}"
    assert told["shipped"].startswith("LookupError: KDVIZ_TRAIN=0 and no run of 8 on digits")
    assert "recipe.seed is 1" in told["shipped"] and told["shipped"].endswith(f". data/runs {clone}")
    assert told["mnist"].startswith("FileNotFoundError: mnist is not on disk: `make data` or kd.load('mnist', download")


COMMANDS = ["demo", "new 06_name", "slides", "assignments", "ship", "course autumn word", "mark handed-in"]
ALL = """
import sys
from kdviz.publish.__main__ import main

for command in sys.argv[1:]:
    try:
        print(command, main(command.split()))
    except FileNotFoundError as error:
        print(f"{command}: {error}")
"""


def test_the_commands_on_notebooks_need_the_repository(alone):
    lines = run(alone, "-c", ALL, *COMMANDS).stdout.splitlines()
    for command, line in zip(COMMANDS, lines, strict=True):
        assert line.startswith(f"{command}: notebooks") and "clone it" in line


def test_a_command_that_misses_the_repository_ends_with_what_to_do(alone):
    done = run(alone, "-m", "kdviz.publish", "demo")
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and last.startswith("FileNotFoundError: notebooks") and "clone it" in last
