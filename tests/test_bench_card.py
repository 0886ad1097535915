"""The card as a table and as a figure, the live curves, and the form that trains."""

import math
import sys

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import kdviz as kd

DRAWS = torch.Generator().manual_seed(0)
V, Z = (3 * torch.randn(60, 4, generator=DRAWS) for _ in range(2))
Y = torch.arange(60) % 4


def test_scores_are_the_measures_by_name():
    scores = kd.measures.scores(Z, V, Y)
    assert scores["agreement"] == kd.measures.agreement(Z, V)
    assert (scores["lowest"], scores["highest"]) == kd.measures.agreement_bounds(
        kd.measures.accuracy(Z, Y), kd.measures.accuracy(V, Y)
    )
    assert scores["kl"] == kd.measures.predictive_kl(Z, V)  # of the student, from the teacher
    assert scores["kl"] != pytest.approx(kd.measures.predictive_kl(V, Z))
    same = kd.measures.scores(V, V, Y)
    assert (same["agreement"], same["kl"], same["correlation"]) == (1, 0, 0)


def test_the_table_says_means_intervals_and_what_is_missing():
    rows = [{"accuracy": 0.5, "lowest": 0.1, "highest": 0.9}, {"accuracy": 0.7, "lowest": 0.3, "highest": math.nan}]
    table = kd.measures.score_table({"two": rows, "one": rows[:1]})
    assert table.loc["accuracy, %"].tolist() == ["60.00 ± 127.06", "50.00"]
    assert table.loc["possible with these accuracies, %"].tolist() == ["20.0 to 90.0", "10.0 to 90.0"]
    assert table.loc["KL from the teacher, nats"].tolist() == ["–", "–"]


def titled(figure):
    return {ax.get_title(loc="left") or ax.get_title(): ax for ax in figure.axes}


def test_the_card_is_drawn_with_every_number_of_its_table():
    card = kd.bench.card_of_logits([Z, Z + torch.randn(60, 4, generator=DRAWS)], V, Y, controls={"other": [V + Z]})
    figure = kd.figures.card(**card, figure=plt.figure(figsize=(12, 7.5)))
    axes, (drawn,) = titled(figure), [table for ax in figure.axes for table in ax.tables]
    texts = {cell.get_text().get_text() for cell in drawn.get_celld().values()}
    table = kd.measures.score_table(card["scores"])
    assert {*table.loc["accuracy, %"], *table.columns, "accuracy, %"} <= texts
    assert "omitted class recognised, %" not in texts  # nobody left a class out
    cloud = axes["Is it like its teacher?"]
    points = {line.get_label(): list(line.get_ydata()) for line in cloud.lines}
    assert points["student"] == pytest.approx([100 * row["agreement"] for row in card["scores"]["student"]])
    assert points["other"] == pytest.approx([100 * card["scores"]["other"][0]["agreement"]])
    assert [text.get_text() for text in cloud.get_legend().get_texts()][:2] == ["student", "other"]
    missed = axes["Classes it misses, %"].containers[0]
    assert missed[2].get_height() == pytest.approx(100 * (V.argmax(-1)[Y == 2] != 2).double().mean().item())


def test_many_classes_are_points_not_bars():
    v, z = (torch.randn(300, 30, generator=DRAWS) for _ in range(2))
    card = kd.bench.card_of_logits([z], v, torch.arange(300) % 30)
    ax = titled(kd.figures.card(**card))["Classes it misses, %"]
    assert len(ax.lines[0].get_xdata()) == 30 and not ax.containers


def test_learning_curves_have_a_line_a_seed_and_no_agreement_without_a_teacher():
    taught = {"epoch": [1, 2], "test_accuracy": [0.5, 0.6], "train_agreement": [0.7, 0.8]}
    plain = {"epoch": [1, 2], "test_accuracy": [0.4, 0.5]}
    _, (left, right) = plt.subplots(1, 2)
    kd.figures.learning_curves({"student": [taught, taught], "labels": [plain]}, axes=(left, right))
    assert [line.get_ydata().tolist() for line in left.lines] == [[50, 60], [50, 60], [40, 50]]
    assert [line.get_ydata().tolist() for line in right.lines if len(line.get_ydata())] == 2 * [[70, 80]]
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["student", "labels"]


def card_of(shift):
    return kd.bench.card_of_logits([Z + shift, Z], V, Y)


