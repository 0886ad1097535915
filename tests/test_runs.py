import dataclasses

import pytest
import safetensors.torch
import torch

import kdviz as kd
from kdviz import measures
from kdviz.publish import reference
from kdviz.runs import asked
from kdviz.runs.store import write


@pytest.fixture
def blind(student, digits):
    return student.replace(data=digits.without(3))


def test_a_run_survives_the_store(student, store):
    run = kd.train(student, store=None)
    store.save(run)
    found = store.find(student)
    assert torch.equal(found.logits(), run.logits()) and found.history == run.history and found.facts == run.facts
    assert torch.equal(found.logits("train"), run.logits("train"))
    assert {"seconds", "device", "threads", "torch"} <= set(found.facts)
    assert store.find(student.replace(seed=9)) is None


def test_the_table_has_a_row_for_each_run(student, store, digits):
    trained = kd.train(kd.grid(student, seed=range(2)), store=store)
    table = trained.table()
    assert table.seed.tolist() == [0, 1] and table.temperature.tolist() == [2.0, 2.0]
    assert table.errors[0] == round(797 * (1 - measures.accuracy(trained[0].logits(), digits.test.labels)))


def test_predictions_move_with_the_bias(blind, digits):
    run = kd.train(blind, store=None)
    assert run.shifted_classes == [3]
    for bias in (0.0, 2.5, 40.0):
        assert torch.equal(run.predictions(bias), measures.shifted(run.logits(), [3], bias).argmax(-1))
    assert (run.predictions(40.0) == 3).all()


def test_only_7s_and_8s_are_shifted_together(student, digits):
    run = kd.train(student.replace(data=digits.only([7, 8])), store=None)
    assert run.shifted_classes == [7, 8]
    assert torch.equal(run.predictions(-5.0), measures.shifted(run.logits(), [7, 8], -5.0).argmax(-1))


def test_the_table_of_shifts_has_errors_and_recall_before_and_after(blind, digits):
    teacher = blind.objective.teacher.replace(model=kd.mlp(50), epochs=30)
    learnt = blind.replace(model=kd.mlp(50), teacher=teacher, epochs=30, learning_rate=5e-3)
    runs = kd.train([learnt, learnt.replace(seed=4)], store=None)
    table, labels = runs.shifts(), digits.test.labels
    assert (table["errors before"] != table["errors after"]).all()  # else a table of one for the other would pass
    share = (digits.train.labels == 3).double().mean().item()
    for run, row in zip(runs, table.itertuples(index=False), strict=True):
        bias = measures.label_free_bias(run.train_log_odds(), share)
        moved = measures.shifted(run.logits(), [3], bias).argmax(-1)
        before = run.logits().argmax(-1)
        told = [(before != labels).sum(), (moved != labels).sum()]
        told += [100 * (p[labels == 3] == 3).double().mean() for p in (before, moved)]
        assert [*row] == pytest.approx([run.recipe.seed, bias, *map(float, told)])
    assert runs.biases().tolist() == table.bias.tolist()
    added = torch.tensor([0.0, table.bias[0]])
    assert runs.errors_at(added)[0].tolist() == [table["errors before"][0], table["errors after"][0]]
    other = (runs[0].logits().argmax(-1) == 8)[labels == 8].double().mean().item()
    assert runs.shifts(label=8)["% right before"][0] == pytest.approx(100 * other)


def test_mean_logits_leave_out_what_an_image_s_logits_share(blind, digits):
    runs = kd.train([blind], store=None)
    logits = runs[0].logits()
    centred = (logits - logits.mean(-1, keepdim=True))[digits.test.labels == 8]
    assert runs.mean_logits(3).shape == (1, 10)
    assert runs.mean_logits(3)[0, 8].item() == pytest.approx(centred[:, 3].mean().item(), abs=1e-5)


def test_a_run_that_saw_every_class_has_nothing_to_shift(student):
    with pytest.raises(ValueError, match="there is nothing to shift"):
        kd.train(student, store=None).predictions(1.0)


def test_an_unknown_split_is_a_clear_error(student):
    with pytest.raises(ValueError, match="'test' and 'train', not of 'validation'"):
        kd.train(student, store=None).logits("validation")


