"""The marking: submissions get the points they should, and what a hostile one does stays where it runs."""

import csv
import socket
import struct
import time
from pathlib import Path

import handed_in
import nbformat
import numpy as np
import pytest
import torch

import kdviz as kd
from kdviz import checks
from kdviz.marking import assignment, batch, judging, walls, wire
from kdviz.marking.remote import Limits, Submission
from kdviz.publish import assignments, course

INSIDE = bool(walls.bubblewrap())
FEW = ["cells with trials", "autograd", "endless", "exit", "reads the parent's folder",
       "writes where answers are read", "the package's", "starts processes"]  # fmt: skip


def known(name):
    return assignment.read(assignments.SOLUTIONS / f"{name}.ipynb")


def marked(folder, names):
    for name in names:
        handed_in.notebook(handed_in.ALL[name], folder / name / f"{handed_in.NAME}.ipynb")
    handed, strange = batch.handed_in(folder, [known(handed_in.NAME)])
    assert not strange and len(handed) == len(names)
    told = []
    done = batch.mark_all(handed, "hidden word", lambda each: {}, INSIDE, told.append, 2)
    assert len(told) == len(names)
    return {one.student: one for one in done}


def hold(one, sent):
    assert {task: one.points[task] for task in sent.points} == sent.points, one.said
    for task, heard in sent.fails.items():
        assert heard in one.said[task], one.said


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return marked(tmp_path_factory.mktemp("few"), FEW)


@pytest.mark.parametrize("name", FEW)
def test_a_submission_gets_what_it_should_and_hears_why(few, name):
    hold(few[name], handed_in.ALL[name])
    assert not few[name].look


@pytest.mark.slow
def test_forty_submissions_in_under_five_minutes(tmp_path, capsys):
    for name, sent in handed_in.ALL.items():
        handed_in.notebook(sent, tmp_path / "in" / name / f"{handed_in.NAME}.ipynb")
    begun = time.monotonic()
    course.mark(tmp_path / "in", None, tmp_path / "marks", 2)
    took = time.monotonic() - begun
    with open(tmp_path / "marks" / "marks.csv", newline="", encoding="utf-8") as file:
        table = {(student, task): points for student, _, task, points, *_ in csv.reader(file)}
    assert len(handed_in.ALL) == 40 and "40 handed in" in capsys.readouterr().out
    for name, sent in handed_in.ALL.items():
        assert {task: float(table[name, task]) for task in sent.points} == sent.points, name
    assert took < 300


@pytest.mark.parametrize("name", ["2_omit_your_own_digit", "3_is_it_faithful"])
def test_a_solution_gets_all_points_by_hidden_inputs(name):
    path = assignments.SOLUTIONS / f"{name}.ipynb"
    one = judging.mark("x", path, known(name), {}, "other", INSIDE)
    assert {task.name: task.points for task in known(name).tasks if not task.by_hand} == {
        task: points for task, points in one.points.items() if points is not None
    }, one.said


@pytest.fixture(scope="module")
def running():
    limits = Limits(seconds=30.0)
    with Submission(["import torch\nimport numpy as np\nimport kdviz as kd"], INSIDE, limits) as submission:
        yield submission


def ran(running, source, *names):
    assert running.run(source) == []
    running.begin_task()
    return [running.names(names)[name] for name in names]


def test_a_gradient_is_asked_through_the_process(running):
    (far,) = ran(running, "def far(a, b): return (a**3 * b.detach()).sum()", "far")
    a, b = torch.randn(4, dtype=torch.float64, requires_grad=True), torch.randn(4, requires_grad=True)
    of_a, of_b = torch.autograd.grad(far(a, b), (a, b), allow_unused=True)
    torch.testing.assert_close(of_a, 3 * a.detach() ** 2 * b.detach())
    assert of_b is None


def test_what_a_function_changes_is_changed_here(running):
    (far,) = ran(running, "def far(a): return a.add_(1).sum()", "far")
    given = torch.zeros(3)
    assert far(given) == 3 and given.tolist() == [1, 1, 1]
    with pytest.raises(checks.Mistake, match="changes the tensor it is given"):
        checks.soft_targets(*ran(running, "def far(v, T): return torch.softmax(v.div_(T), -1)", "far"))