@pytest.fixture
def explorer():
    def train(watch, width):
        if width < 2:
            raise {0: ValueError("an MLP needs <units>"), 1: KeyboardInterrupt(), -1: OSError("no disk")}[width]
        watch({"student": [{"epoch": [1], "test_accuracy": [0.5], "train_agreement": [0.5]}]}, True)
        return f"width {width}", card_of(width)

    form = {"width": widgets.IntSlider(2)}
    return kd.explorers.bench({"first": card_of(0)}, train, form, {"stored": lambda: card_of(5)["scores"]["student"]})


def parts(explorer):
    above = explorer.chart()
    _, (button, told), curves = above.children[0], above.children[1].children, above.children[2]
    return button, told, curves


def test_pressing_train_shows_the_curves_and_then_the_new_card(explorer):
    (button, told, curves), before = parts(explorer), explorer.picture.value
    assert curves.layout.display == "none"  # a picture that is none yet is a broken one
    button.click()
    assert curves.layout.display is None
    assert explorer.values == {"shown": "width 2", "beside": "nothing else"}
    assert explorer.picture.value != before and bytes(curves.value).startswith(b"\x89PNG")
    assert told.value == "trained: width 2" and not button.disabled
    assert list(explorer.controls["beside"].options) == ["nothing else", "first", "width 2", "stored"]


def test_the_button_rests_while_something_trains_and_a_divergence_is_told():
    resting = []

    def train(watch, width):
        resting.append(parts(explorer)[0].disabled)
        raise kd.Diverged("the loss is no longer finite")

    explorer = kd.explorers.bench({"first": card_of(0)}, train, {"width": widgets.IntSlider(2)}, {})
    button, told, _ = parts(explorer)
    button.click()
    assert resting == [True] and not button.disabled and told.value == "<b>the loss is no longer finite</b>"


def test_an_idea_trained_again_is_drawn_again(explorer, monkeypatch):
    button, *_ = parts(explorer)
    button.click()
    drawn = []
    monkeypatch.setattr(kd.figures, "card", lambda figure, **card: drawn.append(card))
    button.click()
    assert len(drawn) == 1 and explorer.values["shown"] == "width 2"


def test_what_cannot_be_trained_is_told_and_nothing_is_lost(explorer):
    (button, told, _), before = parts(explorer), explorer.picture.value
    button.click()
    known = explorer.controls["shown"].options
    explorer.chart().children[0].children[0].value = 0
    button.click()
    assert told.value == "<b>an MLP needs &lt;units&gt;</b>" and not button.disabled
    assert explorer.controls["shown"].options == known and explorer.picture.value != before


def test_a_stopped_training_is_said_and_what_nobody_expects_is_raised(explorer, caplog):
    button, told, _ = parts(explorer)
    width = explorer.chart().children[0].children[0]
    width.min, width.value = -1, 1
    button.click()
    assert told.value.startswith("stopped") and not button.disabled
    width.value = -1
    button.click()  # ipywidgets shows what a callback raises, here in its log
    assert "OSError: no disk" in caplog.text
    assert told.value == "<b>no disk</b>" and not button.disabled


def test_a_card_is_drawn_beside_another_or_a_stored_one(explorer):
    button, *_ = parts(explorer)
    button.click()
    for beside in ("first", "stored"):
        before = explorer.picture.value
        explorer.controls["beside"].value = beside
        assert explorer.picture.value != before
        figure = Figure((12, 7.5))
        explorer.draw(figure, **explorer.values)
        legend = titled(figure)["Is it like its teacher?"].get_legend()
        assert "the other" in [text.get_text() for text in legend.get_texts()]
        assert figure.get_suptitle() == f"width 2\nthe other: {beside}"
    button.click()  # trained again: what stands beside stays
    assert explorer.controls["beside"].value == "stored"


def test_live_curves_draw_nothing_for_a_file(monkeypatch):
    monkeypatch.setenv("KDVIZ_STATIC", "1")
    picture = widgets.Image()
    kd.explorers.live_curves(picture)({"student": [{"epoch": [1], "test_accuracy": [0.5]}]}, True)
    assert not picture.value


