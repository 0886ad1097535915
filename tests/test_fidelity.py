"""Figures and explorer of agreement and accuracy, by their artists and what the page carries."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from kdviz import explorers, figures, measures

CLASSES = tuple("0123456789")


@pytest.fixture
def table():
    accuracy, agreement = [0.8, 0.82, 0.7, 0.71], [0.9, 0.91, 0.75, 0.77]
    names = ["a: 1", "a: 2", "b: 1", "b: 2"]
    return pd.DataFrame(
        {"varied": list("aabb"), "accuracy": accuracy, "agreement": agreement, "name": names, "recipe": names}
    )


def test_the_cloud_shows_every_student_its_controls_and_the_room_there_is(table):
    ax = figures.agreement_against_accuracy(table, 0.85, controls={"two teachers": (0.75, 0.88)}, ax=plt.subplots()[1])
    assert ax.get_xlim()[1] > 85
    dots = {line.get_label(): np.array(line.get_data(), dtype=float).T for line in ax.lines}
    np.testing.assert_allclose(dots["a"], [[80, 90], [82, 91]])
    np.testing.assert_allclose(dots["two teachers"], [[75, 88]])
    (room,) = ax.collections
    for x, y in room.get_paths()[0].vertices:
        low, high = measures.agreement_bounds(x / 100, 0.85)
        assert y == pytest.approx(100 * low, abs=1e-6) or y == pytest.approx(100 * high, abs=1e-6)
    assert ax.get_legend_handles_labels()[1] == ["a", "b", "two teachers", "teacher's accuracy", "possible"]


def test_by_setting_draws_means_and_intervals():
    values = torch.tensor([[1.0, 4.0], [3.0, 8.0]])
    ax = figures.by_setting([10, 20], {"student": values}, figures.COLOURS, ax=plt.subplots()[1])
    means = ax.containers[0].lines[0]
    np.testing.assert_allclose(np.array(means.get_data(), dtype=float), [[10, 20], [2, 6]])
    low, high = ax.containers[0].lines[2][0].get_segments()[1][:, 1]
    assert (high - low) / 2 == pytest.approx(measures.mean_and_interval([4, 8])[1])


def test_two_opinions_stand_on_their_own_sides():
    teacher, student = torch.zeros(10), torch.arange(10.0)
    ax = figures.two_opinions(teacher, student, CLASSES, ax=plt.subplots()[1])
    left, right = ([bar.get_width() for bar in bars] for bars in ax.containers)
    np.testing.assert_allclose(left, [-0.1] * 10, rtol=1e-6)
    np.testing.assert_allclose(right, student.softmax(-1), rtol=1e-6)


@pytest.fixture
def explorer(table, digits):
    history = {"epoch": [1, 2], "test_accuracy": [0.5, 0.8], "train_agreement": [0.6, 0.9]}
    table.index = [7, 7, 8, 9]  # rows are counted, whatever they are called
    answers = digits.test.labels.clone()
    answers[:20] = (answers[:20] + 1) % 10

    def predictions(row):
        return digits.test.labels, answers if row else digits.test.labels

    without = {name: history[name] for name in ("epoch", "test_accuracy")}  # of a run trained before it was measured
    return explorers.agreement_cloud(
        table,
        0.85,
        {"two": (0.8, 0.8)},
        [history, history, without, history],
        predictions,
        digits.test.images,
        digits.test.labels,
        CLASSES,
    )


def test_the_picture_of_the_cloud_follows_the_student(explorer):
    before = explorer.picture()
    explorer.choose(student=2)
    assert explorer.picture() != before


def test_the_cloud_carries_what_stands_behind_each_point(explorer, digits):
    same, other, *_ = explorer.data["runs"]
    assert (same["apart"], same["gallery"]) == (0, []) and other["apart"] == 20 and len(other["gallery"]) == 8
    assert all(taught == label != answered for _, taught, answered, label in other["gallery"])
    assert other["agreement"]["wrong"] == 1.0  # this teacher is never wrong
    assert [*explorer.data["columns"]] == ["varied"] and [*explorer.data["runs"][2]["history"]] == [
        "epoch",
        "test_accuracy",
    ]
    groups = explorer.data["columns"]["varied"]
    assert [*groups["colours"]] == list(dict.fromkeys(groups["values"]))


def test_the_cloud_opens_where_the_teacher_is_wrong_with_the_controls_measured_there(table, digits):
    labels, history = digits.test.labels, {"epoch": [1], "test_accuracy": [0.5]}
    taught, copied, apart = (labels.clone() for _ in range(3))
    taught[:20] = copied[:20] = (labels[:20] + 1) % 10  # wrong 20 times
    copied[:5] = labels[:5]

    def predictions(row):
        return taught, copied if row else apart

    given = [table, 0.85, {"two": (0.8, 0.8, 0.5), "not measured": (0.7, 0.7)}, [history] * 4, predictions]
    view = explorers.agreement_cloud(*given, digits.test.images, labels, CLASSES, where="wrong")
    assert view.state["where"] == "wrong"
    assert [run["agreement"]["wrong"] for run in view.data["runs"]] == [0, 0.75, 0.75, 0.75]
    assert view.data["controls"] == [["two", 0.8, 0.8, 0.5], ["not measured", 0.7, 0.7]]
    figure = plt.figure()
    view.still(figure, **view.state)
    ax = figure.subfigs[0].axes[0]
    heights = {line.get_label(): np.ravel(line.get_ydata()).tolist() for line in ax.lines}
    assert heights["a"] == [0, 75] and heights["b"] == [75, 75] and heights["two"] == [50]
    assert "not measured" not in heights and "wrong" in ax.get_ylabel()
    with pytest.raises(ValueError, match="'all' or 'wrong'"):
        explorers.agreement_cloud(*given, digits.test.images, labels, CLASSES, where="right")


def test_a_filter_leaves_every_group_its_colour(table):
    whole = figures.hues(table.varied)
    part = table[table.varied == "b"]
    ax = figures.agreement_against_accuracy(part, 0.85, colours=whole, ax=plt.subplots()[1])
    assert ax.lines[0].get_color() == whole["b"] != figures.hues(part.varied)["b"]


def test_two_answers_have_a_colour_each(digits):
    first, second = [("4", True), ("7", False)], [("9", False), ("1", True)]
    ax = figures.two_answers(digits.test.images[:2], first, second, ax=plt.subplots()[1])
    right, wrong = figures.COLOURS["right"], figures.COLOURS["wrong"]
    found = {text.get_text(): text.get_color() for text in ax.texts}
    assert found == {"4": right, "7": wrong, "9": wrong, "1": right}
    with pytest.raises(ValueError, match="'second' of answers must be 2 pairs"):
        figures.two_answers(digits.test.images[:2], first, second[:1], ax=plt.subplots()[1])
