"""Code is part of what a recipe says: edited it is another, moved or commented the same; in a running kernel too."""

import importlib
import subprocess
import sys
import warnings
from dataclasses import dataclass
from functools import partial

import pytest
import torch
import torch.nn.functional as F
import written

import kdviz as kd
from kdviz.data.sources import ROOT
from kdviz.recipes import restored
from kdviz.recipes.code import Undescribed, digest_of, is_installed, name_of
from kdviz.recipes.descriptions import describe, undescribed

PINNED = {
    "everything": "b90842d70f9c6ccf",
    "Derived": "cd57981e1f0daed1",
    "times": "b35f75bc48d94b7a",
    "plus": "2034cc6c626a6469",
}


@pytest.mark.parametrize("name", PINNED)
def test_every_python_gives_one_digest(name):
    assert digest_of(getattr(written, name)) == PINNED[name]


def test_the_order_of_a_set_does_not_count():
    one, other = {0, 8}, {8, 0}  # one place in a hash table: what came first stands first
    assert one == other and [*one] != [*other]
    assert digest_of(one) == digest_of(other)


def test_what_is_installed_is_known_by_its_name():
    for thing in (torch, F.cross_entropy, torch.relu, torch.nn.Module, warnings.warn, len, dict, kd.mlp, kd.Recipe):
        assert is_installed(thing), thing
    for thing in (written, written.root, written.Base, test_what_is_installed_is_known_by_its_name):
        assert not is_installed(thing), thing
    assert name_of(F.cross_entropy) == "torch:cross_entropy"
    assert describe((F.cross_entropy, torch.nn.Linear)) == [{"code": "torch:cross_entropy"}, {"code": "torch:Linear"}]
    assert describe(written.root) == {"code": digest_of(written.root)}


