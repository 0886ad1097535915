"""Nothing is lost: a damaged file, a full disk, two writers, a killed process."""

import multiprocessing
import os
import random
import resource
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
import safetensors
import torch
from safetensors.torch import load_file

import kdviz as kd
from kdviz.runs import store as stored
from kdviz.runs.store import read_header


def damage(path, how):
    whole = path.read_bytes()
    if how == "truncated":
        path.write_bytes(whole[:-100])
    elif how == "cut in the header":
        path.write_bytes(whole[:100])
    elif how == "a weight altered":
        path.write_bytes(whole[:-7] + bytes([whole[-7] ^ 1]) + whole[-6:])
    else:
        path.write_bytes(whole.replace(b"test_accuracy", b"best_accuracy", 1))


@pytest.mark.parametrize("how", ["truncated", "cut in the header", "a weight altered", "the header altered"])
def test_a_damaged_run_is_set_aside_and_trained_again(student, store, how):
    run = kd.train(student, store=store)
    path = store.folder / f"{student.key}.safetensors"
    damage(path, how)
    with pytest.warns(UserWarning, match="it is set aside, and what it held is trained again"):
        again = kd.train(student, store=store)
    assert path.with_suffix(".damaged").exists() and torch.equal(again.logits(), run.logits())
    assert torch.equal(store.find(student).logits(), run.logits())


def test_a_damaged_shipped_run_is_left_where_it_is(student, tmp_path):
    shipped = kd.Store(tmp_path / "shipped")
    kd.train(student, store=shipped)
    path = shipped.folder / f"{student.key}.safetensors"
    damage(path, "truncated")
    with pytest.warns(UserWarning, match="truncated"):
        assert kd.Store(tmp_path / "new", shipped.folder).find(student) is None
    assert path.exists()