def test_live_curves_keep_what_has_ended_and_draw_the_last_epoch(monkeypatch):
    picture, drawn, shown = widgets.Image(), [], []
    module = sys.modules["kdviz.explorers.bench"]
    monkeypatch.setattr(module, "display", lambda image: shown.append(len(image.value)))
    monkeypatch.setattr(kd.figures, "learning_curves", lambda histories, axes: drawn.append(list(histories)))
    watch = kd.explorers.live_curves(picture)
    watch({"labels alone": []}, False)
    watch({"labels alone": []}, False)  # too soon after the first
    watch({"labels alone": []}, True)
    watch({"student": []}, True)
    assert drawn == [["labels alone"], ["labels alone"], ["labels alone", "student"]] and not shown
    kd.explorers.live_curves()({"student": []}, True)
    assert shown and shown[0] > 1000


def test_scores_see_what_a_softmax_sees_and_count_the_classes():
    constant = 5 * torch.randn(60, 1, generator=DRAWS)
    assert kd.measures.scores(V + constant, V, Y)["correlation"] == pytest.approx(0, abs=1e-6)
    assert kd.measures.scores(Z, V, Y)["ece"] == kd.measures.expected_calibration_error(Z, Y)
    two = kd.measures.scores(Z[:, :2], V[:, :2], Y % 2)
    low = abs(kd.measures.accuracy(Z[:, :2], Y % 2) + kd.measures.accuracy(V[:, :2], Y % 2) - 1)
    assert two["lowest"] == pytest.approx(low) and math.isnan(two["correlation"])
    flat = Z.clone()
    flat[:, 0] = 0
    assert math.isnan(kd.measures.scores(flat - flat.mean(-1, keepdim=True), torch.zeros_like(V), Y)["correlation"])


def test_each_row_of_the_table_is_its_own_score_in_its_own_unit():
    row = {"accuracy": 0.9, "agreement": 0.8, "lowest": 0.7, "highest": 0.95, "kl": 0.123, "ece": 0.04}
    row |= {"balanced": 0.85, "nll": 0.345, "brier": 0.234, "cka": 0.789, "correlation": 0.056, "unseen": 0.5}
    told = kd.measures.score_table({"one": [row]})["one"].tolist()
    right = ["90.00", "85.00", "80.00", "70.0 to 95.0"]
    assert told == [*right, "0.123", "0.345", "0.234", "4.00", "0.056", "0.789", "50.0"]
    seldom = kd.measures.score_table({"one": [row], "two": [{"kl_at_least": 0.1, "fitted": 1.5}]})["two"]
    assert seldom["KL from the teacher, nats, at least"] == "0.100" and seldom["fitted temperature"] == "1.50"
    assert "KL over the teacher's top k alone, nats" not in seldom


def test_the_pictures_of_a_card_are_of_its_logits():
    students = [Z, V + Z]
    card = kd.bench.card_of_logits(students, V, Y)
    axes = titled(kd.figures.card(**card))
    own, *others = (kd.measures.logit_correlation(logits, center=True) for logits in (V, *students))
    order = kd.measures.class_order(own)
    shown = axes["Which ties does it lose?"].images[0].get_array()
    np.testing.assert_allclose(shown, (own - torch.stack(others).mean(0))[order][:, order], atol=1e-6)
    at = {line.get_label(): line for line in axes["Is it like its teacher?"].lines}["teacher's accuracy"]
    assert at.get_xdata()[0] == pytest.approx(100 * kd.measures.accuracy(V, Y))
    lines = {line.get_label().split(":")[0]: line for line in axes["Is it as right as it is sure?"].lines}
    confidence, predicted = V.double().softmax(-1).max(-1)
    means, right, count = kd.measures.reliability_bins(confidence, predicted == Y)
    np.testing.assert_allclose(lines["teacher"].get_ydata(), right[count >= 20])
    np.testing.assert_allclose(lines["teacher"].get_xdata(), means[count >= 20])


def test_a_card_with_many_columns_or_a_flat_logit_is_drawn():
    flat = torch.zeros(60, 4)
    card = kd.bench.card_of_logits([flat], V, Y, controls={f"control {i}": [Z] for i in range(9)})
    axes = titled(kd.figures.card(**card))
    assert "no correlation" in axes["Which ties does it lose?"].texts[0].get_text()
    assert len(axes["Is it like its teacher?"].get_legend().get_texts()) == 12


