"""A course: what is handed out has no solution, what is kept has hidden tests, what comes back is added up."""

import csv
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import handed_in
import nbformat
import pytest

from kdviz import checks
from kdviz.marking import assignment, judging, reports, variants
from kdviz.publish import __main__ as commands
from kdviz.publish import assignments, course

STUDENTS = ["Ada", "Émile Borel", "group-7"]
NAMES = sorted(path.stem for path in assignments.SOLUTIONS.glob("*.ipynb"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return course.make(tmp_path_factory.mktemp("course") / "autumn", "a word", STUDENTS)


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_is_handed_out_has_no_solution(made):
    handed = sorted((made / "handout").rglob("*.ipynb"))
    in_assignments = [path for path in handed if "assignments" in path.parts]
    assert len(in_assignments) == len(STUDENTS) * len(NAMES)
    for path in in_assignments:
        text = path.read_text(encoding="utf-8")
        assert "SOLUTION" not in text and "HIDDEN" not in text and "**Points**" not in text and '"variant"' not in text
    assert not [path for path in (made / "handout").rglob("*") if path.name in ("solutions", "course.json")]
    assert (made / "handout" / "kdviz" / "checks" / "loss.py").exists()


def test_each_student_s_values_are_their_own_and_stay(made, tmp_path):
    alone = course.make(tmp_path / "again", "a word", STUDENTS[1:2])
    for name in NAMES:
        place = Path("handout", "assignments", reports.tidy(STUDENTS[1]), f"{name}.ipynb")
        assert (alone / place).read_text(encoding="utf-8") == (made / place).read_text(encoding="utf-8")
    many = [variants.chosen("a word", f"s{i}", "1_the_loss", {"T": [2, 3, 4]})["T"] for i in range(60)]
    assert {*many} == {2, 3, 4} and max(map(many.count, many)) < 35


def test_expected_numbers_follow(made):
    told = {(row["student"], row["what"]): row["value"] for row in rows(made / "private" / "expected.csv")}
    for student in STUDENTS:
        number = float(told[student, "own_number()"])
        checks.own_number(lambda n=number: n, int(told[student, "OWN_TEMPERATURE"]), int(told[student, "OWN_ODDS"]))
        assert told[student, "own_digit()"] == told[student, "ASKED"]
        text = (made / "handout" / "assignments" / reports.tidy(student) / "1_the_loss.ipynb").read_text(
            encoding="utf-8"
        )
        assert f"OWN_ODDS = {told[student, 'OWN_ODDS']}" in text


def test_a_private_check_asks_about_other_inputs(made):
    for name in NAMES:
        source = nbformat.read(made / "private" / "source" / name / f"{name}.ipynb", as_version=4)
        code = [cell for cell in source.cells if cell.cell_type == "code"]
        tests = [cell.source for cell in code if cell.metadata.get("nbgrader", {}).get("grade")]
        assert tests and all(f"TESTS\nwith checks.hidden({course.hidden_of('a word')!r}):" in test for test in tests)
        assert assignments.student_version(source).cells == assignments.student_version(
            nbformat.read(assignments.SOLUTIONS / f"{name}.ipynb", as_version=4)).cells  # fmt: skip
    outside = checks.loss.pairs()
    with checks.hidden("x"):
        inside = checks.loss.pairs()
    assert not (outside[0][0] == inside[0][0]).any() and (checks.loss.pairs()[0][0] == outside[0][0]).all()


def test_a_course_of_another_seed_is_not_written_over(made):
    with pytest.raises(ValueError, match="another seed"):
        course.make(made, "another", STUDENTS)
    with pytest.raises(ValueError, match="SEED="):
        course.make(made, "")
    with pytest.raises(ValueError, match="DEST="):
        course.make(Path(""), "word")
    with pytest.raises(ValueError, match="must differ"):
        course.make(made, "a word", ["a b", "a_b"])


def test_every_text_has_a_rubric_and_partial_answers():
    for name in NAMES:
        known = assignment.read(assignments.SOLUTIONS / f"{name}.ipynb")
        texts = [task for task in known.tasks if task.by_hand]
        assert texts and known.points == sum(task.points for task in known.tasks) >= 20
        for task in texts:
            assert sum(points for points, _ in task.rubric) == task.points and len(task.model) > 100
            assert "no rubric yet" not in task.rubric[0][1] and len(task.partial) >= 3
            assert all(points < task.points for points, _ in task.partial)


def test_a_rubric_that_does_not_add_up_is_refused():
    path = assignments.SOLUTIONS / "1_the_loss.ipynb"
    notebook = nbformat.read(path, as_version=4)
    (cell,) = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "the_factor"]
    cell.source = re.sub(r"\| 1 \| 3: .*\n", "", cell.source)
    with pytest.raises(ValueError, match="gives 3 points, and the cell 4"):
        assignment.read(path, notebook)
    cell.source = cell.source.split(assignment.RUBRIC)[0]
    (task,) = [task for task in assignment.read(path, notebook).tasks if task.name == "the_factor"]
    assert task.rubric == ((4, "as you judge it: this text has no rubric yet"),)


@pytest.mark.parametrize("source", ["T = 3  # yours", "T = 3", "x = 1\nT = [1, 2]\ny = T"])
def test_values_are_put_in_where_they_stand(source):
    written = variants.with_values(source, {"T": 7})
    assert re.search(r"^T = 7(  # yours)?$", written, re.MULTILINE) and written.count("7") == 1


def test_a_cell_that_varies_what_it_does_not_set_is_refused():
    cell = nbformat.v4.new_code_cell("S = 3", metadata={"kdviz": {"variant": {"T": [1, 2]}}})
    with pytest.raises(ValueError, match="has a line `T = …`"):
        variants.options(nbformat.v4.new_notebook(cells=[cell]))


@pytest.fixture
def marks(tmp_path):
    """A marking of two, one of them nasty, without a process."""
    known = [assignment.read(assignments.SOLUTIONS / "1_the_loss.ipynb")]
    some = []
    for student, text in (("=cmd()", "<script>alert(1)</script>"), ("Ada", "YOUR ANSWER HERE")):
        one = judging.Marked(student, "1_the_loss")
        for task in known[0].tasks:
            one.points[task.name] = None if task.by_hand else float(task.points)
            one.said[task.name] = "✓"
            if task.by_hand:
                one.texts[task.name] = text
        some.append(one)
    reports.write(tmp_path / "marks", some, known)
    return tmp_path / "marks", some, known


def test_texts_wait_until_somebody_fills_them_in(marks):
    folder, some, known = marks
    before = {row["student_id"]: row for row in rows(folder / "grades.csv")}
    assert before["'=cmd()"]["score"] == "13" and before["Ada"]["score"] == "13" and before["Ada"]["max_score"] == "24"
    assert reports.hand_back(folder, known) == ["=cmd(), 1_the_loss"]  # Ada wrote nothing: 0 points, none waits
    table = rows(folder / "by_hand.csv")
    for row in table:
        row["points"] = row["of"] if row["student"] == "'=cmd()" else "0"
        row["note"] = "well said"
    with open(folder / "by_hand.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        writer.writerows(table)
    assert reports.hand_back(folder, known) == []
    assert {row["student_id"]: row["score"] for row in rows(folder / "grades.csv")} == {"'=cmd()": "24", "Ada": "13"}
    page = (folder / "feedback" / f"{reports.tidy('=cmd()')}.html").read_text(encoding="utf-8")
    assert "24 of 24 points" in page and "well said" in page
    reports.write(folder, some, known)  # marked again: what was filled in stays
    assert rows(folder / "by_hand.csv")[0]["note"] == "well said"


def test_what_a_student_wrote_is_text_on_every_page(marks):
    folder, _, _ = marks
    for path in folder.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert "<script" not in page and "default-src 'none'" in page
    assert "&lt;script&gt;" in (folder / "to_read_1_the_loss.html").read_text(encoding="utf-8")
    assert not [path for path in folder.rglob("*.csv") if re.search(r"(^|,)=", path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("written", "said"), [("9", "9 points of 1"), ("many", "could not convert"), ("-1", "of 1")])
def test_points_that_cannot_be_are_refused_with_their_line(marks, written, said):
    folder, _, known = marks
    text = (folder / "by_hand.csv").read_text(encoding="utf-8").splitlines()
    cells = next(csv.reader([text[1]]))
    cells[-2] = written
    with open(folder / "by_hand.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([next(csv.reader([text[0]])), cells])
    with pytest.raises(ValueError, match=f"by_hand.csv, line 2.*{said}"):
        reports.hand_back(folder, known)


def test_the_commands_say_what_is_missing(tmp_path):
    for arguments, said in (
        (["mark", str(tmp_path / "none")], "no folder"),
        (["mark", str(tmp_path)], "nothing was handed in"),
        (["mark", str(tmp_path), "--course", str(tmp_path)], "no course.json"),
        (["handback", str(tmp_path)], "marks.json"),
        (["course", "", "word"], "DEST="),
    ):
        with pytest.raises(SystemExit, match=said):
            commands.main(arguments)


def test_one_is_marked_with_its_own_values_from_hand_out_to_hand_back(made, tmp_path, capsys):
    told = {row["what"]: row["value"] for row in rows(made / "private" / "expected.csv") if row["student"] == "Ada"}
    for student, number in (("Ada", told["own_number()"]), ("group-7", told["own_number()"])):
        sent = handed_in.Sent({"own_number": f"return {number}"})
        handed_in.notebook(sent, tmp_path / "in" / student / "1_the_loss" / "1_the_loss.ipynb")
    commands.main(["mark", str(tmp_path / "in"), "--course", str(made), "--out", str(tmp_path / "marks")])
    said = capsys.readouterr().out
    assert "Nothing from: Émile Borel" in said and re.search(r"1_the_loss: 2 handed in, \d+ s each, about 1 min", said)
    points = {(row["student"], row["task"]): row["points"] for row in rows(tmp_path / "marks" / "marks.csv")}
    assert points["Ada", "check_own_number"] == "1" and points["group-7", "check_own_number"] == "0"
    assert json.loads((tmp_path / "marks" / "marks.json").read_text())[0]["student"] == "Ada"


def test_nbgrader_s_autograder_takes_the_private_source(made, tmp_path):
    if not importlib.util.find_spec("nbgrader"):
        pytest.skip("nbgrader is not installed: pip install -e '.[nbgrader]'")
    name, found = (
        "1_the_loss",
        os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])},
    )

    def nbgrader(*arguments):
        command = [sys.executable, "-m", "nbgrader", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=found)
        assert done.returncode == 0, done.stderr

    source = tmp_path / "source" / name / f"{name}.ipynb"
    source.parent.mkdir(parents=True)
    source.write_bytes((made / "private" / "source" / name / source.name).read_bytes())
    nbgrader("generate_assignment", name)
    release = tmp_path / "release" / name / source.name
    assert "HIDDEN" not in release.read_text(encoding="utf-8")
    written = nbformat.read(release, as_version=4)
    for cell in written.cells:
        task = cell.metadata.get("nbgrader", {}).get("grade_id")
        if task in handed_in.HEADS and task != "gradient_limit":
            body = handed_in.indent(handed_in.dedent(handed_in.RIGHT[task]).strip("\n"), "    ")
            cell.source = f"{handed_in.HEADS[task]}\n{body}"
    place = tmp_path / "submitted" / "Ada" / name / source.name
    place.parent.mkdir(parents=True)
    nbformat.write(written, place)
    nbgrader("autograde", name)
    nbgrader("export")
    (row,) = rows(tmp_path / "grades.csv")
    assert tuple(row) == reports.NBGRADER and row["student_id"] == "Ada" and float(row["score"]) == 10