def test_a_full_disk_loses_no_training(student, store):
    """A real one, as far as a process can tell: files may not grow beyond a few bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    recipes = kd.grid(student, seed=range(2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
    try:
        with pytest.warns(UserWarning) as said:
            runs = kd.train(recipes, store=store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    texts = [str(warning.message) for warning in said]
    assert any("no checkpoint could be written, training goes on" in text for text in texts)
    assert sum("is in memory only" in text for text in texts) == 3  # the teacher's and two students'
    assert [len(run.logits()) for run in runs] == [797, 797]
    assert not [path for path in store.folder.rglob("*") if path.is_file()]


@pytest.fixture
def sweep(student):
    """Students whose masks depend on who trains together: not to be trained again in part."""
    return kd.grid(student, seed=range(3), model=[kd.mlp(8, dropout=0.2)])


def test_an_array_stopped_while_its_runs_are_written_ends_as_one(sweep, store, tmp_path, monkeypatch):
    undisturbed = kd.train(sweep, store=kd.Store(tmp_path / "other"))
    save = kd.Store.save

    def save_one(self, run):
        if len(list(self.folder.glob("*.safetensors"))) == 2:  # the teacher and a student
            raise KeyboardInterrupt
        return save(self, run)

    with monkeypatch.context() as patch:
        patch.setattr(kd.Store, "save", save_one)
        with pytest.raises(KeyboardInterrupt):
            kd.train(sweep, store=store)
    for a, b in zip(kd.train(sweep, store=store), undisturbed, strict=True):
        assert torch.equal(a.logits(), b.logits()) and a.history == b.history
    assert not list((store.folder / "unfinished").iterdir())


def test_what_another_process_finishes_meanwhile_is_not_trained_again(sweep, store, monkeypatch):
    first, look = kd.train(sweep, store=kd.Store(store.folder.parent / "other")), kd.Store.unfinished

    def finish_then_look(self, keys):
        for run in first:
            self.save(run)
        return look(self, keys)

    monkeypatch.setattr(kd.Store, "unfinished", finish_then_look)
    for a, b in zip(kd.train(sweep, store=store), first, strict=True):
        assert torch.equal(a.logits(), b.logits()) and a.facts == b.facts


def test_a_second_writer_in_the_middle_of_a_write_disturbs_neither(student, store, monkeypatch):
    run, replace = kd.train(student, store=None), os.replace

    def replace_after_another(source, target):
        monkeypatch.setattr(os, "replace", replace)
        store.save(run)
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_after_another)
    store.save(run)
    assert torch.equal(store.find(student).logits(), run.logits()) and len(list(store.folder.iterdir())) == 1


def test_a_checkpoint_is_read_whole_even_if_another_process_goes_on_writing(store):
    step = {"keys": ["a", "b"], "lost": {}, "step": 1}
    store.keep_unfinished(step, {"weights": torch.ones(3)})
    [(header, arrays)] = store.unfinished({"a"})
    store.keep_unfinished(step | {"step": 2}, {"weights": torch.zeros(3)})
    assert header["step"] == 1 and torch.equal(arrays["weights"], torch.ones(3))
    assert store.unfinished({"c"}) == []


def test_a_checkpoint_that_another_process_removes_meanwhile_is_no_error(store, monkeypatch):
    store.keep_unfinished({"keys": ["a"], "lost": {}, "step": 1}, {"weights": torch.ones(3)})
    whole = stored.read_header

    def gone(path):
        path.unlink()
        return whole(path)

    monkeypatch.setattr(stored, "read_header", gone)
    store.drop_unfinished(set())


def test_one_removed_between_its_header_and_its_arrays_is_no_error(store, monkeypatch):
    store.keep_unfinished({"keys": ["a"], "lost": {}, "step": 1}, {"weights": torch.ones(3)})
    path = next((store.folder / "unfinished").glob("*.safetensors"))

    def mapped(name, framework):  # as torch says it
        path.unlink(missing_ok=True)
        raise RuntimeError(f"unable to open file <{name}> in read-only mode: No such file or directory (2)")

    monkeypatch.setattr(safetensors, "safe_open", mapped)
    store.drop_unfinished(set())
    with pytest.raises(FileNotFoundError, match="was removed while it was read"):
        read_header(path)
    path.touch()
    monkeypatch.setattr(safetensors, "safe_open", lambda *_: (_ for _ in ()).throw(RuntimeError("of another kind")))
    with pytest.raises(RuntimeError, match="of another kind"):
        read_header(path)


def train_a_sweep(folder, workers=0):
    """What the processes below do, with a checkpoint every few steps: arrays of two kinds, dropout, augmentation."""
    from kdviz.training import loop, work

    os.environ["KDVIZ_STATIC"] = "1"
    torch.set_num_threads(1)
    work.CHECKPOINT_SECONDS, loop.SEGMENT = 0.0, 3
    digits = kd.load("digits")
    teacher = kd.Recipe(digits, kd.mlp(12), kd.HardLabels(), epochs=2)
    student = kd.Recipe(digits, kd.mlp(8, dropout=0.1), kd.SoftTargets(teacher), epochs=6, augment=kd.Jitter(1))
    (folder / "begun").touch()
    sweep = kd.grid(student, temperature=[1, 4], seed=range(3), model=[student.model, kd.mlp(7, dropout=0.2)])
    with ThreadPoolExecutor(workers) if workers else nullcontext() as executor:
        kd.train(sweep, store=kd.Store(folder), executor=executor)


@pytest.fixture(scope="module")
def start():
    """Start the sweep in a process of its own, forked from one that has imported all it needs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["kdviz", "sklearn.datasets"])

    def begin(folder: Path, workers: int = 0):
        process = context.Process(target=train_a_sweep, args=(folder, workers))
        process.start()
        while process.is_alive() and not (folder / "begun").exists():
            time.sleep(0.001)
        return process

    return begin


def contents(folder):
    """Arrays and history of every run; another process's must equal them to the last bit."""
    return {p.name: (load_file(p), read_header(p)["history"]) for p in sorted(folder.glob("*.safetensors"))}