def test_many_classes_are_students_against_teachers_shares():
    v, z = (torch.randn(300, 30, generator=DRAWS) for _ in range(2))
    labels = torch.arange(300) % 30
    ax = titled(kd.figures.card(**kd.bench.card_of_logits([z], v, labels)))["Classes it misses, %"]
    missed = {c: 100 * (v.argmax(-1)[labels == c] != c).double().mean().item() for c in range(30)}
    np.testing.assert_allclose(ax.lines[0].get_xdata(), list(missed.values()))
    assert ax.get_xlabel().startswith("by the teacher")


W = Z + 2 * torch.nn.functional.one_hot(Y, 4)  # right more often than chance, as a temperature needs it
NOISE = [0.3 * torch.randn(60, 4, generator=DRAWS) for _ in range(6)]


def test_verdicts_are_of_each_score_its_own_way_round():
    better = kd.bench.card_of_logits([V + n for n in NOISE], V, Y, controls={"labels alone": [W + n for n in NOISE]})
    swapped = kd.bench.card_of_logits([W + n for n in NOISE], V, Y, controls={"labels alone": [V + n for n in NOISE]})
    for card, nearer in ((better, "better"), (swapped, "worse")):
        table = kd.measures.verdict_table(card["scores"], card["against"])
        near = table["labels alone"]
        assert near["agreement with the teacher, %"] == near["KL from the teacher, nats"] == nearer
        assert near["mean |correlation difference|"] == nearer and near["possible with these accuracies, %"] == "–"
        ours, theirs = ([one["nll"] for one in card["scores"][name]] for name in ("student", "labels alone"))
        assert near["NLL, nats"] == kd.measures.verdict(ours, theirs, larger_is_better=False)
        scalar, shown = table["labels alone, one scalar"], card["scores"]
        if nearer == "worse":  # V tells nothing of the labels
            assert set(scalar) == {"–"}
            continue
        halves = [one["halves_ece"] for one in shown["student"]]
        fitted = [one["ece"] for one in shown["labels alone, one scalar"]]
        assert scalar["calibration error (ECE), %"] == kd.measures.verdict(halves, fitted, larger_is_better=False)
        assert scalar["accuracy, %"] == "–"


def test_one_seed_shows_nothing_and_groups_of_two_sizes_are_not_paired():
    one = kd.bench.card_of_logits([V], V, Y, controls={"labels alone": [Z]})
    assert kd.measures.verdict_table(one["scores"], one["against"]).loc["NLL, nats"].tolist() == [
        "not shown (one seed)", "–",
    ]  # fmt: skip
    uneven = kd.bench.card_of_logits([V, V + NOISE[0]], V, Y, controls={"labels alone": [Z]})
    assert kd.measures.verdict_table(uneven["scores"], ["labels alone"]).loc["NLL, nats"].item() == "not paired"
    assert kd.bench.card_of_logits([V], V, Y, controls={"other": [Z]})["against"] == []


def test_the_figure_says_verdicts_and_how_the_temperature_was_fitted():
    card = kd.bench.card_of_logits([V + n for n in NOISE], V, Y, controls={"labels alone": [W + n for n in NOISE]})
    figure = kd.figures.card(**card, figure=plt.figure(figsize=(12.8, 7.2)))
    (drawn,) = [table for ax in figure.axes for table in ax.tables]
    cells = {cell.get_text().get_text().replace("\n", " ") for cell in drawn.get_celld().values()}
    assert {"against labels alone", "against labels alone, one scalar", "better", "NLL, nats", "Brier score"} <= cells
    notes = " ".join(text.get_text().replace("\n", " ") for ax in figure.axes for text in ax.texts)
    for said in ("99 % interval", "paired by seed", "one half of the test examples (random, stratified, fixed)"):
        assert said in notes
    plain = kd.figures.card(**kd.bench.card_of_logits([V], V, Y))
    assert not any("scalar" in text.get_text() or "99" in text.get_text() for ax in plain.axes for text in ax.texts)


