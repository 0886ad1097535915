"""What is measured at the end of every epoch."""

import pytest
import torch

import kdviz as kd
from kdviz.data import load_described
from kdviz.training import history


def by_hand(run, measure, most=2_000):
    """A measure of student and teacher, over the student's own training examples, from the finished networks."""
    data = load_described(run.recipe.data)
    inputs = data.full_train.inputs[data.rows[:most]].to(torch.get_default_dtype())
    (taught,) = run.recipe.objective.teachers
    networks = [kd.train(recipe, store=None).network() for recipe in (taught, run.recipe)]
    with torch.no_grad():
        pair = [network(inputs)["logits"] for network in networks]
    return measure(*reversed(pair))


def agreement_by_hand(run, most=2_000):
    return by_hand(run, kd.measures.agreement, most)


def discrepancy_by_hand(run, most=2_000):
    return by_hand(run, kd.measures.predictive_kl, min(most, history.OFTEN))


def test_it_is_the_agreement_with_the_teacher_on_the_students_own_examples(student, teacher, digits, one_array):
    narrow = [student.replace(data=digits.take(n, seed=1), epochs=3) for n in (40, 700)]
    other = student.replace(teacher=teacher.replace(seed=3), seed=2, epochs=3)
    for run in one_array([*narrow, other, student.replace(epochs=3)]):
        assert len(run.history["train_agreement"]) == 3 and len(run.history["train_kl"]) == 1  # of 23 steps
        assert run.history["kl_epoch"] == [pytest.approx(run.history["epoch"][-1], abs=0.01)]
        assert run.history["train_kl"][-1] == pytest.approx(discrepancy_by_hand(run), rel=1e-4)
        assert run.history["train_agreement"][-1] == pytest.approx(agreement_by_hand(run), abs=1e-6)


def test_on_no_more_than_so_many_examples_unshifted(student, monkeypatch):
    monkeypatch.setattr(history, "WATCHED", 30)
    shifted = kd.train(student.replace(augment=kd.Jitter(1)), store=None)
    for run in (shifted, kd.train(student, store=None)):
        assert run.history["train_agreement"] == [pytest.approx(agreement_by_hand(run, 30))]


def test_given_logits_are_agreed_with_too_and_labels_alone_have_no_teacher(student, teacher, digits):
    given = torch.nn.functional.one_hot(digits.train.labels, 10) * 9.0
    run = kd.train(student.replace(teacher=given), store=None)
    logits = run.logits("train")
    assert run.history["train_agreement"][-1] == pytest.approx(kd.measures.accuracy(logits, digits.train.labels))
    assert not {"train_agreement", "kl_epoch", "train_kl"} & kd.train(teacher, store=None).history.keys()


def test_the_table_shows_the_last_epochs(student, teacher):
    table = kd.train([student.replace(epochs=2), teacher], store=None).table()
    assert table.train_agreement.isna().tolist() == [False, True]


def test_streams_of_other_lengths_teachers_and_chunks_are_kept_apart(student, teacher, digits, one_array, monkeypatch):
    monkeypatch.setattr(history, "at_once", lambda students, device: 7)
    shifted = student.replace(augment=kd.Jitter(1))
    recipes = [shifted, shifted.replace(temperature=9), shifted.replace(data=digits.take(45, seed=0), seed=1)]
    for run in one_array([*recipes, recipes[2].replace(teacher=teacher.replace(seed=3))]):
        assert run.history["train_agreement"] == [pytest.approx(agreement_by_hand(run), abs=1e-9)]
        assert run.history["train_kl"] == [pytest.approx(discrepancy_by_hand(run), rel=1e-4)]


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("compression", [kd.Prune(0.3), kd.Quantise(2)], ids=str)
def test_the_discrepancy_is_of_the_network_as_it_answers(student, teacher, compression):
    smaller = student.replace(init=teacher, model=teacher.model, compression=compression, epochs=3)
    run = kd.train(smaller, store=None)
    assert run.history["train_kl"][-1] == pytest.approx(discrepancy_by_hand(run), rel=1e-9)
    assert run.history["train_agreement"][-1] == pytest.approx(agreement_by_hand(run), abs=1e-9)


@pytest.mark.usefixtures("double")
def test_who_starts_as_its_teacher_and_is_taught_by_it_stays_there(student, teacher):
    copy = student.replace(init=teacher, model=teacher.model, temperature=1, epochs=2, weight_decay=0)
    assert max(kd.train(copy, store=None).history["train_kl"]) < 1e-5


def test_short_epochs_are_not_all_looked_at(student):
    run = kd.train(student.replace(epochs=10), store=None)  # 8 steps an epoch or 7, 78 in all
    assert run.history["kl_epoch"] == [4.096, 7.04, 9.984]  # past 25 steps, past 50, past 75 and the last
    assert len(run.history["epoch"]) == len(run.history["train_agreement"]) == 10
    assert run.history["train_kl"][-1] == pytest.approx(discrepancy_by_hand(run), rel=1e-4)


def test_the_discrepancy_is_looked_at_within_an_epoch_too(student):
    run = kd.train(student.replace(batch_size=8, epochs=2), store=None)  # 125 steps an epoch
    assert run.history["kl_epoch"] == [0.8, 1.0, 1.8, 2.0]
    assert run.history["epoch"] == [1, 2] and len(run.history["train_kl"]) == 4
    assert run.history["train_kl"][0] > run.history["train_kl"][-1]
    assert run.history["train_kl"][-1] == pytest.approx(discrepancy_by_hand(run), rel=1e-4)
