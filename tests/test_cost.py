"""What a call of train costs is said once, before most of it is spent."""

import pytest
import torch

import kdviz as kd
from kdviz.training import cost


@pytest.fixture
def taught(digits):
    teacher = kd.Recipe(digits, kd.mlp(12), kd.HardLabels(), epochs=3)
    return kd.grid(kd.Recipe(digits, kd.mlp(8), kd.SoftTargets(teacher, temperature=2), epochs=3), seed=range(4))


def test_operations_are_those_of_the_products_times_the_examples_shown(digits):
    own = kd.data_of(
        train=(torch.rand(30, 1, 12), torch.arange(30) % 3), test=(torch.rand(6, 1, 12), torch.arange(6) % 3),
        classes=("a", "b", "c"), unlabelled=torch.rand(50, 1, 12),
    )  # fmt: skip
    dense = kd.Recipe(digits, kd.mlp(5), kd.HardLabels(), epochs=2)
    assert cost.operations(dense) == 2 * 1000 * 2 * (64 * 5 + 5 * 10)
    narrowed = dense.replace(data=digits.without(3).take(50, seed=0))
    assert cost.examples(narrowed) == 2 * 1000  # an epoch counts the full training set
    curves = kd.Recipe(own, kd.cnn(4), kd.HardLabels(), epochs=1)
    assert cost.operations(curves) == 30 * 2 * (12 * 4 * 5 + 4 * 6 * 3)
    student = kd.Recipe(own.unlabelled(20), kd.mlp(5), kd.SoftTargets(curves, temperature=1), epochs=1)
    assert cost.examples(student) == 50


def test_counting_leaves_torchs_random_numbers_as_they_were(digits):
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    cost._of_one_answer.cache_clear()
    cost.operations(kd.Recipe(digits, kd.mlp(5), kd.HardLabels()))
    assert torch.equal(torch.rand(2), expected)


def test_the_sentence_has_runs_students_and_how_long_and_is_silent_under_a_minute(taught):
    whole = sum(map(cost.operations, [taught[0].parents[0], *taught]))
    recipes = [taught[0].parents[0], *taught]
    assert cost.told(recipes, whole / 10, 5.9, "cpu") == ""
    said = cost.told(recipes, whole / 10, 12.0, "cpu")
    assert (
        said == "To train: 5 runs, 4 of them students. Judged by the first 12 s this takes about 2 minutes on this cpu."
    )
    assert "about 3.0 hours" in cost.told(recipes, whole / 1000, 10.8, "cpu")
    assert cost.told(taught[:1], cost.operations(taught[0]) / 10, 6.1, "cpu").startswith("To train: 1 run. Judged")


class Odd(torch.nn.Module):
    """It cannot answer to one example."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(64, 10)

    def forward(self, x):
        if len(x) == 1:
            raise RuntimeError("one is too few")
        return self.head(x.flatten(1))


def test_of_what_cannot_be_counted_nothing_is_said(digits):
    odd = kd.Recipe(digits, kd.network(Odd), kd.HardLabels(), epochs=1)
    assert cost.operations(odd) == 0 and cost.told([odd], 1.0, 1000.0, "cpu") == ""


@pytest.mark.parametrize("quiet", [False, True])
def test_a_long_training_says_its_cost_once_and_a_short_one_says_nothing(taught, quiet, monkeypatch, capfd):
    monkeypatch.setattr(cost, "JUDGED_AFTER", 0.0)
    kd.train(taught, store=None)
    assert "To train" not in "".join(capfd.readouterr())
    monkeypatch.setattr(cost, "LONG", 0.0)
    if quiet:
        monkeypatch.setenv("KDVIZ_STATIC", "1")
    kd.train(taught, store=None)
    out, err = capfd.readouterr()
    assert "To train" not in out and err.count("To train: 5 runs, 4 of them students. Judged by") == (not quiet)