def test_the_card_fits_a_projector():
    """At 1280 by 720: no cell's text is wider than its cell, and nothing leaves the picture or meets its neighbour."""
    controls = {"labels alone": [W + n for n in NOISE], "another teacher": [V + NOISE[0]]}
    card = kd.bench.card_of_logits([V + Z + n for n in NOISE], V, Y, controls=controls)
    with plt.style.context(kd.figures.STYLE):
        figure = kd.figures.card(**card, figure=plt.figure(figsize=(12.8, 7.2), dpi=100))
        figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    (drawn,) = [table for ax in figure.axes for table in ax.tables]
    for cell in drawn.get_celld().values():
        inside, text = cell.get_window_extent(renderer), cell.get_text().get_window_extent(renderer)
        assert text.width <= inside.width and text.height <= inside.height
    titles = [ax.title if ax.get_title() else ax._left_title for ax in figure.axes[1:5]]
    lines = [title.get_window_extent(renderer).y0 for title in titles]
    assert max(lines) - min(lines) < 1, "the panels' titles are not in one line"
    boxes = [ax.get_tightbbox(renderer) for ax in figure.axes[1:5]]
    for box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 1280 + 1
    notes = figure.axes[0].texts[0].get_window_extent(renderer)
    assert notes.y0 >= max(box.y1 for box in boxes) and notes.x1 <= 1280


def test_a_control_that_stands_on_the_card_already_is_refused():
    for name in ("student", "teacher", "labels alone, one scalar"):
        with pytest.raises(ValueError, match=f"{name} stands on the card already"):
            kd.bench.card_of_logits([Z], V, Y, controls={name: [Z]})


def test_a_card_where_no_temperature_can_be_fitted_has_none():
    right = 9 * torch.eye(4)[Y] + NOISE[0]
    card = kd.bench.card_of_logits([Z], V, Y, controls={"labels alone": [right]})
    assert card["scores"]["labels alone, one scalar"] == [{}]
    table = kd.measures.score_table(card["scores"])
    assert set(table["labels alone, one scalar"]) == {"–"} and "fitted temperature" not in table.index
    kd.figures.card(**card)


@pytest.mark.parametrize("temperatures", [(1.0,), ()])
def test_a_card_of_a_top_k_teacher_says_what_it_can(temperatures):
    values, indices = V.topk(2)
    known = kd.measures.TopK(values, indices, {T: (V / T).logsumexp(-1) for T in temperatures})
    card = kd.bench.card_of_logits([Z, Z + NOISE[0]], known, Y, controls={"labels alone": [V + Z, Z - NOISE[1]]})
    whole = kd.bench.card_of_logits([Z, Z + NOISE[0]], V, Y)
    for name in ("accuracy", "agreement", "lowest", "highest", "nll"):
        assert card["scores"]["student"][0][name] == whole["scores"]["student"][0][name]
    row = card["scores"]["student"][0]
    if temperatures:
        assert 0 < row["kl_at_least"] < whole["scores"]["student"][0]["kl"] and "kl_renormalised" not in row
    else:
        assert row["kl_renormalised"] == kd.measures.kl_renormalised(Z, known) and "kl_at_least" not in row
    assert "kl" not in row and math.isnan(row["correlation"])
    assert card["scores"]["teacher"] == [{key: whole["scores"]["teacher"][0][key] for key in ("accuracy", "balanced")}]
    axes = titled(kd.figures.card(**card))
    assert "no correlation" in axes["Which ties does it lose?"].texts[0].get_text()
    assert [line.get_label()[:7] for line in axes["Is it as right as it is sure?"].lines[1:]] == ["student"]
    missed = axes["Classes it misses, %"].containers[0]
    assert missed[2].get_height() == pytest.approx(100 * (V.argmax(-1)[Y == 2] != 2).double().mean().item())


@pytest.mark.parametrize("classes", [4, 30])
def test_a_class_without_examples_has_no_bar_and_is_said(classes):
    v, z = (torch.randn(90, classes, generator=DRAWS) for _ in range(2))
    names = [f"${c}" for c in range(classes)]  # no formula
    figure = kd.figures.card(**kd.bench.card_of_logits([z], v, torch.arange(90) % (classes - 1), names))
    ax = titled(figure)["Classes it misses, %"]
    assert f"no example of ${classes - 1}" in [text.get_text() for text in ax.texts]
    heights = [[bar.get_height() for bar in bars] for bars in ax.containers[:2]] or [
        line.get_ydata() for line in ax.lines[:1]
    ]
    for each in heights:
        assert math.isnan(each[-1]) and not any(map(math.isnan, each[:-1]))
    figure.canvas.draw()
    whole = titled(kd.figures.card(**kd.bench.card_of_logits([z], v, torch.arange(90) % classes, names)))
    assert not whole["Classes it misses, %"].texts
