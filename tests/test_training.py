import pytest
import torch
import torch.nn.functional as F

import kdviz as kd
from kdviz import training
from kdviz.models import Network


def test_runs_come_back_in_the_order_asked_and_are_not_trained_twice(student, store, monkeypatch):
    recipes = kd.grid(student, temperature=[4, 1], seed=range(2))
    first = kd.train(recipes, store=store)
    assert [run.recipe for run in first] == recipes
    monkeypatch.setattr(training, "_train_one", lambda *_: pytest.fail("trained again"))
    second = kd.train(list(reversed(recipes)), store=store)
    for a, b in zip(first, reversed(second), strict=True):
        assert torch.equal(a.logits(), b.logits())
    assert kd.train(recipes[0], store=store).key == recipes[0].key


def test_the_same_recipe_gives_the_same_run_whatever_was_drawn_before(student):
    once = kd.train(student, store=None)
    torch.manual_seed(123)
    drawn = torch.rand(3)
    torch.manual_seed(123)
    twice = kd.train(student, store=None)
    assert torch.equal(once.logits(), twice.logits()) and once.history == twice.history
    assert torch.equal(torch.rand(3), drawn)  # and training leaves the caller's generator alone
    assert not torch.equal(once.logits(), kd.train(student.replace(seed=1), store=None).logits())


def test_the_loss_depends_on_the_teacher(student, teacher):
    other = student.replace(teacher=teacher.replace(seed=5))
    assert not torch.equal(kd.train(student, store=None).logits(), kd.train(other, store=None).logits())


def test_students_train_in_train_mode_and_teachers_in_eval_mode_in_every_epoch(student, teacher, monkeypatch):
    modes, forward = [], Network.forward

    def spy(self, inputs):
        modes.append((self.head.in_features, self.training, torch.is_grad_enabled(), len(inputs)))
        return forward(self, inputs)

    monkeypatch.setattr(Network, "forward", spy)
    kd.train(student.replace(epochs=3, augment=kd.Jitter(1), teacher=teacher), store=None)
    of_student = [m for m in modes if m[0] == 8 and m[3] == 128]
    assert len(of_student) == round(3 * 1000 / 128) and all(train and grad for _, train, grad, _ in of_student)
    of_teacher = modes[next(i for i, m in enumerate(modes) if m[0] == 8) - 1 :]
    of_teacher = [m for m in of_teacher if m[0] == 12]
    assert len(of_teacher) >= len(of_student) and not any(train or grad for _, train, grad, _ in of_teacher)


def test_teacher_logits_belong_to_the_images_they_are_used_with(student, digits, monkeypatch):
    """Every batch's soft targets against a fresh forward pass of the teacher on that batch."""
    narrowed = student.replace(data=digits.without(3))
    teacher_run = kd.train(narrowed.objective.teacher, store=None)
    network, seen = teacher_run.network(), []
    loss = kd.SoftTargets.loss

    def spy(self, outputs, labels, teacher_logits):
        seen.append((labels, teacher_logits))
        return loss(self, outputs, labels, teacher_logits)

    monkeypatch.setattr(kd.SoftTargets, "loss", spy)
    kd.train(narrowed, store=None)
    rows = list(training.batches(len(digits.without(3).train), 128, len(seen), narrowed.seed))
    for batch, (labels, logits) in zip(rows, seen, strict=True):
        split = digits.without(3).train[batch]
        assert torch.equal(labels, split.labels) and 3 not in labels
        with torch.no_grad():
            torch.testing.assert_close(logits, network(split.inputs)["logits"], atol=1e-5, rtol=1e-5)


def test_a_tuple_of_teachers_teaches_their_mean_probability(student, teacher, monkeypatch):
    pair = (teacher, teacher.replace(seed=1))
    seen = []
    monkeypatch.setattr(kd.SoftTargets, "loss", lambda self, o, labels, t: seen.append(t) or F.mse_loss(o["logits"], t))
    kd.train(student.replace(teacher=pair), store=None)
    runs = [kd.train(one, store=None).logits("train").softmax(-1) for one in pair]
    rows = next(training.batches(1000, 128, 1, 0))
    torch.testing.assert_close(seen[0].softmax(-1), (runs[0] + runs[1])[rows] / 2)


