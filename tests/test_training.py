from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

import kdviz as kd
from kdviz.data import Description
from kdviz.networks import Network
from kdviz.recipes.schedules import one_cycle
from kdviz.training import arrays, memory, schedule, work
from kdviz.training.arrays import Array
from kdviz.training.fused import Fused


def test_runs_come_back_in_the_order_asked_and_are_not_trained_twice(student, store, monkeypatch):
    recipes = kd.grid(student, temperature=[4, 1], seed=range(2))
    first = kd.train(recipes, store=store)
    assert [run.recipe for run in first] == recipes
    monkeypatch.setattr(work, "Array", lambda *_: pytest.fail("trained again"))
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
    of_students, of_teachers, fused, plain = [], [], Fused.__call__, Network.forward

    def spy_students(self, inputs, training=False, weights=None):
        of_students.append((inputs.shape[1], training, torch.is_grad_enabled()))
        return fused(self, inputs, training, weights)

    def spy_teachers(self, inputs):
        of_teachers.append((len(inputs), self.training, torch.is_grad_enabled()))
        return plain(self, inputs)

    taught = kd.train(teacher, store=None)
    recipe = student.replace(epochs=3, augment=kd.Jitter(1))
    monkeypatch.setattr(Fused, "__call__", spy_students)
    monkeypatch.setattr(Network, "forward", spy_teachers)
    array = Array([recipe], {teacher: taught}, "cpu")
    while not array.done:
        array.advance()
    steps = round(3 * 1000 / 128)
    assert [seen for seen in of_students if seen[0] == 128] == [(128, True, True)] * steps
    assert [seen for seen in of_teachers if seen[0] == 128] == [(128, False, False)] * steps
    assert not any(training or grad for _, training, grad in of_teachers)


