"""The assignments: student versions are current, leak nothing, run; nbgrader's exporter makes the same of them."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from kdviz.publish import assignments, notebooks

PATHS = sorted(assignments.SOLUTIONS.glob("*.ipynb"))
REGION = re.compile(rf"{assignments.BEGIN}\n(.*?)\n *{assignments.END}", re.DOTALL)


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def solution(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def student(path):
    return nbformat.read(assignments.FOLDER / path.name, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def graded(cell, name):
    return cell.metadata.get("nbgrader", {}).get(name, False)


def test_there_are_eight_and_no_student_version_without_a_solution():
    names = ["1_the_loss.ipynb", "2_omit_your_own_digit.ipynb", "3_is_it_faithful.ipynb", "4_bug_hunt.ipynb",
             "5_predict_then_run.ipynb", "6_which_teacher.ipynb", "7_write_a_loss.ipynb",
             "8_paper_against_code.ipynb"]  # fmt: skip
    assert [path.name for path in PATHS] == names
    assert sorted(path.name for path in assignments.FOLDER.glob("*.ipynb")) == names


def test_the_walkthroughs_own_globs_do_not_sweep_them_up():
    assert not {*notebooks.FOLDER.glob("*.ipynb")} & {*assignments.FOLDER.rglob("*.ipynb")}


def test_the_student_version_is_current(solution, student):
    assert student == assignments.student_version(solution)


def test_the_student_version_leaks_nothing(path, solution):
    text = (assignments.FOLDER / path.name).read_text(encoding="utf-8")
    student = nbformat.reads(text, as_version=4)
    said = "\n".join(cell.source for cell in student.cells)
    assert "SOLUTION" not in text
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(student))
    for cell in solution.cells:
        for region in REGION.findall(cell.source):
            lines = [line.strip() for line in region.splitlines() if len(line.strip()) > 25]
            assert lines or len(region.split()) < 4
            assert not [line for line in lines if line in said]


def test_no_given_cell_calls_a_reference_that_a_check_compares_with(student):
    given = "\n".join(cell.source for cell in code_cells(student) if not graded(cell, "grade"))
    for answer in ("soft_target", "agreement", "calibration_error", "label_free_bias", "gradient"):
        assert f"measures.{answer}" not in given and f"objectives.{answer}" not in given


def test_the_solution_was_run_once_and_every_check_says_yes(solution):
    cells = code_cells(solution)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    checks = [cell for cell in cells if graded(cell, "grade")]
    assert checks and all(cell.outputs[0].text.startswith("✓ ") for cell in checks)
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


def test_metadata_are_nbgraders(solution):
    said = [cell.metadata["nbgrader"] for cell in solution.cells if "nbgrader" in cell.metadata]
    fields = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
    assert all({*entry} - {"points"} == fields and entry["schema_version"] == 3 for entry in said)
    assert len({entry["grade_id"] for entry in said}) == len(said)
    for cell in solution.cells:
        if graded(cell, "grade"):
            assert cell.metadata["nbgrader"]["points"] > 0
            assert graded(cell, "locked") == (cell.cell_type == "code") != graded(cell, "solution")


def test_points_are_those_of_the_table(solution):
    (table,) = re.findall(r"\| ---: \|\n((?:\|.*\n?)+)", solution.cells[0].source)
    told = [int(row.strip("| ").split("|")[-1]) for row in table.strip().splitlines()]
    assert sum(told) == assignments.points_of(solution)


def test_goals_are_shown_and_are_what_the_solution_draws(solution, student):
    drawn = {cell.metadata["goal"]: cell for cell in code_cells(solution) if "goal" in cell.metadata}
    shown = {name: cell for cell in student.cells for name in assignments.goals_of(cell)}
    assert drawn and {f"{name}.png" for name in drawn} == {*shown}
    for name, cell in drawn.items():
        (png,) = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
        assert shown[f"{name}.png"].attachments[f"{name}.png"]["image/png"] == png
        assert len(cell.metadata["alt"]) > 40 and len(shown[f"{name}.png"].source) > 80


def test_cells_are_short_and_name_no_machine(path, solution):
    for cell in code_cells(solution):
        ast.parse(cell.source)
        assert not cell.source.rstrip().endswith(";")
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len([line for line in lines if "SOLUTION" not in line]) <= 12
    for file in (path, assignments.FOLDER / path.name):
        text = file.read_text(encoding="utf-8")
        assert file.stat().st_size < 500_000
        assert not any(place in text for place in ("/home/", "/root/", "/work/", "/tmp/"))


@pytest.fixture
def environment():
    with notebooks.lane("digits") as environment:
        yield environment | {"KDVIZ_STATIC": "1"}


def test_untouched_cells_raise_not_implemented_and_nothing_else(path, student, environment):
    client = NotebookClient(student, timeout=300, kernel_name="python3", allow_errors=True,
                            resources={"metadata": {"path": assignments.FOLDER}},
                            extra_arguments=["--log-level=ERROR"])  # fmt: skip
    client.execute(env=environment)
    for cell in code_cells(student):
        raised = [output.ename for output in cell.outputs if output.output_type == "error"]
        assert set(raised) <= {"NotImplementedError"}, cell.source
        assert bool(raised) or not graded(cell, "grade"), cell.source


def test_the_solution_runs(path, environment):
    again = notebooks.execute(path, environment)
    checks = [cell for cell in code_cells(again) if graded(cell, "grade")]
    assert all(cell.outputs[0].text.startswith("✓ ") for cell in checks)
    assert again.metadata.kdviz.datasets == ["digits"]


def test_regions_are_cut_where_they_stand():
    source = f"def f(x):\n    {assignments.BEGIN}\n    return x\n    {assignments.END}\n\nf(1)"
    cut = assignments.without_solutions(source, assignments.STUBS["code"])
    assert cut == "def f(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n\nf(1)"


@pytest.mark.parametrize("source", ["{b}\nx", "x\n{e}", "{b}\n{b}\n{e}", "{e}\n{b}"])
def test_regions_that_do_not_pair_are_refused(source):
    with pytest.raises(ValueError, match="SOLUTION"):
        assignments.without_solutions(source.format(b=assignments.BEGIN, e=assignments.END), [])


def test_a_region_in_a_cell_that_is_no_solution_cell_is_refused(solution):
    del next(cell for cell in solution.cells if graded(cell, "solution")).metadata["nbgrader"]
    with pytest.raises(ValueError, match="no other cell"):
        assignments.student_version(solution)


def test_nbgraders_own_exporter_makes_the_same(path, student, tmp_path):
    if not importlib.util.find_spec("nbgrader"):
        pytest.skip("nbgrader is not installed: pip install -e '.[nbgrader]'")
    source = tmp_path / "source" / path.stem / path.name
    source.parent.mkdir(parents=True)
    source.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", path.stem, f"--course-dir={tmp_path}"]
    path_with_alembic = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader calls it
    found = os.environ | {"PATH": path_with_alembic}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=found)
    assert done.returncode == 0, done.stderr
    release = nbformat.read(tmp_path / "release" / path.stem / path.name, as_version=4)
    for cell in release.cells:
        for added in ("checksum", "cell_type"):
            cell.metadata.get("nbgrader", {}).pop(added, None)
    assert release.cells == student.cells
