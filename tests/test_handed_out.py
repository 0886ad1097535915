"""What is handed out is the caller's to change, and what they change reaches no training and no store."""

import dataclasses

import pytest
import torch

import kdviz as kd
from kdviz.data import Dataset, Description, Split, datasets


@pytest.fixture(autouse=True)
def fresh():
    """What a test changes is no other test's."""
    yield
    for known in datasets.caches:
        known.cache_clear()
    datasets._seals.clear()


def trained(recipe, store):
    """A run, and whether a data set was read anew for it."""
    with pytest.warns(UserWarning, match="tensors of digits were changed in place, and it is read anew: clone"):
        return kd.train(recipe, store=store)


CHANGES = {
    "in place": lambda images: images.mul_(0.1),
    "through a view": lambda images: images[:500].zero_(),
    "through NumPy": lambda images: images.numpy().__imul__(0.1),
    "through .data": lambda images: images.data.mul_(0.1),
    "a gradient asked": lambda images: images.requires_grad_(),
    "one pixel": lambda images: images.numpy().__setitem__((3, 0, 2, 2), 0.7),
    "rows that change places": lambda images: images.numpy().__setitem__(slice(None), images.numpy()[::-1].copy()),
}


@pytest.mark.parametrize("how", CHANGES)
def test_what_a_caller_changes_is_not_trained_on(student, store, how):
    before = kd.train(student, store=None)
    CHANGES[how](kd.load("digits").train.images)
    run = trained(student, store)
    assert torch.equal(run.logits(), before.logits()) and torch.equal(store.find(student).logits(), before.logits())
    again = kd.train(student, store=None)  # said once
    assert torch.equal(again.logits(), before.logits())


@pytest.mark.parametrize("which", ["test.images", "train.labels", "test.labels", "train.index"])
def test_nor_is_any_other_tensor_of_a_data_set(student, store, which):
    before = kd.train(student, store=None)
    part, name = which.split(".")
    getattr(getattr(kd.load("digits"), part), name).numpy()[:] = 0
    run = trained(student, store)
    assert torch.equal(run.logits(), before.logits()) and run.history == before.history


def test_load_itself_gives_what_the_file_holds(digits):
    whole = digits.train.images.clone()
    digits.train.images.zero_()
    with pytest.warns(UserWarning, match="read anew"):
        assert torch.equal(kd.load("digits").train.images, whole)


def test_a_data_set_loaded_in_inference_mode_is_as_any_other(student, monkeypatch):
    datasets._load.cache_clear()
    with torch.inference_mode():
        assert not kd.load("digits").train.images.is_inference()


def test_noise_is_the_same_whatever_a_caller_does_to_it(digits):
    noise = digits.replace_inputs("noise").full_train.inputs
    whole = noise.clone()
    noise.zero_()
    assert torch.equal(digits.replace_inputs("noise").full_train.inputs, whole)


def test_a_data_set_of_ones_own_is_refused(digits, student):
    noise = Split(torch.rand(1000, 1, 8, 8), torch.randint(10, (1000,)), torch.arange(1000))
    for own in (
        Dataset(Description("digits"), noise, noise, torch.arange(1000)),
        dataclasses.replace(digits, full_train=dataclasses.replace(digits.full_train, inputs=noise.inputs)),
        dataclasses.replace(digits, full_test=dataclasses.replace(digits.full_test, labels=noise.labels[:797])),
        dataclasses.replace(digits, rows=torch.arange(500)),
        dataclasses.replace(digits, held_out=torch.arange(500)),
        dataclasses.replace(digits, description=Description("digits", (("take", 100, 0),))),
        dataclasses.replace(digits, full_train=dataclasses.replace(digits.full_train, inputs=noise.inputs.double())),
    ):
        with pytest.raises(
            ValueError, match=r"is called digits.* and holds other tensors: .* those of kd.load\('digits'\)"
        ):
            student.replace(data=own)


def test_a_data_set_that_was_changed_in_place_is_refused(digits, student):
    digits.train.images.mul_(0.1)
    with pytest.warns(UserWarning, match="read anew"), pytest.raises(ValueError, match="holds other tensors"):
        student.replace(data=digits)


def test_every_verb_and_an_equal_copy_are_accepted(digits, student):
    soft = student.replace(soft_weight=1.0)
    for data in (
        digits.without(3),
        digits.only([1, 2]),
        digits.take(100, 0),
        digits.split(200, 0).without(3).take(90, 1),
        digits.shuffle_labels(0),
        digits.replace_inputs("noise").take(100, 1),
        dataclasses.replace(digits, rows=digits.rows.clone()),
    ):
        assert soft.replace(data=data).data == data.description


def test_a_runs_network_is_the_callers_to_change(student, store):
    for run in (kd.train(student, store=None), kd.train(student, store=store)):
        logits, network = run.logits("train"), run.network()
        with torch.no_grad():
            for weight in network.parameters():
                weight.zero_()
        run._computed = None
        assert torch.equal(run.logits("train"), logits) and not network.training
        assert next(run.network().parameters()).any() and run.network() is not run.network()
