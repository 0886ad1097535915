"""Networks without a fused form: trained alone, with their buffers, to what a plain loop gives; unedited modules."""

import pytest
import torch
from plain import trained_alone
from torch import nn

import kdviz as kd
from kdviz.networks import Module
from kdviz.training import engines, work
from kdviz.training.alone import Alone
from kdviz.training.arrays import Array
from kdviz.training.checkpoints import restore, state


def with_norm(width: int = 12, dropout: float = 0.0):
    """A network nobody here has heard of; before a norm no bias, whose gradient would be rounding alone."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
        nn.Linear(64, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10),
    )  # fmt: skip


@pytest.fixture
def normed(digits):
    return kd.Recipe(digits, kd.network(with_norm, outputs={"features": "7"}), kd.HardLabels(), epochs=3)


def test_an_mlp_trains_to_the_same_run_alone_and_in_an_array(student, double, monkeypatch):
    recipes = kd.grid(student.replace(epochs=8), temperature=[1, 4], seed=range(2))
    together = kd.train(recipes, store=None)
    monkeypatch.setattr(engines, "fusable", lambda recipe: False)
    monkeypatch.setattr("kdviz.training.grouping.fusable", lambda recipe: False)
    alone = kd.train(recipes, store=None)
    assert {run.facts["trained_together"] for run in alone} == {1}
    for one, other in zip(alone, together, strict=True):
        assert one.arrays.keys() == other.arrays.keys()
        assert max((one.arrays[n] - other.arrays[n]).abs().max() for n in one.arrays) < 1e-9
        assert one.history["loss"] == pytest.approx(other.history["loss"], abs=1e-9)
        assert one.history["train_agreement"] == other.history["train_agreement"]


@pytest.mark.parametrize("taught", [False, True])
@pytest.mark.parametrize("optimizer", [kd.AdamW(), kd.SGD(milestones=(1, 2)), kd.SGD(nesterov=True, momentum=0.8)])
def test_a_module_with_buffers_ends_where_a_plain_loop_ends(normed, teacher, double, taught, optimizer):
    objective, network = normed.objective, None
    if taught:
        network = kd.train(teacher, store=None).network()
        objective = kd.SoftTargets(teacher, temperature=2, hard_weight=0.3)
    recipe = normed.replace(objective=objective, optimizer=optimizer, learning_rate=0.01)
    run, plain = kd.train(recipe, store=None), trained_alone(recipe, network).state_dict()
    assert {f"weights/{name}" for name in plain} == run.arrays.keys() - {"test_logits"}
    assert all(torch.allclose(run.arrays[f"weights/{name}"], plain[name], atol=1e-9, rtol=0) for name in plain)
    assert any("running_mean" in name for name in plain)


def test_resumed_with_dropout_and_buffers_it_ends_as_undisturbed(normed):
    recipe = normed.replace(model=kd.network(with_norm, dropout=0.3), augment=kd.Jitter(1))
    with work.as_it_was("cpu"):
        array = Array([recipe], {}, "cpu")
        array.advance()
        header, kept = state(array)
        kept = {name: tensor.clone() for name, tensor in kept.items()}
        while not array.done:
            array.advance()
        (undisturbed,) = array.runs()
        again = Array([recipe], {}, "cpu")
        restore(again, header, kept)
        while not again.done:
            again.advance()
        (resumed,) = again.runs()
    assert all(torch.equal(resumed.arrays[name], undisturbed.arrays[name]) for name in undisturbed.arrays)
    assert any(name.startswith("buffer/") for name in kept)


def test_a_run_gives_its_network_back_with_its_buffers(normed, store, digits):
    run = kd.train(normed, store=store)
    again = store.find(normed)
    assert torch.equal(run.logits(), again.logits())
    with torch.no_grad():
        outputs = again.network()(digits.test.inputs)
    torch.testing.assert_close(outputs["logits"], run.logits(), atol=1e-5, rtol=1e-5)
    assert outputs["features"].shape == (len(digits.test), 12)


def test_students_look_into_modules_by_the_names_one_gives(normed, digits):
    student = normed.replace(objective=kd.Contrastive(normed, dimensions=4), epochs=1, seed=1)
    assert kd.train(student, store=None).history["loss"][-1] > 0
    maps = kd.network(with_norm, outputs={"map 1": "2", "map 2": "3"})
    watched = normed.replace(model=maps)
    taught = watched.replace(objective=kd.AttentionTransfer(watched), epochs=1, seed=1)
    assert kd.train(taught, store=None).history["loss"][-1] > 0


class Spoken(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body, self.head = nn.Linear(64, 7), nn.Linear(7, classes)

    def forward(self, inputs):
        hidden = self.body(inputs.flatten(1)).relu()
        return {"hidden": hidden, "logits": self.head(hidden)}


def test_a_module_may_answer_with_a_mapping(digits):
    run = kd.train(kd.Recipe(digits, kd.network(Spoken, 10), kd.HardLabels(), epochs=1), store=None)
    assert run.logits().shape == (len(digits.test), 10)


def bare(classes=10):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: kd.network(bare, classes=9), r"answers one example with \(1, 9\), not with \(1, 10\)"),
        (lambda: kd.network(nn.Linear, 64, 10), "cannot take inputs of shape"),
        (lambda: kd.network(nn.Flatten), r"answers one example with \(1, 64\)"),
        (lambda: kd.network(with_norm, outputs={"features": "relu"}), "no layer 'relu' for 'features': near it are"),
        (lambda: kd.network(with_norm, outputs={"features": ""}), "no layer ''"),
        (lambda: kd.network(dict), "gives a dict: a network is a torch.nn.Module"),
    ],
)
def test_what_is_no_network_for_the_data_is_named(digits, model, message):
    with pytest.raises(ValueError, match=message):
        kd.train(kd.Recipe(digits, model(), kd.HardLabels(), epochs=1), store=None)


@pytest.mark.parametrize("thing", [nn.Linear(64, 10), "resnet18", 3])
def test_a_network_is_described_by_what_builds_it(thing):
    with pytest.raises(ValueError, match="a network is described by what builds it"):
        kd.network(thing)


def test_what_it_says_and_how_it_is_told_apart(normed):
    assert str(normed.model) == "with_norm()" and normed.model.outputs == ("features", "logits")
    assert kd.network(with_norm, width=3) == kd.network(with_norm, width=3) != kd.network(with_norm, width=4)
    assert isinstance(normed.model, Module) and normed.key != normed.replace(model=kd.network(with_norm)).key


def test_alone_counts_one_student_and_keeps_the_mode(normed, digits):
    network = Alone([normed.model.build((1, 8, 8), 10)], torch.device("cpu"))
    before = network.buffers["module.1.running_mean"].clone()
    network(digits.train.inputs[None, :5])
    assert torch.equal(before, network.buffers["module.1.running_mean"])
    network(digits.train.inputs[None, :5], training=True)
    assert not torch.equal(before, network.buffers["module.1.running_mean"]) and network.students == 1