def test_given_logits_teach_as_the_teacher_they_came_from(student, teacher):
    given = kd.train(teacher, store=None).logits("train")
    a, b = kd.train(student, store=None), kd.train(student.replace(teacher=given), store=None)
    assert torch.equal(a.logits(), b.logits())
    with pytest.raises(ValueError, match=r"must be finite and of shape \(1000, 10\), not \(900, 10\)"):
        kd.train(student.replace(teacher=given[:900]), store=None)
    with pytest.raises(ValueError, match="given logits belong to unchanged images"):
        kd.train(student.replace(teacher=given, augment=kd.Jitter(1)), store=None)


def test_init_starts_from_another_runs_weights(teacher):
    with pytest.raises(ValueError, match="init ended with a network 12, this recipe starts with 13"):
        teacher.replace(init=teacher, model=kd.mlp(13))
    frozen = teacher.replace(init=teacher, learning_rate=1e-12, seed=3)
    torch.testing.assert_close(
        kd.train(frozen, store=None).logits(), kd.train(teacher, store=None).logits(), atol=1e-4, rtol=1e-4
    )


def test_batches_are_full_cover_everything_and_are_paired_by_seed():
    stream = torch.cat(list(training.batches(50, 16, 25, seed=0)))
    assert stream.shape == (400,)
    assert torch.equal(stream.view(8, 50).sort(-1).values, torch.arange(50).expand(8, 50))
    assert torch.equal(stream, torch.cat(list(training.batches(50, 16, 25, seed=0))))
    assert not torch.equal(stream, torch.cat(list(training.batches(50, 16, 25, seed=1))))


def test_epochs_count_the_full_training_set(student, digits, monkeypatch):
    steps = []
    count = training.batches
    monkeypatch.setattr(training, "batches", lambda n, b, s, seed: steps.append((n, s)) or count(n, b, s, seed))
    kd.train(kd.grid(student, data=[digits, digits.only(7)], epochs=[2]), store=None)
    assert [s for _, s in steps] == [8, 16, 16] and steps[2][0] < 120


def test_the_learning_rate_rises_then_falls_to_nothing():
    rates = [training.learning_rate_at(step, 100, 2.0) for step in range(1, 101)]
    assert max(rates) == rates[29] == 2.0 and rates[-1] == pytest.approx(0, abs=1e-12)
    assert rates[:30] == sorted(rates[:30]) and rates[29:] == sorted(rates[29:], reverse=True)


def test_history_is_the_last_epochs_not_the_best(student, digits):
    run = kd.train(student.replace(epochs=3), store=None)
    assert run.history["epoch"] == [1.02, 2.05, 2.94]
    assert run.history["test_accuracy"][-1] == kd.measures.accuracy(run.logits(), digits.test.labels)


def test_kdviz_train_0_names_the_field_that_differs(student, store, monkeypatch):
    kd.train(student, store=store)
    monkeypatch.setenv("KDVIZ_TRAIN", "0")
    assert kd.train(student, store=store).recipe == student
    with pytest.raises(LookupError, match=r"differs in: recipe.objective.temperature is 3.0, stored 2.0"):
        kd.train(student.replace(temperature=3), store=store)


def test_a_diverging_run_says_which(student):
    with pytest.raises(FloatingPointError, match="8 on digits, SoftTargets at T = 2, seed 0 is no longer finite"):
        kd.train(student.replace(learning_rate=1e30, epochs=4), store=None)


def test_the_teacher_must_know_the_students_data(student):
    from kdviz.data import Description

    stranger = student.objective.teacher.replace(data=Description("mnist"))
    with pytest.raises(ValueError, match="the teacher learnt mnist, the student is given digits"):
        training._Teacher(student.replace(teacher=stranger), kd.load("digits"), {}, "cpu")
