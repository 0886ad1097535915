"""A file is what its name says: another's, a newer version's, an odd one is set aside or passed over, and said."""

import json
import os
import random
import shutil
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import safetensors.torch
import torch

import kdviz as kd
from kdviz.publish import reference
from kdviz.runs import store as stored
from kdviz.runs.files import read_file, write_file


def file_of(store, recipe):
    return store.folder / f"{recipe.key}.safetensors"


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_anothers_file_is_not_taken_for_a_run(student, teacher, store, tmp_path):
    kd.train(student, store=store)
    for other in (student.replace(seed=5), student.replace(temperature=3), teacher.replace(seed=2)):
        shutil.copy(file_of(store, student), file_of(store, other))
        with pytest.warns(UserWarning, match="holds the run of another recipe .* it is set aside"):
            assert store.find(other) is None
        aside = file_of(store, other).with_suffix(".foreign")
        assert aside.read_bytes() == file_of(store, student).read_bytes() and store.find(student)
    before = contents(store.folder)
    shutil.copy(file_of(store, student), file_of(store, student.replace(seed=5)))
    with pytest.warns(UserWarning, match=r"recipe.seed is default, asked 5\); it is passed over"):
        assert kd.Store(tmp_path / "new", store.folder).find(student.replace(seed=5)) is None
    file_of(store, student.replace(seed=5)).unlink()
    assert contents(store.folder) == before


def test_what_is_set_aside_takes_no_place(student, store):
    run = kd.train(student, store=None)
    for _ in range(3):
        store.save(run)
        file_of(store, student).write_bytes(b"")
        with pytest.warns(UserWarning, match="it is set aside"):
            store.find(student)
    assert len(list(store.folder.glob("*.damaged"))) == 3


def rewritten(path, change):
    """The file with another header, and a checksum that is right."""
    header, arrays = read_file(path)
    write_file(path, change(header), arrays)


