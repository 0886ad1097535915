"""The bench: an idea with its controls, its card, and what of the store can stand beside it."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
import torch

import kdviz as kd
from kdviz import recipes
from kdviz.bench import cards


@pytest.fixture
def own_store(monkeypatch, tmp_path):
    monkeypatch.setenv("KDVIZ_STORE", str(tmp_path / "own"))
    monkeypatch.setenv("KDVIZ_TRAIN", "1")


@pytest.fixture
def idea(student):
    return kd.bench.plan(kd.grid(student, seed=range(2)), omit="3")


def test_a_plan_has_the_controls_and_the_students_of_a_class_left_out(idea, student, teacher, digits):
    assert list(idea) == [
        "student", "labels alone", "teacher", "another teacher", "never shown it", "never shown it, labels alone",
    ]  # fmt: skip
    assert idea["student"] == kd.grid(student, seed=range(2))
    assert idea["labels alone"] == [student.replace(objective=kd.HardLabels(), seed=seed) for seed in range(2)]
    assert idea["teacher"] == [teacher] and idea["another teacher"] == [teacher.replace(seed=1)]
    assert idea["never shown it"] == kd.grid(student.replace(data=digits.without(3)), seed=range(2))
    assert [r.objective for r in idea["never shown it, labels alone"]] == 2 * [kd.HardLabels()]
    assert "never shown it" not in kd.bench.plan([student])


def test_what_a_blind_student_starts_from_has_not_seen_the_class_either(student, digits):
    second_stage = student.replace(init=student.replace(seed=5))
    named = kd.bench.plan([second_stage], omit=3)
    assert named["never shown it"][0].init == student.replace(seed=5, data=digits.without(3))
    assert named["labels alone"][0].init is None


def test_a_plan_needs_one_teacher_that_is_a_recipe(student, teacher):
    two = [student, student.replace(teacher=teacher.replace(seed=1))]
    given = student.replace(teacher=torch.zeros(1000, 10))
    for students in ([], [teacher], two, [given]):
        with pytest.raises(ValueError, match="one teacher, a recipe"):
            kd.bench.plan(students)


def test_a_card_holds_the_measures_of_its_runs(idea, own_store, digits):
    seen = set()
    runs = kd.bench.train(idea, watch=lambda histories, done: seen.update(histories))
    assert seen == set(idea)
    card = kd.bench.card(runs)
    taught = runs["teacher"][0].logits()
    for z, row, run in zip(card["students"], card["scores"]["student"], runs["student"], strict=True):
        torch.testing.assert_close(z, run.logits())
        expected = kd.measures.scores(z, taught, digits.test.labels)
        assert {name: row[name] for name in expected} == pytest.approx(expected)
    blind = runs["never shown it"][0]
    bias = kd.measures.label_free_bias(blind.train_log_odds(), (digits.train.labels == 3).double().mean().item())
    of_them = digits.test.labels == 3
    recognised = (blind.predictions(bias)[of_them] == 3).double().mean().item()
    assert card["scores"]["student"][0]["unseen"] == pytest.approx(recognised)
    assert set(card["scores"]["teacher"][0]) == {"accuracy", "balanced", "ece", "nll", "brier"}
    assert card["scores"]["teacher"][0]["nll"] == kd.measures.nll(taught, digits.test.labels)
    assert card["classes"] == digits.classes


def test_scores_of_a_run_that_keeps_little_are_those_that_can_be_had(student, teacher, own_store):
    run, taught = kd.train([student, teacher])
    kept = {"errors/row": torch.tensor([0, 1]), "errors/predicted": torch.tensor([9, 9])}
    thin = kd.Run(run.recipe, kept, run.history)
    (row,) = kd.bench.scores([thin], taught)
    same = (thin.predictions() == taught.predictions()).double().mean().item()
    assert row["accuracy"] == 1 - 2 / 797 and row["agreement"] == same
    assert "kl" not in row and math.isnan(row["ece"]) and math.isnan(row["correlation"])
    assert row["lowest"] <= row["agreement"] <= row["highest"]


def test_every_run_is_read_beside_the_cards_own_teacher(student, teacher, own_store):
    other = teacher.replace(seed=7)
    runs = kd.train([student.replace(teacher=other), student.replace(objective=kd.HardLabels()), other, teacher])
    labels = kd.load("digits").test.labels
    for run, row in zip(runs, kd.bench.scores(runs, runs[3]), strict=True):
        inputs = kd.load("digits").test.inputs
        with torch.no_grad():
            features = [each.network()(inputs)["features"] for each in (run, runs[3])]
        alike = {"cka": kd.measures.linear_cka(*features)}
        assert row == pytest.approx(kd.measures.scores(run.logits(), runs[3].logits(), labels) | alike, abs=1e-6)


def test_what_was_tested_on_other_examples_is_not_compared(student, teacher, digits, own_store):
    held_out = digits.split(200, seed=0)
    with pytest.raises(ValueError, match="hold the same images out"):
        kd.bench.plan([student.replace(data=held_out)])
    run, taught = kd.train([student, teacher.replace(data=held_out)])
    with pytest.raises(ValueError, match="tested on different examples"):
        kd.bench.scores([run], taught)


def test_a_card_of_held_out_examples_counts_them(student, teacher, digits, own_store):
    held_out = digits.split(200, seed=0)
    taught = student.replace(data=held_out, teacher=teacher.replace(data=held_out))
    card = kd.bench.card(runs := kd.bench.train(kd.bench.plan([taught], omit=3)))
    assert len(card["labels"]) == len(card["students"][0]) == 200
    blind = runs["never shown it"][0]
    bias = kd.measures.label_free_bias(blind.train_log_odds(), (digits.train.labels == 3).double().mean().item())
    of_them = held_out.test.labels == 3
    recognised = (blind.predictions(bias)[of_them] == 3).double().mean().item()
    assert card["scores"]["student"][0]["unseen"] == pytest.approx(recognised)


def test_a_control_that_is_the_teacher_itself_is_refused(teacher):
    copy = teacher.replace(objective=kd.SoftTargets(teacher, temperature=2))
    for seed in (0, 1):
        with pytest.raises(ValueError, match="seeds from 2"):
            kd.bench.plan(kd.grid(copy, seed=[seed]))
    assert len(kd.bench.plan(kd.grid(copy, seed=[2, 3]))["labels alone"]) == 2


def test_settings_are_what_the_store_holds_by_name(student, teacher, digits, store):
    made = [*kd.grid(student, seed=[3, 1]), student.replace(data=digits.split(200, seed=0)), student.replace(epochs=2)]
    for recipe in [teacher, teacher.replace(seed=1), *made, student.replace(teacher=torch.zeros(1000, 10))]:
        store.save(kd.Run(recipe, {"test_logits": torch.zeros(2, 2)}, {}))
    (store.folder / f"{'0' * 16}.safetensors").write_text("damaged")
    found = kd.bench.settings("digits", store)
    two = found["8 on digits: SoftTargets of 12 (1 epochs), temperature 2, 1 epochs, 2 seeds"]
    assert [recipe.seed for recipe in two] == [1, 3]
    assert sorted(map(len, found.values())) == [1, 2, 2]  # the split one and that of given logits are left out
    assert kd.bench.settings("mnist", store) == {}


def test_every_shipped_recipe_is_known_by_its_description_but_for_what_notebooks_write():
    from kdviz.runs.store import SHIPPED, read_header

    written = set()
    for path in sorted(SHIPPED.glob("*.safetensors")):
        said = json.dumps(read_header(path)["recipe"])
        if '"code":' in said:
            written |= {*re.findall(r'"kind": "(two_temperatures|Module)"', said)}
        else:
            assert recipes.restored(json.loads(said)).key == path.stem
    assert written == {"two_temperatures", "Module"}  # a loss of notebook 05, a network of 07


@pytest.mark.parametrize("change", [{"version": 99}, {"kind": "os.system"}, {"given_logits": "abc"}])
def test_what_a_description_does_not_say_is_not_made_up(student, change):
    said = recipes.describe(student)
    said["objective"]["teacher"] = {**said["objective"]["teacher"], **change}
    if "given_logits" in change:
        said["objective"]["teacher"] = change
    with pytest.raises(ValueError, match="no recipe"):
        recipes.restored(said)


def test_training_is_watched_at_each_epochs_end(student, teacher):
    seen = []
    kd.train(
        student.replace(epochs=3), store=None, watch=lambda *both: seen.append((both[0], len(both[1][0]["epoch"])))
    )
    assert [(recipe.key, epochs) for (recipe,), epochs in seen] == [
        (teacher.key, 1), *((student.replace(epochs=3).key, epoch) for epoch in (1, 2, 3)),
    ]  # fmt: skip


def test_cards_of_runs_are_read_once(idea, own_store, monkeypatch):
    runs = kd.bench.train(idea)
    kd.bench.card(runs)
    monkeypatch.setattr(cards, "predict", lambda *given: pytest.fail("read again"))
    kd.bench.card(runs)


def test_an_omitted_class_may_be_the_first(student, digits):
    assert kd.bench.plan([student], omit=0)["never shown it"][0].data == digits.without(0).description


def test_controls_keep_nothing_of_where_the_students_began(student, teacher):
    begun = student.replace(init=student.replace(seed=9), init_weight=0.5)
    probe = student.replace(init=student.replace(seed=9), frozen=True)
    for idea in (begun, probe):
        assert kd.bench.plan([idea])["labels alone"] == [student.replace(objective=kd.HardLabels())]
    later = teacher.replace(seed=3)
    assert kd.bench.plan([student.replace(teacher=later)])["another teacher"] == [teacher.replace(seed=4)]


def test_what_students_learn_from_is_watched_under_a_name_of_its_own(student, own_store):
    seen = set()
    first = student.replace(epochs=2)
    kd.bench.train({"student": [student.replace(init=first)]}, watch=lambda histories, done: seen.update(histories))
    assert seen == {"student", "what they learn from"}


def test_every_column_of_a_card_is_of_its_own_runs(idea, own_store, digits):
    runs = kd.bench.train(idea)
    card, taught = kd.bench.card(runs), runs["teacher"][0].logits()
    for name in ("student", "labels alone", "another teacher"):
        expected = [kd.measures.scores(run.logits(), taught, digits.test.labels) for run in runs[name]]
        rows = [{key: row[key] for key in expected[0]} for row in card["scores"][name]]
        assert rows == [pytest.approx(each) for each in expected]
    ece = kd.measures.expected_calibration_error(taught, digits.test.labels)
    assert card["scores"]["teacher"][0]["ece"] == pytest.approx(ece)


class Blind:
    """A run of nets that never saw a class; what it recognises of it depends on the bias it is given."""

    shifted_classes, arrays = [3], {}

    def __init__(self, recipe, mean):
        self.recipe, self.mean = recipe, mean

    def train_log_odds(self):
        return torch.full((1000,), float(self.mean))

    def predictions(self, bias):
        self.bias = bias
        return torch.full((797,), 3 if bias > 0 else 5)


def test_each_seeds_omitted_class_is_read_at_its_own_label_free_bias(idea, own_store, digits):
    runs = kd.bench.train({name: recipes for name, recipes in idea.items() if "never" not in name})
    means = {"never shown it": (-9.0, 9.0), "never shown it, labels alone": (9.0, -9.0)}
    blind = {
        name: [Blind(recipe, mean) for recipe, mean in zip(idea[name], means[name], strict=True)] for name in means
    }
    scores = kd.bench.card(runs | blind)["scores"]
    assert [row["unseen"] for row in scores["student"]] == [1, 0]
    assert [row["unseen"] for row in scores["labels alone"]] == [0, 1]
    share = (digits.train.labels == 3).double().mean()  # of the training labels, not of the test's
    assert torch.sigmoid(torch.tensor(blind["never shown it"][0].bias - 9.0)).item() == pytest.approx(share.item())


def test_an_error_that_is_no_missing_part_comes_through(student, teacher, own_store, monkeypatch):
    run, taught = kd.train([student, teacher])
    thin = kd.Run(run.recipe, {}, run.history)
    monkeypatch.setattr(thin, "logits", lambda: 1 / 0, raising=False)
    with pytest.raises(ZeroDivisionError):
        kd.bench.scores([thin], taught)


def test_settings_of_one_name_are_kept_apart(student, teacher, store):
    plain, hotter = student, student.replace(temperature=3)
    others = student.replace(teacher=teacher.replace(learning_rate=0.5))  # which the name does not say
    for recipe in (plain, hotter, others):
        store.save(kd.Run(recipe, {"test_logits": torch.zeros(2, 2)}, {}))
    found = kd.bench.settings("digits", store)
    assert sorted(len(recipes) for recipes in found.values()) == [1, 1, 1]
    assert {recipe for recipes in found.values() for recipe in recipes} == {plain, hotter, others}


def test_recipes_come_back_whole_and_hashable(student, teacher, digits, store):
    narrowed = student.replace(
        data=digits.without([3, 5]).take(100, seed=1), teacher=(teacher, teacher.replace(seed=1))
    )
    assert recipes.restored(recipes.describe(narrowed)) == narrowed
    assert hash(recipes.restored(recipes.describe(narrowed))) == hash(narrowed)
    path = store.save(kd.Run(narrowed, {"test_logits": torch.zeros(2, 2)}, {}))
    assert kd.Store(store.folder / "elsewhere", store.folder).recipes() == [narrowed]
    path.rename(path.with_stem("0" * 16))
    assert store.recipes() == []


def test_training_is_watched_once_an_epoch_however_long_it_is(teacher, monkeypatch):
    from kdviz.training import loop

    monkeypatch.setattr(loop, "SEGMENT", 3)
    seen = []
    kd.train(teacher.replace(epochs=2), store=None, watch=lambda recipes, histories, done: seen.append(done))
    assert seen == [False, True]


def files_of(runs, folder, labels):
    """A run's logits in a file of its own, as any program might have written them."""
    paths = {}
    for name, some in runs.items():
        paths[name] = [folder / f"{name} {i}.npz" for i in range(len(some))]
        for path, run in zip(paths[name], some, strict=True):
            np.savez(path, logits=run.logits().numpy())
    np.savez(folder / "labels.npz", labels=labels.numpy())
    return paths