def test_a_shipped_run_answers_as_the_one_it_came_from(blind, tmp_path, digits):
    run = kd.train(blind, store=None)
    names = {"rivals", "label_free_bias"}
    write(run, reference.reduced(run, names), tmp_path)
    shipped = kd.Store(tmp_path / "new", tmp_path).find(blind)
    for bias in (0.0, 1.7):
        assert (shipped.predictions(bias) == run.predictions(bias)).double().mean() > 0.997
    assert kd.Runs([shipped]).biases().tolist() == kd.Runs([run]).biases().tolist()
    with pytest.raises(ValueError, match="holds label_free_bias, rivals/.* and no weights: train it yourself"):
        shipped.logits()


def test_rivals_of_many_classes_are_shipped_as_they_are(tmp_path):
    pairs = kd.load("digits_pairs")
    run = kd.train(kd.Recipe(pairs.without(42), kd.mlp(8), kd.HardLabels(), epochs=0.05), store=None)
    write(run, reference.reduced(run, {"rivals"}), tmp_path)
    shipped = kd.Store(tmp_path).find(run.recipe)
    assert all(map(torch.equal, shipped._rivals[1:], run._rivals[1:])) and run._rivals[2].max() > 16


def test_shifts_and_a_table_are_shipped_as_a_few_numbers(blind, tmp_path):
    run = kd.train(blind, store=None)
    asked.clear()
    told = kd.Runs([run]).shifts(), kd.Runs([run]).table(), run.calibration_error()
    assert asked[blind] == {"label_free_bias", "shifted_right", "error_count", "calibration_error"}  # and no rivals
    path = write(run, reference.reduced(run, asked[blind]), tmp_path)
    shipped = kd.Runs([kd.Store(tmp_path).find(blind)])
    assert told[0].equals(shipped.shifts()) and told[1].equals(shipped.table())
    assert told[2] == shipped[0].calibration_error() and path.stat().st_size < 4000


def test_of_weights_and_the_training_logits_they_make_the_lesser_is_shipped(teacher, tmp_path):
    small, large = kd.train([teacher.replace(model=kd.mlp(width), epochs=1) for width in (10, 200)], store=None)
    weighs = [reference.asked_for(run, {"train_logits"}, {}) for run in (small, large)]
    assert all(name.startswith("weights/") for name in weighs[0]) and weighs[1].keys() == {"train_logits"}
    both = reference.asked_for(large, {"train_logits", "weights"}, weighs[1])
    assert all(name.startswith("weights/") for name in both)
    write(large, weighs[1], tmp_path)
    shipped = kd.Store(tmp_path).find(large.recipe)
    torch.testing.assert_close(shipped.logits("train"), large.logits("train"), atol=0.01, rtol=1e-3)
    assert reference.asked_for(shipped, {"train_logits"}, weighs[1]).keys() == {"train_logits"}


def test_shipped_weights_and_logits_are_half_precision(student, tmp_path):
    run = kd.train(student, store=None)
    path = write(run, reference.reduced(run, {"weights", "test_logits", "errors"}), tmp_path)
    arrays = safetensors.torch.load_file(path)
    assert {str(array.dtype) for array in arrays.values()} == {"torch.float16", "torch.uint8", "torch.int16"}
    shipped = kd.Store(tmp_path / "new", tmp_path).find(student)
    torch.testing.assert_close(shipped.logits(), run.logits(), atol=0.01, rtol=1e-3)
    torch.testing.assert_close(shipped.logits("train"), run.logits("train"), atol=0.02, rtol=1e-2)


def test_a_shipped_teacher_without_weights_is_trained_again(student, teacher, tmp_path):
    run = kd.train(teacher, store=None)
    write(run, reference.reduced(run, {"errors"}), tmp_path)
    store = kd.Store(tmp_path / "new", tmp_path)
    kd.train(student, store=store)
    assert store.find(teacher, weights=True) is not None and len(list(store.folder.iterdir())) == 2


def test_shipped_predictions_and_confidences_are_the_runs(student, tmp_path):
    run = kd.train(student, store=None)
    path = write(run, reference.reduced(run, {"errors", "doubt"}), tmp_path)
    shipped = kd.Store(tmp_path / "new", tmp_path).find(student)
    assert set(shipped.arrays) == {"errors/row", "errors/predicted", "doubt"} and path.stat().st_size < 7000
    assert torch.equal(shipped.predictions(), run.predictions())
    top = run.logits().softmax(-1).amax(-1)
    torch.testing.assert_close(shipped.confidence(), top, atol=5e-4, rtol=0)
    torch.testing.assert_close(run.confidence().float(), top)