LAYOUTS = {
    "another version's": lambda said: said | {"recipe": said["recipe"] | {"version": 2}},
    "a newer field": lambda said: said | {"recipe": said["recipe"] | {"warmup": 3}},
    "no dict": lambda said: [said],
    "no history": lambda said: {"recipe": said["recipe"]},
    "a recipe that is text": lambda said: said | {"recipe": "student"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_of_another_layout_is_set_aside_and_breaks_no_listing(student, store, layout):
    kd.train(student, store=store)
    rewritten(file_of(store, student), LAYOUTS[layout])
    assert store.recipes() == [student.objective.teacher] and store.nearest(student.replace(seed=1))
    before = file_of(store, student).read_bytes()
    with pytest.warns(UserWarning, match="it is set aside, and what it held is trained again"):
        kd.train(student, store=store)
    assert file_of(store, student).with_suffix(".foreign").read_bytes() == before and store.find(student)


ODD = {
    "a folder": lambda path: path.mkdir(),
    "a dangling link": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path),
    "nothing": lambda path: path.touch(),
    "text": lambda path: path.write_text("x" * 100),
    "another's tensors": lambda path: safetensors.torch.save_file({"a": torch.ones(2)}, path),
    "another's words": lambda path: safetensors.torch.save_file({"a": torch.ones(2)}, path, {"kdviz": "[1, 2]"}),
    "no JSON": lambda path: safetensors.torch.save_file({"a": torch.ones(2)}, path, {"kdviz": "{"}),
}


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_file_breaks_neither_a_listing_nor_a_training(student, store, odd):
    kd.train(student, store=store)
    known = sorted(recipe.key for recipe in store.recipes())
    (store.folder / "unfinished").mkdir(exist_ok=True)
    for name in ("0" * 16, "0" * 16 + "-7", "mine", student.replace(seed=1).key):
        ODD[odd](store.folder / f"{name}.safetensors")
        ODD[odd](store.folder / "unfinished" / f"{name}.safetensors")
    assert sorted(recipe.key for recipe in store.recipes()) == known
    assert "recipe.seed is 7" in store.nearest(student.replace(seed=7))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = kd.train(student.replace(seed=1), store=store)
    assert len(run.logits()) == 797
    for mine in (store.folder / "mine.safetensors", store.folder / "unfinished" / "mine.safetensors"):
        assert os.path.lexists(mine)


def test_no_file_without_a_checksum_is_read(student, store):
    kd.train(student, store=store)
    path = file_of(store, student)
    header, arrays = read_file(path)
    safetensors.torch.save_file(arrays, path, {"kdviz": json.dumps(header)})
    with pytest.warns(UserWarning, match="has no checksum; it is set aside"):
        assert store.find(student) is None


def test_every_shipped_file_is_whole():
    for path in stored.SHIPPED.glob("*.safetensors"):
        read_file(path)


def test_no_flipped_bit_is_used(student, tmp_path):
    """Wherever it is: in the arrays, the header, the names or the checksum itself."""
    path, draw = (
        stored.write(kd.train(student, store=None), {"test_logits": torch.ones(9, 10)}, tmp_path),
        random.Random(0),
    )
    whole = path.read_bytes()
    header, arrays = read_file(path)
    for _ in range(600):
        where, bit = draw.randrange(len(whole)), 1 << draw.randrange(8)
        path.write_bytes(whole[:where] + bytes([whole[where] ^ bit]) + whole[where + 1 :])
        try:
            found = read_file(path)
        except ValueError:
            continue
        assert found[0] == header and torch.equal(found[1]["test_logits"], arrays["test_logits"])  # no more than layout


def test_a_shipped_file_that_is_damaged_is_shipped_again(student, tmp_path):
    run = kd.train(student, store=None)
    path = stored.write(run, reference.reduced(run, {"errors"}), tmp_path)
    assert reference.held(path, run).keys() == {"errors/row", "errors/predicted"}
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    assert reference.held(path, run) == {}


def test_a_damaged_shipped_run_is_said_truly_where_nothing_is_trained(student, tmp_path, monkeypatch):
    path = kd.Store(tmp_path / "shipped").save(kd.train(student, store=None))
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    monkeypatch.setenv("KDVIZ_TRAIN", "0")
    with (
        pytest.warns(UserWarning, match="its checksum is another; it is passed over$"),
        pytest.raises(LookupError, match=rf"no run of .*\. .*{path.name} is its file and cannot be used: restore it"),
    ):
        kd.train(student, store=kd.Store(tmp_path / "new", tmp_path / "shipped"))


def checkpoint(store, recipes, monkeypatch):
    """Train, killed after the checkpoint of an array, before its first run is written; returns the checkpoint."""
    with monkeypatch.context() as patch:
        patch.setattr(kd.Store, "save", lambda self, run: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            kd.train(recipes, store=store)
    [path] = (store.folder / "unfinished").glob("*.safetensors")
    return path


@pytest.fixture
def array(teacher):
    return kd.grid(teacher, seed=range(3), model=[kd.mlp(8, dropout=0.2)])


CHECKPOINTS = {
    "a weight fewer": lambda said, arrays: arrays.pop("parameter/head.bias") is None,
    "a weight more": lambda said, arrays: arrays.update({"bank/head.bias": torch.ones(3)}),
    "another shape": lambda said, arrays: arrays.update({"parameter/head.bias": torch.ones(3, 1)}),
    "no history": lambda said, arrays: said.pop("history"),
    "a history fewer": lambda said, arrays: said["history"].pop(),
    "no keys": lambda said, arrays: said.pop("keys"),
    "other keys": lambda said, arrays: said.update(keys=[*said["keys"][:2], "0" * 16]),
    "no step": lambda said, arrays: said.pop("step"),
    "no random state": lambda said, arrays: arrays.pop("random") is None,
}


@pytest.mark.parametrize("how", CHECKPOINTS)
def test_a_checkpoint_of_another_layout_is_set_aside(array, store, monkeypatch, how):
    path = checkpoint(store, array, monkeypatch)
    header, arrays = read_file(path)
    CHECKPOINTS[how](header, arrays)
    write_file(path, header, arrays)
    altered = path.read_bytes()
    undisturbed = kd.train(array, store=None)
    with pytest.warns(UserWarning, match="is a checkpoint of (another layout|other students).* it is set aside"):
        runs = kd.train(array, store=store)
    assert path.with_suffix(".foreign").read_bytes() == altered
    for run, other in zip(runs, undisturbed, strict=True):
        assert torch.equal(run.logits(), other.logits()) and run.facts["trained_together"] == 3


def test_a_finished_checkpoint_that_cannot_be_removed_stops_nothing(student, array, store, monkeypatch):
    """A store that may only be read, or another user's."""
    path = checkpoint(store, array, monkeypatch)
    with monkeypatch.context() as another_users:
        unlink = Path.unlink

        def refuse(self, missing_ok=False):
            if self.parent.name == "unfinished" and self.suffix == ".safetensors":
                raise PermissionError(13, "Permission denied", str(self))
            unlink(self, missing_ok)

        another_users.setattr(Path, "unlink", refuse)
        assert len(kd.train(array, store=store)) == 3 and len(kd.train(array, store=store)) == 3
    assert path.exists()
    kd.train(array, store=store)
    assert not path.exists()


def test_a_file_that_may_not_be_read_is_passed_over(student, store, monkeypatch):
    kd.train(student, store=store)

    def refuse(path, framework):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("safetensors.safe_open", refuse)
    with pytest.warns(UserWarning, match="cannot be read and is passed over"):
        assert store.find(student) is None
    assert file_of(store, student).exists() and store.recipes() == []


def test_only_what_the_store_left_is_swept_and_once_a_call(student, store, monkeypatch):
    kd.train(student, store=store)
    (store.folder / "unfinished").mkdir()
    theirs = [
        store.folder / "mine.partial",
        store.folder / "unfinished" / "a.kdviz.partial",
        store.folder / "tmpabc.partial",
    ]
    ours = [
        store.folder / f"{student.key}-abcd1234.kdviz.partial",
        store.folder / "unfinished" / f"{student.key}-12-abcd123_.kdviz.partial",
    ]
    for path in (*theirs, *ours):
        path.touch()
    kd.train(student, store=store)
    assert all(path.exists() for path in ours)  # being written, for all one knows
    for path in (*theirs, *ours):
        os.utime(path, (time.time() - 90_000,) * 2)
    kd.train(student, store=store)
    assert all(path.exists() for path in theirs) and not any(path.exists() for path in ours)
    looked, glob = [], Path.glob
    monkeypatch.setattr(Path, "glob", lambda self, pattern: looked.append(self) or glob(self, pattern))
    store.save(store.find(student))
    assert not looked


def test_a_partial_file_is_named_as_the_sweep_expects(student, store, monkeypatch):
    run, seen = kd.train(student, store=None), []
    monkeypatch.setattr(os, "replace", lambda source, target: seen.append(Path(source).name))
    store.save(run)
    store.keep_unfinished({"keys": ["a"], "step": 3}, {"a": torch.ones(2)})
    from kdviz.runs.files import PARTIAL

    assert len(seen) == 2 and all(PARTIAL.fullmatch(name) for name in seen)


def test_a_slower_process_does_not_write_over_a_checkpoint_that_is_further(store):
    def keep(step):
        store.keep_unfinished(
            {"keys": ["a", "b"], "lost": {}, "step": step}, {"weights": torch.full((3,), float(step))}
        )

    for step in (5, 10, 3, 7):
        keep(step)
    assert next(header["step"] for header, _ in store.unfinished({"a"})) == 10
    keep(12)
    assert [header["step"] for header, _ in store.unfinished({"a"})] == [12]
    store.drop_unfinished({"a", "b"})
    assert store.unfinished({"a"}) == []


def test_an_older_kdvizs_checkpoint_is_gone_on_from(array, store, monkeypatch):
    """Its name did not say the step."""
    path = checkpoint(store, array, monkeypatch)
    path.rename(path.with_stem(path.stem.partition("-")[0]))
    steps = []
    from kdviz.training.arrays import Array

    monkeypatch.setattr(Array, "advance", lambda self: steps.append(self))
    kd.train(array, store=store)
    assert not steps and not list((store.folder / "unfinished").iterdir())


def test_runs_written_after_a_kill_say_how_many_trained_together(array, store, monkeypatch):
    save = kd.Store.save

    def save_one(self, run):
        if list(self.folder.glob("*.safetensors")):
            raise KeyboardInterrupt
        return save(self, run)

    with monkeypatch.context() as patch:
        patch.setattr(kd.Store, "save", save_one)
        with pytest.raises(KeyboardInterrupt):
            kd.train(array, store=store)
    assert [run.facts["trained_together"] for run in kd.train(array, store=store)] == [3, 3, 3]


def test_another_precision_is_not_stored_under_a_key_of_float32(student, store):
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.warns(
            UserWarning, match="is torch.float64, and a key is of float32: nothing is looked up or stored"
        ):
            run = kd.train(student, store=store)
        with pytest.raises(ValueError, match="cannot be stored: its key is of float32"):
            store.save(run)
        with pytest.raises(ValueError, match="workers hand their runs over in a store"):
            kd.train(student, store=store, executor=ThreadPoolExecutor(1))
    finally:
        torch.set_default_dtype(torch.float32)
    assert run.logits().dtype == torch.float32 and run.arrays["test_logits"].dtype == torch.float64
    assert not list(store.folder.rglob("*.safetensors"))


def test_under_another_precision_nothing_is_trained_where_nothing_may_be(student, store, monkeypatch):
    monkeypatch.setenv("KDVIZ_TRAIN", "0")
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(LookupError, match="KDVIZ_TRAIN=0, and no run can be looked up"):
            kd.train(student, store=store)
    finally:
        torch.set_default_dtype(torch.float32)