def test_a_card_reads_the_same_from_files_as_from_runs(student, teacher, own_store, digits, tmp_path):
    plan = kd.bench.plan(kd.grid(student, seed=range(3)))
    card = kd.bench.card(runs := kd.bench.train(plan))
    paths = files_of(runs, tmp_path, digits.test.labels)
    read = kd.bench.read_logits(paths["student"], paths["teacher"][0], tmp_path / "labels.npz")
    others = {
        name: kd.bench.read_logits(paths[name], paths["teacher"][0], tmp_path / "labels.npz")["students"]
        for name in ("labels alone", "another teacher")
    }
    again = kd.bench.card_of_logits(**read, classes=digits.classes, controls=others)
    assert [*again["scores"]] == [*card["scores"]] and again["against"] == card["against"]
    for name, seeds in card["scores"].items():
        without = [{key: value for key, value in one.items() if key != "cka"} for one in seeds]
        assert again["scores"][name] == without
    tables = [measured(each) for each in (card, again)]
    alike = [row for row in tables[0].index if "CKA" not in row]
    pd.testing.assert_frame_equal(tables[0].loc[alike], tables[1].loc[alike])
    assert tables[0].loc["features like the teacher's (CKA)", "student"] != "–"
    drawn = [texts_of(kd.figures.card(**each)) for each in (card, again)]
    assert {text for text in drawn[0] - drawn[1] if text} <= {*tables[0].loc["features like the teacher's (CKA)"]} | {
        "features like the teacher's (CKA)"
    }