def test_recipes_cross_as_what_they_say(running):
    given = kd.load("digits")
    teacher = kd.Recipe(given, kd.mlp(200, 200), kd.HardLabels(), epochs=60)
    (far,) = ran(running, """
data = kd.load("digits")
teacher = kd.Recipe(data, kd.mlp(200, 200), kd.HardLabels(), epochs=60)
def far(digit, seed):
    return kd.Recipe(data.without(digit), kd.mlp(100), kd.SoftTargets(teacher, temperature=4), epochs=60, seed=seed)
""", "far")  # fmt: skip
    checks.blind_student(far, teacher)
    assert far(3, 1).objective.teacher == teacher


@pytest.mark.parametrize("objective", ["kd.HardLabels()", "kd.JSD(0, T)", "kd.ReverseKL(0, T)", "kd.SoftTargets(0, T)"])
def test_objectives_can_be_named_where_their_formulas_raise(running, objective):
    source = objective.replace("(0, T)", "(kd.Recipe(kd.load('digits'), kd.mlp(9), kd.HardLabels()), temperature=2.0)")
    assert running.run(f"objective = {source}") == []


CALLS = ["kd.objectives.soft_target_loss(z, v, T)", "kd.measures.soft_target_gradient(z, v, T)",
         "kd.checks.loss._loss(z, v, T, '', '', '', 'T²', 'examples')", "kd.checks.which._kl(v / T, z / T)",
         "kd.SoftTargets.losses({'logits': z}, None, {'logits': v}, None, T, 0.0, 1.0)"]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_the_package_s_own_answers_raise_there(running, call):
    (far,) = ran(running, f"def far(z, v, T): return {call}", "far")
    with pytest.raises(checks.Mistake, match="write the formula yourself"):
        far(torch.zeros(2, 3), torch.ones(2, 3), torch.tensor(2.0))


def test_nor_are_they_read_or_loaded_again(running):
    source = """
def again(): import importlib; return float(importlib.reload(kd.measures.divergence).divergence is None)
def text(): return len(open(kd.__file__).read())"""
    for far in ran(running, source, "again", "text"):
        with pytest.raises(Exception, match="opens no file"):
            far()


OUTSIDE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)  # Python's own hedge does not see what C opens
def reads(path):
    got = libc.open(bytes(path, 'utf-8'), os.O_RDONLY)
    return got >= 0
def writes(path):
    got = libc.open(bytes(path, 'utf-8'), os.O_WRONLY | os.O_CREAT, 0o600)
    return got >= 0
class Address(ctypes.Structure):
    _fields_ = [('family', ctypes.c_ushort), ('port', ctypes.c_ushort), ('host', ctypes.c_uint32),
                ('rest', ctypes.c_char * 8)]
def connects(port):
    made = libc.socket(2, 1, 0)
    swapped = (port >> 8 | port << 8) & 0xffff
    address = Address(2, swapped, 0x0100007f, b'')
    return libc.connect(made, ctypes.byref(address), ctypes.sizeof(address)) == 0
