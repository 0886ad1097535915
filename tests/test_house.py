"""The house: imports flow one way, dependencies are listed once."""

import ast
import re
import statistics
import tomllib

import pytest
import yaml

from kdviz.data.sources import ROOT

MAKING = ["data", "networks", "objectives", "compression", "recipes", "runs", "training", "bench"]
SEEING = ["measures", "figures", "explorers"]
# What each room may import of ours: what stands to its left in its wing, and `measures` for everyone.
MAY = {name: {*MAKING[:i], "measures"} for i, name in enumerate(MAKING)}
MAY |= {name: set(SEEING[:i]) for i, name in enumerate(SEEING)}
MAY |= {"papers": {"data", "measures"}, "claims": {"measures"}}  # what was reported, what must hold
MAY |= {"checks": {"data", "objectives", "measures"}, "marking": {"recipes", "checks"}}
MAY |= {"publish": {*MAKING, *SEEING, "marking"}}  # nobody imports it
MAY = {name: {*may, "arguments"} for name, may in MAY.items()} | {"arguments": set()}  # what all ask first
# Inside a room of the making wing the same holds: each file may import those to its left.
WITHIN = {
    "data": [
        "files", "intents", "lookup", "names", "wordpieces", "banking77", "mnist1d", "vision", "sources", "splits",
        "augment", "mixup", "seals", "datasets", "own", "folders",
    ],
    "networks": ["network", "mlp", "cnn", "plain", "resnet", "transformer", "strided", "members", "module", "unet"],
    "recipes": ["syntax", "code", "schedules", "descriptions", "recipe", "grids", "restoring"],
    "runs": ["scores", "answers", "deep", "drawn", "unseen", "run", "files", "store", "insides"],
    "training": [
        "schedule", "teachers", "fused", "fused_strided", "fused_encoders", "fused_members", "alone", "engines",
        "beginning", "history", "memory", "steps", "updates", "loop", "arrays", "adversarial", "checkpoints",
        "grouping", "starting", "cost", "work", "trainer",
    ],
}  # fmt: skip


def files_of(name):
    """A module is one file, or a folder of them."""
    folder = ROOT / "kdviz" / name
    return sorted(folder.glob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def imports_of(name):
    """What the files of a module import of other modules of ours."""
    nodes = [node for path in files_of(name) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "kdviz":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"kdviz.{name}"):
            continue
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kdviz."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield "a relative import, which this test does not follow"
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "kdviz")


@pytest.mark.parametrize("name", sorted(MAY))
def test_no_import_runs_against_the_stream(name):
    assert set(imports_of(name)) <= MAY[name]


@pytest.mark.parametrize("room", sorted(WITHIN))
def test_no_file_of_a_room_imports_one_to_its_right(room):
    order = WITHIN[room]
    assert {path.stem for path in files_of(room)} - {"__init__"} == set(order)
    for i, name in enumerate(order):
        text = (ROOT / "kdviz" / room / f"{name}.py").read_text(encoding="utf-8")
        named = re.findall(rf"^\s*(?:from|import) kdviz\.{room}(?:\.| import )(\w+)", text, re.MULTILINE)
        assert set(named) <= set(order[:i]), (name, named)


def test_every_module_has_its_place():
    package = ROOT / "kdviz"
    found = {path.stem for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}
    assert found - {"__init__"} == set(MAY)


def test_files_are_short():
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "kdviz").rglob("*.py")]
    assert max(lengths) <= 250 and statistics.median(lengths) < 130


def test_environment_installs_the_package_and_lists_nothing_itself():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    *conda, last = environment["dependencies"]
    assert conda == ["python" + project["requires-python"], "pip"]
    assert last == {"pip": ["--constraint constraints.txt", "--editable .[test,pages]"]}


def test_every_dependency_is_pinned_within_its_range():
    from packaging.requirements import Requirement
    from packaging.version import Version

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.lower().split("==") for line in lines if not line.startswith("#"))
    listed = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    listed += [*project["optional-dependencies"]["pages"], *project["optional-dependencies"]["browser"]]
    for requirement in map(Requirement, listed):
        assert Version(pins[requirement.name]) in requirement.specifier


def test_every_dependency_is_imported():
    """Or is a program that is run: ``python -m jupyterlab``, the kernel that a notebook names."""
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    called = {"ipython": "IPython", "pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}
    names = {Requirement(line).name for line in project["dependencies"]} - {"ipykernel", "jupyterlab"}
    nodes = [node for path in (ROOT / "kdviz").rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    imported = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {(node.module or "").split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
    assert not {name for name in names if called.get(name, name) not in imported}


def test_no_machine_path_in_the_package():
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "kdviz").rglob("*.py"))
    assert not re.search(r"(?<![\w.])/(home|root|work|tmp|Users)/", text)