def test_shipped_correlations_and_class_means_are_the_runs(student, digits, tmp_path):
    run = kd.train(student, store=None)
    write(run, reference.reduced(run, {"correlation/raw", "correlation/centred", "class_means"}), tmp_path)
    shipped = kd.Store(tmp_path).find(student)
    assert set(shipped.arrays) == {"correlation/raw", "correlation/centred", "class_means"}
    for center in (False, True):
        expected = measures.logit_correlation(run.logits(), center)
        torch.testing.assert_close(run.correlation(center), expected)
        torch.testing.assert_close(shipped.correlation(center), expected, atol=5e-4, rtol=0)
        assert torch.equal(shipped.correlation(center), shipped.correlation(center).T)
    expected = measures.class_mean_logits(run.logits(), digits.test.labels)
    torch.testing.assert_close(run.class_mean_logits(), expected)
    torch.testing.assert_close(shipped.class_mean_logits(), expected, atol=1e-2, rtol=1e-3)


def test_a_shipped_calibration_error_is_the_runs(student, digits, tmp_path):
    run = kd.train(student, store=None)
    write(run, reference.reduced(run, {"calibration_error"}), tmp_path)
    shipped = kd.Store(tmp_path / "new", tmp_path).find(student)
    by_hand = measures.calibration_error(run.confidence(), run.predictions() == digits.test.labels)
    assert shipped.calibration_error() == run.calibration_error() == pytest.approx(by_hand, abs=1e-9)


def test_shipped_histories_are_rounded():
    assert reference.rounded({"loss": [0.123456789, 12345678.0]}) == {"loss": [0.123457, 12345700.0]}


@pytest.mark.parametrize("epochs", [199, 200, 201, 800, 6000])
def test_shipped_histories_of_hundreds_of_epochs_are_thinned_and_keep_the_last(epochs):
    told = reference.rounded({"epoch": list(range(1, epochs + 1)), "loss": [1.0 / n for n in range(1, epochs + 1)]})
    kept = told["epoch"]
    assert kept[-1] == epochs and len(kept) == len(told["loss"]) and len({*torch.tensor(kept).diff().tolist()}) == 1
    assert len(kept) == epochs if epochs <= 200 else 60 < len(kept) <= 101
    assert told["loss"] == [float(f"{1 / n:.6g}") for n in kept]


def test_what_is_asked_of_a_shipped_file_is_kept_of_it_and_the_rest_goes(student, tmp_path):
    run = kd.train(student, store=None)
    names = {"errors", "correlation/raw", "correlation/centred", "class_means"}
    path = write(run, reference.reduced(run, names | {"doubt"}), tmp_path)
    shipped = kd.Store(tmp_path).find(student)
    arrays = reference.asked_for(shipped, names - {"correlation/raw"}, reference.held(path, run))
    kept = {"errors/row", "errors/predicted", "correlation/centred", "class_means"}  # and no logits were needed
    assert arrays.keys() == kept
    more = reference.asked_for(run, {"errors", "test_logits"}, arrays)  # of a small net the weights, which make them
    assert {name for name in more if not name.startswith("weights/")} == {"errors/row", "errors/predicted"}
    assert len(more) > 2
    whole = reference.reduced(run, {"test_logits"})  # shipped already: they stay
    assert reference.asked_for(run, {"test_logits"}, whole).keys() == {"test_logits"}


def test_of_another_training_or_a_damaged_file_nothing_is_kept(student, tmp_path):
    run = kd.train(student, store=None)
    path = write(run, reference.reduced(run, {"errors"}), tmp_path)
    assert reference.held(path, run)
    another = dataclasses.replace(run, facts=run.facts | {"seconds": run.facts["seconds"] + 1})
    assert reference.held(path, another) == {}
    path.write_bytes(path.read_bytes()[:500])
    assert reference.held(path, run) == {}


def test_the_table_tells_apart_what_the_recipes_say(student, teacher):
    smoothed = [teacher.replace(smoothing=a) for a in (0.0, 0.1)]
    started = [student.replace(init=student, init_weight=share) for share in (0.5, 1.0)]
    table = kd.train([*smoothed, *started], store=None).table()
    assert table.smoothing.tolist() == [0, 0.1, 0, 0] and table.init_weight.tolist()[2:] == [0.5, 1.0]
    assert len({str(recipe) for recipe in [*smoothed, *started]}) == 4