"""


@pytest.mark.skipif(not INSIDE, reason="bubblewrap is not installed here, or is refused its namespaces")
def test_inside_the_walls_nothing_else_is_read_written_or_reached(running, tmp_path):
    reads, writes, connects = ran(running, OUTSIDE, "reads", "writes", "connects")
    secret = tmp_path / "secret.txt"
    secret.write_text("solution")
    for path in (secret, assignments.SOLUTIONS / "1_the_loss.ipynb", Path(__file__), Path("/etc/passwd")):
        assert path.exists() and not reads(str(path)), path
    assert reads("/usr/lib") and not writes("/usr/lib/written") and not writes(kd.__file__)
    for path in (secret, tmp_path / "new.txt"):
        writes(str(path))
    assert secret.read_text() == "solution" and not (tmp_path / "new.txt").exists()
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not connects(server.getsockname()[1])


def test_without_walls_it_is_said_plainly(monkeypatch):
    assert "your own permissions" in walls.told(False) and "no network" in walls.told(True)
    monkeypatch.setattr(walls.shutil, "which", lambda name: None)
    walls.bubblewrap.cache_clear()
    assert walls.bubblewrap() is None
    monkeypatch.undo()
    walls.bubblewrap.cache_clear()


def test_without_walls_answers_are_marked_all_the_same(tmp_path):
    handed_in.notebook(handed_in.ALL["MSE"], tmp_path / "x" / "1_the_loss.ipynb")
    one = judging.mark("x", tmp_path / "x" / "1_the_loss.ipynb", known("1_the_loss"), {}, "salt", False)
    hold(one, handed_in.ALL["MSE"])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": 3}', "[" * 100_000, '{"cells": [{"metadata": 1}]}'])
def test_what_is_no_notebook_gets_nothing_and_is_said(tmp_path, content):
    path = tmp_path / "1_the_loss.ipynb"
    path.write_text(content)
    with pytest.raises(ValueError, match="no notebook"):
        judging.cells_of(path)


def test_an_answer_that_stands_twice_is_read_as_it_was_run(tmp_path):
    written = nbformat.read(assignments.FOLDER / "1_the_loss.ipynb", as_version=4)
    (cell,) = [c for c in written.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "own_number"]
    for text in ("a = 1", "a = 2"):
        written.cells.append(nbformat.v4.new_code_cell(text, metadata=cell.metadata))
    nbformat.write(written, tmp_path / "x.ipynb")
    assert judging.cells_of(tmp_path / "x.ipynb")["own_number"].endswith("a = 1\n\na = 2")


def reader(data):
    place = 0

    def receive(size):
        nonlocal place
        place += size
        return data[place - size : place]

    return receive


def test_values_cross_and_come_back():
    run = checks.pretended_runs(4, 1)[0]
    value = [1, "a", None, True, (1.5, float("inf")), {"x": torch.arange(3), 2: [np.float64(2.5), np.ones(2)]}]
    got = wire.read(reader(wire.packed([*value, run])))
    assert got[:5] == value[:5] and got[5][2][0] == 2.5 and got[5]["x"].tolist() == [0, 1, 2]
    assert torch.equal(got[6].logits("test"), run.logits("test")) and got[6].shifted_classes == [4]
    assert type(wire.read(reader(wire.packed({1, 2})))).__name__ == "set"


def message(said, held=b""):
    return struct.pack(">QQ", len(said), len(held)) + said + held


BAD = {
    "too long": struct.pack(">QQ", 1 << 40, 0), "no JSON": message(b"{"), "deep": message(b"[" * 200_000),
    "no tensors": message(b'{"tensor": "0"}', b"\x80\x04pickle"), "unknown": message(b'{"call": "os.system"}'),
    "two": message(b'{"list": [], "tuple": []}'), "no recipe": message(b'{"recipe": {"kind": "SGD"}}'),
    "not a recipe": message(b'{"recipe": {"kind": "system", "command": "ls"}}'),
    "a key": message(b'{"dict": [[{"list": []}, 1]]}'),
}  # fmt: skip


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(wire.Broken):
        wire.read(reader(data))


def test_functions_that_an_answer_returns_are_called_there(running):
    (far,) = ran(running, """
def far(scale):
    def grown(x, by=1): return x * scale * by
    return {"grown": grown, "parts": (x for x in range(3))}""", "far")  # fmt: skip
    got = far(3.0)
    assert got["parts"] == [0, 1, 2] and got["grown"](torch.ones(2), by=2).tolist() == [6, 6]
    draws = torch.Generator().manual_seed(5)
    (drawn,) = ran(running, "def drawn(generator): return torch.randn(3, generator=generator)", "drawn")
    assert torch.equal(drawn(draws), torch.randn(3, generator=torch.Generator().manual_seed(5)))


def test_a_check_that_a_process_cannot_be_asked_is_left_to_a_person():
    asked = known("1_the_loss")
    left = asked.with_by_hand(["check_gradient_limit", "the_factor"])
    by_hand = {task.name: task for task in left.tasks if task.by_hand}
    assert left.points == asked.points and by_hand["check_gradient_limit"].rubric[0][0] == 3
    assert by_hand["the_factor"] in asked.tasks
    path = assignments.SOLUTIONS / "1_the_loss.ipynb"
    texts = judging.mark("x", path, left.with_by_hand([t.name for t in left.tasks]), {}, "", INSIDE).texts
    assert "def gradient_limit" in texts["check_gradient_limit"] and "### BEGIN SOLUTION" in texts["the_factor"]


def test_what_lies_elsewhere_or_in_another_way_is_passed_over(tmp_path):
    asked, folder = [known("1_the_loss")], tmp_path / "in"
    for place in ("a/1_the_loss.ipynb", "b/1_the_loss/1_the_loss.ipynb", "1_the_loss.ipynb", "c/9_other.ipynb",
                  "d/x/1_the_loss.ipynb", "e/.ipynb_checkpoints/1_the_loss.ipynb"):  # fmt: skip
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text("{}")
    (folder / "f").mkdir()
    (folder / "f" / "1_the_loss.ipynb").symlink_to(assignments.SOLUTIONS / "1_the_loss.ipynb")
    handed, strange = batch.handed_in(folder, asked)
    assert [each.student for each in handed] == ["a", "b"]
    assert {path.relative_to(folder).parts[0] for path in strange} == {"1_the_loss.ipynb", "c", "d", "f"}
