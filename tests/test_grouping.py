"""What trains together, what is split, what is lost, and who trains it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import kdviz as kd
from kdviz.publish import reference
from kdviz.runs.store import write
from kdviz.training import arrays, grouping, work
from kdviz.training.arrays import Array


def together(runs):
    return [run.facts["trained_together"] for run in runs]


def test_what_differs_only_from_student_to_student_trains_together(student, teacher, digits, store):
    base, start = student.replace(epochs=1), student.replace(temperature=8)
    kd.train([start, teacher.replace(seed=3)], store=store)
    varied = [base.replace(**change) for change in ({"temperature": 3}, {"hard_weight": 1}, {"seed": 4})]
    varied += [base.replace(data=digits.rest(500, seed=0).take(300, seed=1))]
    varied += [base.replace(data=digits.without(2)), base.replace(teacher=teacher.replace(seed=3)), base]
    varied.append(base.replace(init=start))
    assert together(kd.train(varied, store=store)) == [7] * 7 + [1]  # a generation at a time


def test_what_differs_in_kind_trains_apart(student, digits):
    changes = [{"model": kd.mlp(9)}, {"epochs": 2}, {"learning_rate": 2e-3}, {"batch_size": 64}, {"weight_decay": 0}]
    changes += [{"augment": kd.Jitter(1)}, {"data": digits.split(100, seed=0)}, {}]
    changes += [{"data": digits.shuffle_labels(seed)} for seed in (0, 1)] + [{"data": digits.replace_inputs("noise")}]
    recipes = [student.replace(**change) for change in changes]
    runs = kd.train([*recipes, student.objective.teacher], store=None)
    assert together(runs) == [1] * 12
    assert [len(run.logits()) for run in runs[6:8]] == [100, 797]


def test_facts_say_how_a_run_was_made(student):
    facts = kd.train(student, store=None).facts
    names = {"seconds", "trained_together", "device", "threads", "matmul_precision", "torch", "python"}
    assert set(facts) == names and facts["threads"] == 1 and facts["device"] == "cpu"


def test_an_array_that_does_not_fit_is_split_and_says_so(student, monkeypatch):
    room = grouping.bytes_of_student(student) * 3.5 / grouping.MEMORY_SHARE
    monkeypatch.setattr(grouping, "free_memory", lambda device: room)
    with pytest.warns(UserWarning, match="5 students 8 do not fit into memory at once: 3 at a time"):
        runs = kd.train(kd.grid(student, seed=range(5)), store=None)
    assert sorted(together(runs)) == [2, 2, 3, 3, 3]
    monkeypatch.setattr(grouping, "free_memory", lambda device: 1000)
    with pytest.raises(MemoryError, match="one student, .* needs 0 MiB: more than is free"):
        kd.train(student, store=None)


def test_an_array_that_runs_out_of_memory_is_halved(student, monkeypatch):
    def small(recipes, *rest):
        if len(recipes) > 2:
            raise torch.OutOfMemoryError("as a GPU would say")
        return Array(recipes, *rest)

    monkeypatch.setattr(work, "Array", small)
    with pytest.warns(UserWarning, match="students did not fit into memory: half of them at a time"):
        runs = kd.train(kd.grid(student, seed=range(5)), store=None)
    assert sorted(together(runs)) == [1, 2, 2, 2, 2]


def test_the_estimate_of_memory_counts_every_layer(student):
    wide = grouping.bytes_of_student(student.replace(model=kd.mlp(800, 800)))
    parameters = 64 * 800 + 800 * 800 + 800 * 10 + 1610
    assert wide == 4 * (5 * parameters + 4 * 128 * (1610 + 3 * 64))
    assert grouping.bytes_of_student(student.replace(model=kd.cnn(4))) > 4 * 4 * 128 * 4 * 64


def test_a_diverging_student_is_reported_and_spoils_no_other(student, store, monkeypatch):
    mild = kd.grid(student, seed=range(2), epochs=[3], temperature=[2, 4])
    alone = kd.train(mild, store=None)
    wild = mild[1].replace(temperature=1000, hard_weight=3e38)
    heir = student.replace(teacher=wild)
    said = "the loss of 8 on digits, SoftTargets at T = 1000, seed 0 is no longer finite"
    with pytest.raises(kd.Diverged, match=said) as e:
        kd.train([wild, *mild, heir], store=store)
    assert f"{heir} needs a run that was lost" in str(e.value)
    assert [run.recipe for run in e.value.finished] == mild and not list((store.folder / "unfinished").iterdir())
    for run, undisturbed in zip(e.value.finished, alone, strict=True):
        torch.testing.assert_close(run.logits(), undisturbed.logits(), atol=1e-5, rtol=1e-5)
        assert len(run.history["epoch"]) == 3
    assert store.find(wild) is None and store.find(mild[0]) is not None


def test_a_student_lost_on_its_own_leaves_no_checkpoint(student, store, monkeypatch):
    monkeypatch.setattr(work, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(kd.Diverged):
        kd.train(student.replace(temperature=1000, hard_weight=3e38, epochs=5), store=store)
    assert not list((store.folder / "unfinished").iterdir())


def test_a_student_that_ends_without_finite_logits_is_lost(student, store, monkeypatch):
    """As one whose last step overflows: no later loss would show it."""
    predict = arrays.predict_logits
    monkeypatch.setattr(arrays, "predict_logits", lambda network, inputs: predict(network, inputs) * float("nan"))
    with pytest.raises(kd.Diverged, match=r"no longer finite \(epoch 1\)"):
        kd.train(kd.grid(student.objective.teacher, seed=range(2)), store=store)
    assert not list(store.folder.glob("*.safetensors")) and not list((store.folder / "unfinished").iterdir())


def test_a_lost_array_stops_early(student, monkeypatch):
    steps, advance = [], Array.advance
    monkeypatch.setattr(Array, "advance", lambda self: steps.append(advance(self)) or steps[-1])
    with pytest.raises(kd.Diverged):
        kd.train(student.replace(temperature=1000, hard_weight=3e38, epochs=50), store=None)
    assert sum(steps[1:]) < 50


def test_an_executors_workers_train_each_seed_on_their_own(student, store):
    recipes = kd.grid(student, temperature=[1, 2], seed=range(4))
    here = kd.train(recipes, store=None)
    with ThreadPoolExecutor(4) as executor:
        runs = kd.train(recipes, store=store, executor=executor)
        assert together(runs) == [2] * 8 and [run.recipe for run in runs] == recipes
        for a, b in zip(runs, here, strict=True):
            torch.testing.assert_close(a.logits(), b.logits(), atol=1e-5, rtol=1e-5)
        with pytest.raises(kd.Diverged, match="SoftTargets at T = 1000, seed 0 is no longer finite"):
            kd.train(student.replace(temperature=1000, hard_weight=3e38), store=store, executor=executor)
        with pytest.raises(ValueError, match="an executor needs one"):
            kd.train(recipes, store=None, executor=executor)


def test_workers_in_threads_take_turns(student, store, monkeypatch):
    """Torch's generator and precision are the process's: two arrays at once would draw from one generator."""
    active, most, trained = [], [], work.Work.train

    def spy(self, missing):
        if self.executor:
            return trained(self, missing)
        active.append(self)
        most.append(len(active))
        time.sleep(0.02)
        trained(self, missing)
        active.remove(self)

    monkeypatch.setattr(work.Work, "train", spy)
    with ThreadPoolExecutor(4) as executor:
        kd.train(kd.grid(student, seed=range(4)), store=store, executor=executor)
    assert most == [1] * 5


def test_a_worker_trains_a_teacher_that_was_shipped_without_weights(student, tmp_path):
    run = kd.train(student.objective.teacher, store=None)
    write(run, reference.reduced(run, {"errors"}), tmp_path)
    with ThreadPoolExecutor(1) as executor:
        kd.train(student, store=kd.Store(tmp_path / "new", tmp_path), executor=executor)


def test_a_dask_cluster_trains_into_a_shared_store(student, store):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'kdviz[dask]'")
    recipes = kd.grid(student, temperature=[1, 2], seed=range(2))
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        runs = kd.train(recipes, store=store, executor=client.get_executor())
    here = kd.train(recipes, store=None)
    for a, b in zip(runs, here, strict=True):
        torch.testing.assert_close(a.logits(), b.logits(), atol=1e-5, rtol=1e-5)