def test_teacher_logits_belong_to_the_images_they_are_used_with(student, digits, monkeypatch):
    """Every batch's soft targets against a fresh forward pass of the teacher on that batch."""
    narrowed = student.replace(data=digits.without(3))
    network, seen = kd.train(student.objective.teacher, store=None).network(), []
    losses = kd.SoftTargets.losses

    def spy(outputs, labels, teacher, extra, **numbers):
        seen.append((labels[0], teacher["logits"][0]))
        return losses(outputs, labels, teacher, extra, **numbers)

    monkeypatch.setattr(kd.SoftTargets, "losses", staticmethod(spy))
    kd.train(narrowed, store=None)
    order = schedule.Order(digits.without(3).rows, narrowed.seed)
    for labels, logits in seen:
        split = digits.full_train[order.take(128)]
        assert torch.equal(labels, split.labels) and 3 not in labels
        with torch.no_grad():
            torch.testing.assert_close(logits, network(split.inputs)["logits"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("augment", [None, kd.Jitter(1)])
def test_a_tuple_of_teachers_teaches_their_mean_probability(student, teacher, digits, monkeypatch, augment):
    pair = (teacher, teacher.replace(seed=1))
    seen = []

    def spy(outputs, labels, teacher, extra, **numbers):
        seen.append(teacher["logits"])
        return F.mse_loss(outputs["logits"], teacher["logits"])[None]

    monkeypatch.setattr(kd.SoftTargets, "losses", staticmethod(spy))
    kd.train(student.replace(teacher=pair, augment=augment), store=None)
    images = digits.full_train[schedule.Order(digits.rows, 0).take(128)].inputs
    if augment:
        images = augment(images, augment.draw(128, torch.Generator().manual_seed(schedule.seed_of(0, "augmentation"))))
    networks = [kd.train(one, store=None).network() for one in pair]
    with torch.no_grad():
        expected = sum(network(images)["logits"].softmax(-1) for network in networks) / 2
    torch.testing.assert_close(seen[0][0].softmax(-1), expected)


def test_given_logits_teach_as_the_teacher_they_came_from(student, teacher):
    given = kd.train(teacher, store=None).logits("train")
    a, b = kd.train(student, store=None), kd.train(student.replace(teacher=given), store=None)
    assert torch.equal(a.logits(), b.logits())
    with pytest.raises(ValueError, match=r"must be finite and of shape \(1000, 10\), not \(900, 10\)"):
        kd.train(student.replace(teacher=given[:900]), store=None)
    with pytest.raises(ValueError, match="given logits belong to unchanged images"):
        kd.train(student.replace(teacher=given, augment=kd.Jitter(1)), store=None)
    with pytest.raises(ValueError, match="given logits belong to unchanged images"):
        kd.train(student.replace(teacher=given, data=kd.load("digits").replace_inputs("noise")), store=None)


def test_init_starts_from_another_runs_weights(teacher):
    with pytest.raises(ValueError, match="init ended with a network 12, this recipe starts with 13"):
        teacher.replace(init=teacher, model=kd.mlp(13))
    frozen = teacher.replace(init=teacher, learning_rate=1e-12, seed=3)
    torch.testing.assert_close(
        kd.train(frozen, store=None).logits(), kd.train(teacher, store=None).logits(), atol=1e-4, rtol=1e-4
    )


def test_an_order_covers_everything_and_is_paired_by_seed():
    rows = torch.arange(100, 150)
    whole = schedule.Order(rows, seed=0).take(400)
    assert torch.equal(whole.view(8, 50).sort(-1).values, rows.expand(8, 50))
    pieces = schedule.Order(rows, seed=0)
    assert torch.equal(whole, torch.cat([pieces.take(count) for count in (16, 50, 120, 214)]))
    assert not torch.equal(whole, schedule.Order(rows, seed=1).take(400))


def test_epochs_count_the_full_training_set(student, digits):
    teacher_run = kd.train(student.objective.teacher, store=None)
    narrowed = student.replace(data=digits.only(7), epochs=2)
    arrays = [Array([recipe], {teacher_run.recipe: teacher_run}, "cpu") for recipe in (student, narrowed)]
    assert [array.steps for array in arrays] == [8, 16] and len(digits.only(7).train) < 120


def test_the_learning_rate_rises_then_falls_to_nothing():
    rates = [one_cycle(step, 100, 2.0) for step in range(1, 101)]
    assert max(rates) == rates[29] == 2.0 and rates[-1] == pytest.approx(0, abs=1e-12)
    assert rates[:30] == sorted(rates[:30]) and rates[29:] == sorted(rates[29:], reverse=True)


@pytest.mark.parametrize("batch_size", [15, 96, 128, 1000])
def test_history_has_a_row_for_each_epoch_even_where_batches_do_not_divide_it(teacher, batch_size):
    epochs = 64 if batch_size == 15 else 13
    run = kd.train(teacher.replace(epochs=epochs, batch_size=batch_size), store=None)
    rounded_up = [round(-(-epoch * 1000 // batch_size) * batch_size / 1000, 2) for epoch in range(1, epochs)]
    assert run.history["epoch"][:-1] == rounded_up and len(run.history["loss"]) == epochs


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


def test_the_teacher_must_know_the_students_data(student):
    stranger = student.objective.teacher.replace(data=Description("mnist"))
    with pytest.raises(ValueError, match="the teacher learnt mnist, the student is given digits"):
        Array([student.replace(teacher=stranger)], {}, "cpu")


def test_a_student_starts_between_its_own_weights_and_anothers(student):
    """A rate of next to nothing leaves the start: λ of the other's weights, the rest its seed's own."""
    still = student.replace(learning_rate=1e-12, seed=4)
    given = kd.train(student, store=None)
    own, half, whole = kd.train(
        [still, *(still.replace(init=student, init_weight=share) for share in (0.5, 1.0))], store=None
    )
    for name in ("weights/trunk.2.weight", "weights/head.bias"):
        torch.testing.assert_close(half.arrays[name], (own.arrays[name] + given.arrays[name]) / 2, atol=1e-7, rtol=1e-6)
        torch.testing.assert_close(whole.arrays[name], given.arrays[name], atol=1e-7, rtol=1e-6)


def test_a_teacher_answers_on_the_inputs_its_student_sees(student, digits, monkeypatch):
    noise, seen = digits.replace_inputs("noise"), []
    losses = kd.SoftTargets.losses

    def spy(outputs, labels, teacher, extra, **numbers):
        seen.append(teacher["logits"][0])
        return losses(outputs, labels, teacher, extra, **numbers)

    monkeypatch.setattr(kd.SoftTargets, "losses", staticmethod(spy))
    kd.train(student.replace(data=noise), store=None)
    network = kd.train(student.objective.teacher, store=None).network()
    rows = schedule.Order(noise.rows, student.seed).take(128)
    with torch.no_grad():
        torch.testing.assert_close(seen[0], network(noise.train.inputs[rows])["logits"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("small", "threads"), [(0, 2), (float("inf"), 1)])
def test_small_arrays_train_on_one_thread_and_the_callers_threads_are_put_back(teacher, monkeypatch, small, threads):
    monkeypatch.setattr(arrays, "SMALL", small)
    torch.set_num_threads(2)
    assert kd.train(teacher, store=None).facts["threads"] == threads
    assert torch.get_num_threads() == 2


def test_of_many_short_epochs_some_are_measured_the_last_among_them(student):
    run = kd.train(student.replace(epochs=60, batch_size=128), store=None)  # of 8 steps each
    assert 20 <= len(run.history["epoch"]) < 40 and run.history["epoch"][-1] == pytest.approx(60, abs=0.1)
    assert {*map(len, (run.history[name] for name in ("loss", "test_accuracy", "train_agreement")))} == {
        len(run.history["epoch"])
    }


def test_memory_is_kept_while_one_trains_and_a_users_word_stands(monkeypatch):
    told = []
    for name in memory.NAMES:
        monkeypatch.delenv(name, raising=False)
    library = SimpleNamespace(mallopt=lambda name, value: told.append((name, value)))
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: library)
    with memory.kept_memory():
        assert told[-1] == (memory.TRIM, 2**31 - 1)
    assert told[-1] == (memory.TRIM, 2 * memory.LARGE)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")
    before = len(told)
    with memory.kept_memory():
        assert len(told) == before
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: SimpleNamespace())  # another C library
    with memory.kept_memory():
        assert len(told) == before