def assert_the_same(a, b):
    assert a.keys() == b.keys()
    for name, (arrays, history) in a.items():
        assert history == b[name][1] and arrays.keys() == b[name][0].keys()
        assert all(torch.equal(arrays[array], b[name][0][array]) for array in arrays)


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    """What the sweep leaves when nothing disturbs it, and the seconds it takes."""
    for _ in range(2):  # the first is slower
        folder = tmp_path_factory.mktemp("undisturbed")
        process, began = start(folder), time.perf_counter()
        process.join()
        seconds = time.perf_counter() - began
        assert process.exitcode == 0 and not list((folder / "unfinished").iterdir())
    return contents(folder), seconds


@pytest.mark.parametrize(
    "attempt", [*range(10), *(pytest.param(attempt, marks=pytest.mark.slow) for attempt in range(10, 50))]
)
def test_a_training_killed_at_any_moment_goes_on_to_the_same_result(start, undisturbed, tmp_path, attempt):
    expected, seconds = undisturbed
    process = start(tmp_path)
    time.sleep(random.Random(attempt).random() * seconds)
    with suppress(ProcessLookupError):  # it was quicker this time
        os.kill(process.pid, signal.SIGINT if attempt % 3 == 0 else signal.SIGKILL)
    process.join()
    again = start(tmp_path)
    again.join()
    assert again.exitcode == 0
    assert_the_same(contents(tmp_path), expected)
    assert not list((tmp_path / "unfinished").glob("*.safetensors"))


@pytest.fixture(scope="module")
def undisturbed_workers(start, tmp_path_factory):
    """The same with an executor, whose arrays are each seed's own."""
    folder = tmp_path_factory.mktemp("workers")
    process = start(folder, 2)
    process.join()
    assert process.exitcode == 0
    return contents(folder)


@pytest.mark.parametrize("attempt", [*range(3), *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 30))])
def test_killed_with_an_executor_it_goes_on_to_the_same_result(
    start, undisturbed_workers, undisturbed, tmp_path, attempt
):
    process = start(tmp_path, 2)
    time.sleep(random.Random(attempt).random() * undisturbed[1])
    process.kill()
    process.join()
    again = start(tmp_path, 2)
    again.join()
    assert again.exitcode == 0
    assert_the_same(contents(tmp_path), undisturbed_workers)


@pytest.mark.parametrize("attempt", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 40))])
def test_four_processes_killed_in_one_store_lose_and_alter_nothing(start, undisturbed, tmp_path, attempt):
    expected, seconds = undisturbed
    moments = random.Random(1000 + attempt)
    processes = [start(tmp_path) for _ in range(4)]
    for process in processes:
        time.sleep(moments.random() * seconds / 2)
        process.kill()
        process.join()
    again = start(tmp_path)
    again.join()
    assert again.exitcode == 0
    assert_the_same(contents(tmp_path), expected)


def test_two_processes_that_train_the_same_recipes_leave_whole_runs(start, undisturbed, tmp_path):
    processes = [start(tmp_path) for _ in range(2)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert_the_same(contents(tmp_path), undisturbed[0])
    assert not list(tmp_path.rglob("*.partial")) and not list((tmp_path / "unfinished").iterdir())


def test_shipped_runs_are_passed_over_where_training_is_what_is_tested(monkeypatch):
    assert stored.default_store().shipped == [stored.SHIPPED]
    monkeypatch.setenv("KDVIZ_TRAIN", "1")
    assert stored.default_store().shipped == []


def test_a_checkpoint_whose_students_are_all_finished_is_dropped_by_the_next_call(student, store, monkeypatch):
    recipes = kd.grid(student, seed=range(2))
    with monkeypatch.context() as killed_just_then:
        killed_just_then.setattr(stored.Store, "drop_unfinished", lambda self, lost: None)
        kd.train(recipes, store=store)
    assert list((store.folder / "unfinished").glob("*.safetensors"))
    kd.train(recipes, store=store)
    assert not list((store.folder / "unfinished").glob("*.safetensors"))