def measured(card):
    verdicts = kd.measures.verdict_table(card["scores"], card["against"]).add_prefix("against ")
    return kd.measures.score_table(card["scores"]).join(verdicts)


def texts_of(figure):
    (table,) = [table for ax in figure.axes for table in ax.tables]
    return {cell.get_text().get_text() for cell in table.get_celld().values()}


def test_one_scalar_is_the_fitted_temperature_of_students_on_labels_alone(idea, own_store, digits):
    runs = kd.bench.train({name: recipes for name, recipes in idea.items() if "never" not in name})
    card = kd.bench.card(runs)
    assert card["against"] == ["labels alone", "labels alone, one scalar"]
    for run, row in zip(runs["labels alone"], card["scores"]["labels alone, one scalar"], strict=True):
        fitted = kd.measures.fitted_temperature(run.logits(), digits.test.labels)
        assert row == {"fitted": fitted["temperature"], **{name: fitted[name] for name in ("nll", "brier", "ece")}}


def test_features_are_compared_where_both_runs_keep_weights(student, teacher, own_store):
    run, taught = kd.train([student, teacher])
    bare = [kd.Run(each.recipe, {"test_logits": each.logits()}, each.history) for each in (run, taught)]
    for pair in ((bare[0], taught), (run, bare[1])):
        (row,) = kd.bench.scores(pair[:1], pair[1])
        assert "cka" not in row and row["kl"] > 0
    assert 0 < kd.bench.scores([run], taught)[0]["cka"] <= 1
    assert kd.bench.scores([taught], taught)[0]["cka"] == pytest.approx(1)