def test_an_editable_package_is_not_installed(tmp_path, monkeypatch):
    (tmp_path / "mine_editable").mkdir()
    (tmp_path / "mine_editable" / "__init__.py").write_text("def f(x):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert not is_installed(importlib.import_module("mine_editable").f)


BASIC = """
import torch
import torch.nn.functional as F

SCALE = 2.0

def helper(x):
    return x * SCALE

class Root:
    power = 2

class Middle(Root):
    def raised(self, x):
        return x ** self.power

def outer(w):
    def inside(x):
        return x + w
    return inside

inside = outer(3)

class Loss(Middle):
    def losses(self, outputs, labels, shift=0.5):
        loss = F.cross_entropy(outputs, labels)  # cross entropy
        return self.raised(helper(loss)) + shift + inside(loss)
"""


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """The digest of ``Loss`` in a module of the given text."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def of(text, name="Loss"):
        made.append(f"mine_{len(made)}")
        (tmp_path / f"{made[-1]}.py").write_text(text)
        return digest_of(getattr(importlib.import_module(made[-1]), name))

    yield of
    for name in made:
        sys.modules.pop(name, None)


EDITS = {
    "the loss": ("helper(loss)) + shift", "helper(loss)) - shift"),
    "a helper": ("x * SCALE", "x / SCALE"),
    "a constant": ("SCALE = 2.0", "SCALE = 2.5"),
    "a constant's type": ("SCALE = 2.0", "SCALE = 2"),
    "a base of a base": ("power = 2", "power = 3"),
    "a method of a base": ("x ** self.power", "x ** -self.power"),
    "a default": ("shift=0.5", "shift=0.25"),
    "a closure's value": ("outer(3)", "outer(4)"),
    "a closure's function": ("return x + w", "return x - w"),
    "a name that stands for another installed one": ("import torch.nn.functional as F", "import torch.nn.init as F"),
    "what None is": ("+ shift", '+ (shift or "")'),
    "a decorator": ("def helper", "@torch.no_grad()\ndef helper"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_another_digest(digest, edit):
    before, after = EDITS[edit]
    assert BASIC.count(before) == 1 and digest(BASIC) != digest(BASIC.replace(before, after))


SAME = {
    "moved": lambda text: "unrelated = torch = 3\n\n\n" + text,
    "re-indented": lambda text: text.replace("    ", "  "),
    "re-commented": lambda text: text.replace("# cross entropy", "# another\n        # two lines"),
    "a docstring": lambda text: text.replace("return x * SCALE", '"""What it does."""\n    return (x * SCALE)'),
    "a docstring of a class": lambda text: text.replace("power = 2", '"""What it is."""\n    power = 2'),
    "a local of a global's name": lambda text: text + "\nloss = torch.zeros(3)\nlabels = open\n",
    "in another order": lambda text: text.replace("SCALE = 2.0\n", "") + "\nSCALE = 2.0\n",
}


@pytest.mark.parametrize("how", SAME)
def test_layout_comments_and_place_do_not_count(digest, how):
    assert SAME[how](BASIC) != BASIC and digest(SAME[how](BASIC)) == digest(BASIC)


def test_a_helper_in_a_module_of_ones_own_is_followed(digest, tmp_path):
    text = "import {0}\nimport {0} as h\n\ndef Loss(x):\n    return {0}.CONSTANTS.index(x) * h.twice(x)\n"
    module = "CONSTANTS = [{}]\nunrelated = {}\n\ndef twice(x):\n    return {} * x\n"
    found = []
    for i, numbers in enumerate([(1, 1, 2), (1, 9, 2), (3, 1, 2), (1, 1, 3)]):
        (tmp_path / f"other_{i}.py").write_text(module.format(*numbers))
        found.append(digest(text.format(f"other_{i}").replace(f"other_{i}", "other").replace(
            "import other\n", f"import other_{i} as other\n").replace("other as h", f"other_{i} as h")))  # fmt: skip
    assert found[0] == found[1] and len({*found}) == 3


def test_two_functions_of_one_line_are_told_apart():
    assert digest_of(written.times) != digest_of(written.plus) != digest_of(written.plus(1)) != digest_of(written.times)
    assert digest_of(written.plus(1)) != digest_of(written.plus(2))


def test_partial_functions_methods_and_decorated_ones_are_followed():
    scaled = [digest_of(partial(written.root, x=x)) for x in (1, 2)]
    assert scaled[0] != scaled[1]
    methods = [digest_of(written.Base(a).f) for a in (1, 2)]
    assert methods[0] != methods[1]
    assert digest_of(written.kept) != digest_of(written.root)

    @torch.no_grad()
    def one(x):
        return x

    @torch.no_grad()
    def two(x):
        return -x

    assert digest_of(one) != digest_of(two)


def test_a_function_put_in_anothers_place_is_seen(monkeypatch):
    before = digest_of(written.Derived)
    monkeypatch.setattr(written.Derived, "g", staticmethod(lambda x: x))
    patched = digest_of(written.Derived)
    monkeypatch.setattr(written, "root", lambda x: x)
    assert len({before, patched, digest_of(written.Derived)}) == 3


TABLE, COUNTS, NOW = torch.zeros(3), [], 1
MODULE = written


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (lambda x: x + TABLE, "names TABLE: an object of torch:Tensor"),
        (lambda x, table=TABLE: x, "an object of torch:Tensor"),
        (lambda x: MODULE, "names MODULE: a module as such"),
        (eval("lambda x: x"), "the source of <lambda> is not to be had"),
        (partial(print, file=object()), "an object of builtins:object"),
        ([written.root, object()], "an object of builtins:object"),
    ],
)
def test_what_cannot_be_described_is_named(thing, said):
    with pytest.raises(Undescribed, match=said):
        digest_of(thing)
    assert undescribed(describe({"in": [thing]}["in"])) and isinstance(describe(thing), dict | list)


def test_an_open_file_an_import_inside_and_what_holds_itself(tmp_path):
    with open(tmp_path / "log", "w") as log:

        def logs(x):
            return log.write(x)

        with pytest.raises(Undescribed, match="logs names log: an object of io:TextIOWrapper"):
            digest_of(logs)

    def imports(x):
        import written

        return written.root(x)

    with pytest.raises(Undescribed, match="imports what is not installed: import it above the function"):
        digest_of(imports)
    round_and_round = []
    round_and_round.append(round_and_round)
    with pytest.raises(Undescribed, match="holds itself"):
        digest_of(round_and_round)


def test_a_file_that_was_edited_since_it_was_imported_is_not_what_runs(tmp_path, monkeypatch):
    path = tmp_path / "edited_since.py"
    path.write_text("def f(x):\n    return x * 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    f = importlib.import_module("edited_since").f
    before = digest_of(f)
    path.write_text("def f(x):\n    return x * 30\n")
    with pytest.raises(Undescribed, match="the source of f is another than what runs: restart, or reload its file"):
        digest_of(f)
    sys.modules.pop("edited_since")
    assert digest_of(importlib.import_module("edited_since").f) != before


FACTOR, HISTORY = 1.0, {"calls": 0}


@dataclass(frozen=True)
class Mine(kd.SoftTargets):
    """A student of half the loss."""

    share: float = 0.5

    numbers = ("temperature", "hard_weight", "soft_weight", "share")

    @staticmethod
    def losses(outputs, labels, teacher, extra, share, **numbers):
        return FACTOR * share * kd.SoftTargets.losses(outputs, labels, teacher, extra, **numbers)


@dataclass(frozen=True)
class Tabled(Mine):
    @staticmethod
    def losses(outputs, labels, teacher, extra, **numbers):
        return Mine.losses(outputs, labels, teacher, extra, **numbers) + TABLE.sum()


@dataclass(frozen=True)
class Counting(Mine):
    @staticmethod
    def losses(outputs, labels, teacher, extra, **numbers):
        HISTORY["calls"] += 1
        return Mine.losses(outputs, labels, teacher, extra, **numbers)


def of(kind, student, **more):
    return student.replace(objective=kind(student.objective.teacher, **more))


def test_an_edited_objective_is_trained_again(student, store, monkeypatch):
    recipe = of(Mine, student)
    key, said = recipe.key, describe(recipe)
    run = kd.train(recipe, store=store)
    assert said["objective"]["kind"] == "Mine" and said["objective"]["code"] == digest_of(Mine)
    assert "code" not in describe(student)["objective"] and student.key == "b59c248d5a7701da"
    assert torch.equal(store.find(recipe).logits(), run.logits())
    monkeypatch.setitem(globals(), "FACTOR", 0.25)
    assert recipe.key != key and store.find(recipe) is None
    assert not torch.equal(kd.train(recipe, store=store).logits(), run.logits())
    monkeypatch.setitem(globals(), "FACTOR", 1.0)
    assert torch.equal(store.find(recipe).logits(), run.logits())


def test_an_augmentation_and_a_network_of_ones_own_are_in_the_key(student):
    @dataclass(frozen=True)
    class Flip(kd.Jitter):
        def __call__(self, images, shifts):
            return images.flip(-1)

    @dataclass(frozen=True)
    class Wide(type(student.model)):
        """An MLP by another name."""

    for changed in (student.replace(augment=Flip(1)), student.replace(model=Wide((8,)))):
        said = describe(changed)
        assert "code" in (said.get("augment") or said["model"]) and not undescribed(changed)


def test_stores_list_and_search_runs_of_code_they_do_not_know(student, store, monkeypatch):
    recipe = of(Mine, student)
    kd.train(recipe, store=store)
    assert store.recipes() == [student.objective.teacher]
    assert "recipe.objective.temperature" not in store.nearest(recipe.replace(seed=1))
    assert "recipe.seed is 1, stored default" in store.nearest(recipe.replace(seed=1))
    said = describe(recipe)["objective"]
    for unknown in (said, said | {"kind": "SoftTargets"}, {"kind": "SoftTargets", "undescribed": "x"}):
        with pytest.raises(ValueError, match="no recipe can be made of"):
            restored(unknown)


def test_what_cannot_be_described_is_trained_and_not_stored(student, store):
    recipe = of(Tabled, student)
    needy = student.replace(teacher=recipe)
    for wanted in (recipe, needy):  # a student's ancestry is in its key
        with pytest.warns(UserWarning, match="not stored, for no key says what it is: Tabled.losses: .* names TABLE"):
            run = kd.train(wanted, store=store)
        assert len(run.logits()) == 797 and store.find(wanted) is None
        with pytest.raises(ValueError, match="cannot be stored: Tabled.losses"):
            store.save(run)
    assert [path.stem for path in store.folder.glob("*.safetensors")] == [student.objective.teacher.key]
    assert not list((store.folder / "unfinished").glob("*"))


def test_others_of_the_same_call_are_stored(student, store):
    strange = of(Tabled, student)
    recipes = [student.replace(teacher=teacher, seed=seed) for teacher in (strange, student) for seed in range(2)]
    with pytest.warns(UserWarning, match="1 more are not stored"):
        runs = kd.train(recipes, store=store)
    assert {run.facts["trained_together"] for run in runs} == {4}
    assert [bool(store.find(recipe)) for recipe in recipes] == [False, False, True, True]
    assert not list((store.folder / "unfinished").glob("*"))


def test_what_its_code_names_may_not_change_while_it_trains(student, store):
    with pytest.warns(UserWarning, match="in memory only: what its code names changed while it trained"):
        kd.train(of(Counting, student), store=store)
    assert [path.stem for path in store.folder.glob("*.safetensors")] == [student.objective.teacher.key]


def test_a_part_of_ones_own_is_known_by_its_fields(student):
    class Plain(kd.objectives.Objective):
        def losses(self, outputs, labels, teacher, extra):
            return outputs["logits"].sum((-1, -2))

    class More(kd.SoftTargets):
        def __init__(self, teacher, power):
            super().__init__(teacher)
            object.__setattr__(self, "power", power)

    class Melting(kd.SoftTargets):
        def __eq__(self, other):
            return True

    teacher = student.objective.teacher
    for made, said in (
        (Plain, "Plain"),
        (partial(More, teacher, 2), "More, and make fields of power"),
        (partial(Melting, teacher), "Melting"),
    ):
        with pytest.raises(ValueError, match=rf"known by fields: write @dataclass\(frozen=True\) above {said}"):
            student.replace(objective=made())


CELLS = {
    "define": """
import dataclasses, torch, kdviz as kd
from kdviz.objectives.soft_targets import SoftTargets
SCALE = 2.0
""",
    "helper": "def helper(x):\n    return x * SCALE\n",
    "base": "@dataclasses.dataclass(frozen=True)\nclass Base(SoftTargets):\n    power = 1\n",
    "loss": """
@dataclasses.dataclass(frozen=True)
class Mine(Base):
    @classmethod
    def losses(cls, outputs, labels, teacher, extra, **numbers):
        loss = SoftTargets.losses(outputs, labels, teacher, extra, **numbers)
        return helper(loss) ** cls.power
""",
}
KEY = """
digits = kd.load("digits")
teacher = kd.Recipe(digits, kd.mlp(8), kd.HardLabels(), epochs=1)
print(kd.Recipe(digits, kd.mlp(8), Mine(teacher), epochs=1).key)
"""


@pytest.fixture(scope="module")
def kernel():
    """Run a cell in a running kernel and return what it prints."""
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=ROOT)
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)

    def run(cell):
        said = []
        reply = client.execute_interactive(
            cell, timeout=60, output_hook=lambda m: said.append(m["content"].get("text", ""))
        )
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(said).strip()

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_in_a_running_kernel_an_edit_is_another_key_and_a_comment_the_same(kernel):
    for cell in CELLS.values():
        kernel(cell)
    first = kernel(KEY)
    assert len(first) == 16 and kernel(KEY) == first
    loss, helper, base = (CELLS[name] for name in ("loss", "helper", "base"))
    same = [
        loss.replace("    ", "  "),
        loss.replace("return helper", "# what follows\n        return helper"),
        "'moved'\n\n\n" + loss,
        helper.replace("return", '"""Scaled."""\n    return'),
        "loss = torch.zeros(3)",  # a global of a local's name
        helper + loss,
    ]
    for cell in same:
        kernel(cell)
        assert kernel(KEY) == first, cell
    edits = [
        (loss, loss.replace("helper(loss)", "helper(loss) / 2")),
        (helper, helper.replace("x * SCALE", "x / SCALE")),
        ("SCALE = 2.0", "SCALE = 3.0"),
        (base + loss, base.replace("power = 1", "power = 2") + loss),
    ]
    found = [first]
    for back, edited in edits:
        kernel(edited)
        found.append(kernel(KEY))
        kernel(back)
        assert kernel(KEY) == first, back
    assert len({*found}) == 5


def test_in_a_running_kernel_what_cannot_be_described_is_said(kernel):
    for cell in CELLS.values():
        kernel(cell)
    kernel("SCALE = torch.ones(())")
    train = "kd.train(kd.Recipe(digits, kd.mlp(8), Mine(teacher), epochs=1), store=kd.Store(tempfile.mkdtemp()))"
    said = kernel(KEY + "import tempfile\n" + train)
    assert "is not stored, for no key says what it is: Mine.losses: " in said
    assert "helper names SCALE: an object of torch:Tensor" in said


def test_a_script_and_a_string_are_code_too(tmp_path):
    script = "\n".join([*CELLS.values(), KEY])
    (tmp_path / "script.py").write_text(script)
    run = partial(subprocess.run, cwd=ROOT, capture_output=True, text=True, check=True)
    key = run([sys.executable, tmp_path / "script.py"]).stdout.strip()
    assert len(key) == 16
    (tmp_path / "script.py").write_text(script.replace("SCALE = 2.0", "SCALE = 3.0"))
    assert run([sys.executable, tmp_path / "script.py"]).stdout.strip() != key
