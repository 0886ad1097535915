"""What goes wrong with some of a call leaves the rest trained, and the error says the true cause."""

import os
import resource
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest
import torch

import kdviz as kd


@pytest.fixture
def logits():
    noise = torch.randn(1000, 10, generator=torch.Generator().manual_seed(0))
    return noise + 3 * torch.nn.functional.one_hot(kd.load("digits").full_train.labels, 10)


def wrong(logits):
    """Given logits that training refuses: an example fewer than there are."""
    return logits[:-1]


def test_what_is_refused_leaves_the_others_of_its_call_trained(student, teacher, logits, store):
    given = [student.replace(objective=kd.SoftTargets(each)) for each in (logits, wrong(logits), logits + 1)]
    child = student.replace(teacher=given[1])
    recipes = [given[1], *given, child, student, teacher.replace(seed=3), given[1].replace(model=kd.mlp(7))]
    with pytest.raises(ValueError, match="teacher logits must be") as raised:
        kd.train(recipes, store=store)
    trained = [given[0], given[2], student, teacher.replace(seed=3)]
    assert [run.recipe for run in raised.value.finished] == trained and all(map(store.find, trained))
    assert [run.facts["trained_together"] for run in raised.value.finished[:2]] == [2, 2]
    assert any("needs a run that was lost" in note for note in raised.value.__notes__)


def test_in_memory_too(student, logits):
    recipes = [student.replace(objective=kd.SoftTargets(each)) for each in (wrong(logits), logits)]
    with pytest.raises(ValueError, match="teacher logits must be") as raised:
        kd.train(recipes, store=None)
    assert [run.recipe for run in raised.value.finished] == recipes[1:]


def test_what_a_callback_raises_is_raised_at_once(student):
    seen = []

    def watch(recipes, histories, done):
        seen.append(recipes)
        raise ValueError("of my own")

    with pytest.raises(ValueError, match="of my own"):
        kd.train(student, store=None, watch=watch)
    assert len(seen) == 1


def test_a_refusal_and_a_loss_are_both_said(student, logits, store):
    diverging = student.replace(temperature=1000, hard_weight=3e38)
    with pytest.raises(ValueError, match="teacher logits must be") as raised:
        kd.train([student.replace(objective=kd.SoftTargets(wrong(logits))), diverging], store=store)
    assert "no longer finite" in "".join(raised.value.__notes__)


def test_workers_refuse_as_one_does_here(student, logits, store):
    recipes = [student.replace(objective=kd.SoftTargets(each)) for each in (wrong(logits), logits)]
    with (
        ThreadPoolExecutor(2) as executor,
        pytest.raises(ValueError, match="teacher logits must be") as raised,
    ):
        kd.train(recipes, store=store, executor=executor)
    assert [run.recipe for run in raised.value.finished] == recipes[1:]


def small_files():
    """As on a full disk: no file may grow beyond a few bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def small_files_elsewhere():
    """In a process of its own, whose progress goes nowhere: what it would be written to may be a file, too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    small_files()


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_workers_on_a_full_disk_lose_no_training(student, store, monkeypatch, kind):
    recipes = kd.grid(student, seed=range(2))
    here = kd.train(recipes, store=None)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    context = get_context("forkserver")
    monkeypatch.setenv("KDVIZ_STATIC", "1")
    made = {
        "threads": lambda: ThreadPoolExecutor(2),
        "processes": lambda: ProcessPoolExecutor(2, context, initializer=small_files_elsewhere),
    }
    small_here = kind == "threads"
    with made[kind]() as executor, pytest.warns(UserWarning) as said:
        if small_here:
            small_files()
        try:
            runs = kd.train(recipes, store=store, executor=executor)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        if not small_here:
            warnings.warn("a worker's disk was full, this one's is not", UserWarning, stacklevel=1)
    texts = [str(warning.message) for warning in said]
    for run, other in zip(runs, here, strict=True):
        torch.testing.assert_close(run.logits(), other.logits(), atol=1e-5, rtol=1e-5)
    if small_here:
        assert any("is in memory only, it could not be stored" in text for text in texts)
        assert not [path for path in store.folder.rglob("*") if path.is_file()]
    else:
        assert all(map(store.find, recipes))  # the call's own process could store them


def test_a_run_that_its_worker_put_elsewhere_is_no_divergence(student, store, tmp_path, monkeypatch):
    from kdviz.training import work

    elsewhere, job = kd.Store(tmp_path / "elsewhere"), work._job
    monkeypatch.setattr(work, "_job", lambda recipes, store, *more: job(recipes, elsewhere, *more))
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(FileNotFoundError, match="is not in .*store: all must reach it"),
    ):
        kd.train(student.objective.teacher, store=store, executor=executor)
