"""Fused and alone agree."""

import pytest
import torch
from plain import trained_alone

import kdviz as kd
from kdviz.training.fused import Fused


def largest_gap(runs, teacher_logits):
    gaps = []
    for run in runs:
        alone = trained_alone(run.recipe, teacher_logits(run.recipe)).state_dict()
        gaps += [(run.arrays[f"weights/{name}"] - weight).abs().max().item() for name, weight in alone.items()]
    return max(gaps)


def students(student, teacher, digits, steps, model):
    """Two seeds, two teachers, three temperatures and weights of the loss, two training sets."""
    epochs = steps * 128 / 1000
    varied = kd.grid(student, temperature=[1, 20], seed=range(2), model=[model], epochs=[epochs])
    varied.append(varied[0].replace(temperature=4, hard_weight=0.3, soft_weight=0.5, teacher=teacher.replace(seed=7)))
    varied.append(varied[1].replace(data=digits.without([3, 5]), temperature=4))
    return varied


@pytest.mark.parametrize(("model", "steps"), [(kd.mlp(9, 7), 2000), (kd.cnn(3, 4, hidden=(6,)), 100)])
def test_in_double_precision_they_agree_to_a_billionth(double, student, teacher, digits, model, steps, one_array):
    recipes = students(student, teacher, digits, steps, model)
    taught = {t: kd.train(t, store=None).logits("train") for t in (teacher, teacher.replace(seed=7))}
    assert largest_gap(one_array(recipes), lambda recipe: taught[recipe.objective.teacher]) < 1e-9


@pytest.fixture
def sequences(digits):
    """Digits as sequences of 8 positions with 8 channels: the rows of each image."""
    train, test = ((split.inputs.squeeze(1), split.labels) for split in (digits.full_train, digits.full_test))
    return kd.data_of(train=train, test=test, classes=digits.classes)


@pytest.mark.parametrize(("model", "steps"), [(kd.cnn(3, 4, hidden=(6,)), 100), (kd.cnn(5), 100), (kd.mlp(9), 100)])
def test_on_sequences_they_agree_to_a_billionth(double, student, teacher, sequences, model, steps, one_array):
    teacher = teacher.replace(data=sequences, model=model)
    recipes = students(student.replace(data=sequences, teacher=teacher), teacher, sequences, steps, model)
    taught = {t: kd.train(t, store=None).logits("train") for t in (teacher, teacher.replace(seed=7))}
    assert largest_gap(one_array(recipes), lambda recipe: taught[recipe.objective.teacher]) < 1e-9


@pytest.mark.parametrize("shape", [(2, 12), (2, 12, 9)])
@pytest.mark.parametrize("streams", [1, 2, 4])
def test_fused_outputs_are_those_of_each_network(double, shape, streams):
    """Four students on one, two or four streams of inputs."""
    torch.manual_seed(0)
    networks = [kd.cnn(3, 4, hidden=(6,)).build(shape, 10) for _ in range(4)]
    inputs = torch.randn(streams, 5, *shape)
    fused = Fused(networks, torch.device("cpu"))(inputs)
    for i, network in enumerate(networks):
        alone = network(inputs[i * streams // 4])
        torch.testing.assert_close({name: values[i] for name, values in fused.items()}, alone, atol=1e-12, rtol=0)


def test_in_single_precision_they_agree_to_a_thousandth_after_200_steps(student, teacher, digits, one_array):
    recipes = students(student, teacher, digits, 200, kd.mlp(9, 7))
    taught = {t: kd.train(t, store=None).logits("train") for t in (teacher, teacher.replace(seed=7))}
    assert largest_gap(one_array(recipes), lambda recipe: taught[recipe.objective.teacher]) < 1e-3


def test_students_of_labels_alone(double, teacher, one_array):
    recipes = kd.grid(teacher, seed=range(3), epochs=[10])
    assert largest_gap(one_array(recipes), lambda recipe: None) < 1e-9


@pytest.mark.parametrize("share", [True, False])
def test_a_shared_order_changes_nothing(double, student, share, one_array):
    """Regular sweeps share their inputs; with one student more for one seed, nothing is shared."""
    recipes = kd.grid(student, seed=range(2), temperature=[1, 3], epochs=[5])
    odd = [] if share else [recipes[0].replace(temperature=9)]
    runs = one_array(recipes + odd)
    alone = [kd.train(recipe, store=None) for recipe in recipes]
    for a, b in zip(runs, alone, strict=False):
        torch.testing.assert_close(a.logits(), b.logits(), atol=1e-9, rtol=0)
        assert a.history["loss"] == pytest.approx(b.history["loss"], abs=1e-9)


def test_augmented_students_agree_too(double, student, one_array):
    recipes = kd.grid(student, seed=range(2), temperature=[1, 3], epochs=[3], augment=[kd.Jitter(1)])
    for run in one_array(recipes):
        torch.testing.assert_close(run.logits(), kd.train(run.recipe, store=None).logits(), atol=1e-9, rtol=0)


def test_dropout_gives_each_student_its_own_mask_and_the_same_distribution(digits, one_array):
    recipe = kd.Recipe(digits, kd.mlp(24, dropout=0.3, input_dropout=0.1), kd.HardLabels(), epochs=12)
    twins = [recipe.replace(seed=seed) for seed in range(8)]
    fused = torch.tensor([run.history["test_accuracy"][-1] for run in one_array(twins)])
    alone = torch.tensor([kd.train(twin, store=None).history["test_accuracy"][-1] for twin in twins])
    spread = (fused.var() / 8 + alone.var() / 8).sqrt()
    assert (fused.mean() - alone.mean()).abs() < 4 * spread
    paired = kd.grid(
        kd.Recipe(digits, kd.mlp(24, dropout=0.3), kd.SoftTargets(recipe), epochs=1), temperature=[1, 1.0000001]
    )
    a, b = one_array(paired)
    assert not torch.allclose(a.logits(), b.logits(), atol=1e-3)


def test_a_captured_step_is_replayed_as_often_as_it_should_be(student, monkeypatch):
    """The bookkeeping of CUDA graphs, with a graph that replays on the CPU: capturing itself takes no step."""
    from contextlib import contextmanager, nullcontext
    from types import SimpleNamespace
    from unittest.mock import MagicMock

    from kdviz.training.arrays import Array

    recipes = kd.grid(student, temperature=[1, 3], epochs=[40])
    parents = {student.objective.teacher: kd.train(student.objective.teacher, store=None)}
    step, capturing = Array._one_step, []

    @contextmanager
    def capture(graph, stream):
        capturing.append(graph)
        yield
        capturing.pop()

    def trained(pretend):
        array = Array(recipes, parents, "cpu")
        if pretend:
            array.device = SimpleNamespace(type="cuda")
            graph = SimpleNamespace(replay=lambda: step(array))
            names = {"CUDAGraph": lambda: graph, "graph": capture, "stream": nullcontext, "device": nullcontext}
            names |= {"Stream": MagicMock, "current_stream": MagicMock, "synchronize": lambda: None}
            for name, fake in names.items():
                monkeypatch.setattr(torch.cuda, name, fake)
            monkeypatch.setattr(Array, "_one_step", lambda self: None if capturing else step(self))
        while not array.done:
            array.advance()
        return array.network.parameters

    plain, pretended = trained(False), trained(True)
    assert all(torch.equal(plain[name], pretended[name]) for name in plain)
