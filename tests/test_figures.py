"""Figures are tested by their artists, never by their pixels."""

import subprocess
import sys
import types

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from carried import unpacked
from matplotlib.figure import Figure

from kdviz import explorers, figures, measures
from kdviz.explorers import view

CLASSES = tuple("0123456789")


def test_importing_changes_no_style():
    check = "import matplotlib as m; before = dict(m.rcParams); import kdviz; assert before == dict(m.rcParams)"
    subprocess.run([sys.executable, "-c", check], check=True)
    with plt.style.context({}):
        figures.use_style()
        assert plt.rcParams["axes.spines.top"] is False


def test_soft_target_draws_the_softmax():
    logits = torch.randn(10, generator=torch.Generator().manual_seed(0))
    _, ax = plt.subplots()
    assert figures.soft_target(logits, CLASSES, [1, 8], ax=ax) is ax
    for bars, temperature in zip(ax.containers, (1, 8), strict=True):
        np.testing.assert_allclose([bar.get_height() for bar in bars], (logits / temperature).softmax(-1), rtol=1e-6)


def test_by_seed_draws_every_seed_the_mean_and_the_interval():
    groups = {"teacher": [3.0, 5.0, 10.0], "student": [4.0, 4.0]}
    ax = figures.by_seed(groups, reported={"teacher": 7.0}, ax=plt.subplots()[1])
    points = [line.get_xdata().tolist() for line in ax.lines if len(line.get_xdata())]
    assert [3.0, 5.0, 10.0] in points and [7.0] in points
    (segment,) = ax.containers[0].lines[2][0].get_segments()
    mean, half = measures.mean_and_interval(groups["teacher"])
    assert segment[:, 0].tolist() == pytest.approx([mean - half, mean + half])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["teacher", "student"]
    ax = figures.by_seed(groups, unit="draw", ax=plt.subplots()[1])
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert said == ["one draw", "mean, 95 % interval over draws"]


def test_by_seed_draws_medians_of_heaps_and_what_all_are_compared_with():
    ax = figures.by_seed({"student": [1.0, 2.0, 60.0]}, middle="median", lines={"chance": 83}, ax=plt.subplots()[1])
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {*said} == {"one seed", "median of the seeds", "chance"} and not ax.containers
    assert [text.get_text() for text in ax.texts] == ["2.0"]
    assert [83, 83] in [[*line.get_xdata()] for line in ax.lines]
    with pytest.raises(ValueError, match="middle is 'mean' or 'median', not 'mode'"):
        figures.by_seed({"student": [1.0]}, middle="mode")


def test_by_class_draws_means_and_seeds():
    values = {"before": torch.tensor([[1.0, 2.0], [3.0, 6.0]]), "after": torch.zeros(2, 2)}
    ax = figures.by_class(values, ["a", "b"], {"before": "0.5", "after": "k"}, ax=plt.subplots()[1])
    assert [bar.get_height() for bar in ax.containers[0]] == [2.0, 4.0]
    assert sorted(y for line in ax.lines[:2] for y in line.get_ydata()) == [1.0, 2.0, 3.0, 6.0]


def test_errors_by_bias_draws_a_line_a_seed_and_one_label_a_group():
    biases = torch.arange(3.0)
    curves = {"student": torch.tensor([[3, 1, 2], [4, 1, 3]]), "hard labels": torch.tensor([[9, 9, 9]])}
    ax = figures.errors_by_bias(biases, curves, figures.COLOURS, ax=plt.subplots()[1])
    assert [line.get_ydata().tolist() for line in ax.lines] == [[3, 1, 2], [4, 1, 3], [9, 9, 9]]
    assert ax.get_legend_handles_labels()[1] == ["student", "hard labels"]


def test_gallery_captions_every_image():
    ax = figures.gallery(torch.zeros(5, 1, 8, 8), list("abcde"), [True] * 4 + [False], columns=3, ax=plt.subplots()[1])
    assert len(ax.images) == 5 and [text.get_text() for text in ax.texts] == list("abcde")
    assert ax.texts[4].get_color() != ax.texts[0].get_color() == figures.COLOURS["right"]


def test_gallery_is_grey_where_right_is_not_said():
    ax = figures.gallery(torch.zeros(2, 1, 8, 8), ["a", "b"], ax=plt.subplots()[1])
    assert {text.get_color() for text in ax.texts} == {"0.25"}


def test_errors_by_bias_marks_where_the_label_free_biases_lie():
    fitted = {"student": pd.DataFrame({"bias": [1.5, 0.5], "errors after": [7, 8]})}
    curves = {"student": torch.tensor([[3, 1, 2]])}
    ax = figures.errors_by_bias(torch.arange(3.0), curves, figures.COLOURS, fitted=fitted, ax=plt.subplots()[1])
    assert ax.lines[1].get_xydata().tolist() == [[1.5, 7.0], [0.5, 8.0]]
    assert ax.get_legend_handles_labels()[1] == ["student", "at the label-free bias"]
    with pytest.raises(ValueError, match="errors after"):
        figures.errors_by_bias(
            torch.arange(3.0), curves, figures.COLOURS, fitted={"student": pd.DataFrame({"bias": [1]})}
        )


def test_class_means_draws_every_student_and_marks_the_unseen_class():
    teacher, students = torch.tensor([4.0, -1.0, 9.0]), torch.tensor([[4.0, -1.0, 5.0], [4.0, -1.0, 6.0]])
    ax = figures.class_means(teacher, students, ["a", "b", "c"], 2, ax=plt.subplots()[1])
    dots = [line.get_xydata().tolist() for line in ax.lines[1:]]
    assert dots == [[[4, 4], [4, 4]], [[-1, -1], [-1, -1]], [[9, 5], [9, 6]]]
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    assert colours["c"] == figures.COLOURS["student"] != colours["a"] == colours["b"]
    assert ax.texts[-1].xy == (9.0, 5.5) and ax.texts[-1].xyann == (9.0, 9.0)  # the arrow: from the teacher's down


def test_second_opinions_shows_the_sure_image_with_the_strongest_second():
    logits = torch.tensor([[9.0, 0, 1], [9.0, 0, 4], [2.0, 0, 1.9], [0.0, 9, 8.9], [0, 1.0, 0]])
    images = torch.arange(5.0)[:, None, None, None].expand(5, 1, 2, 2) / 5
    axes = plt.subplots(2, 2)[1]
    labels = torch.tensor([0, 0, 0, 1, 1])
    assert figures.second_opinions(images, logits, labels, ["a", "b", "c"], [0, 1], axes=axes) is axes
    assert [round(5 * float(ax.images[0].get_array()[0, 0])) for ax in axes[0]] == [1, 3]  # of b it is sure of none
    heights = [bar.get_height() for bar in axes[1, 0].containers[1]]
    np.testing.assert_allclose(heights, (logits[1] / 8).softmax(-1), rtol=1e-6)
    with pytest.raises(ValueError, match="two rows of 2"):
        figures.second_opinions(images, logits, labels, ["a", "b", "c"], [0, 1], axes=axes[:1])


def test_taken_for_writes_what_was_counted():
    ax = figures.taken_for(torch.tensor([[0, 2], [13, 0]]), ["a", "b"], ax=plt.subplots()[1])
    assert [text.get_text() for text in ax.texts] == ["", "2", "13", ""]


def test_errors_by_temperature_has_a_line_for_each_model():
    rows = [("8-8", None, 0, 5)]  # a student on labels, which has no temperature
    rows += [(m, t, s, 10 * t + s) for m in ("8-8", "30-30") for t in (1.0, 4.0) for s in range(3)]
    table = pd.DataFrame(rows, columns=["model", "temperature", "seed", "errors"])
    ax = figures.errors_by_temperature(table, ax=plt.subplots()[1])
    assert [container.lines[0].get_ydata().tolist() for container in ax.containers] == [[11.0, 41.0]] * 2
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["8-8", "30-30"]


@pytest.fixture
def explorer():
    labels = torch.arange(10).repeat(4)
    return explorers.omitted_digit(
        lambda omitted, temperature, bias: labels.where((labels != omitted) | (bias > 2), (labels + 1) % 10),
        {(d, t): 1.5 for d in (3, 5) for t in (4.0, 20.0)},
        torch.rand(40, 1, 8, 8),
        labels,
        CLASSES,
    )


def test_the_picture_of_an_omitted_digit_follows_its_bias(explorer):
    first = explorer.picture()
    explorer.choose(bias_added=5.0)
    assert explorer.picture() != first
    assert repr(explorer) == "Explorer(omitted=3, temperature=20.0, bias_added=5.0)"


def test_the_tables_of_an_omitted_digit_are_what_its_predictions_say(explorer):
    (student,) = (s for s in explorer.data["students"] if (s["omitted"], s["temperature"]) == (5, 4.0))
    wrong, taken = (unpacked(student[name]) for name in ("wrong", "taken"))
    before, after = (explorer.data["biases"].index(bias) for bias in (2.0, 2.25))
    assert wrong[before].tolist() == [0, 0, 0, 0, 0, 4, 0, 0, 0, 0] and not wrong[after].any()
    assert taken[before, 6] == taken[after, 5] == 4
    assert [row[1:] for row in student["gallery"]] == [[6, after]] * 4


def test_a_bias_that_drives_images_away_is_refused():
    labels = torch.arange(10)
    with pytest.raises(ValueError, match="took 1 images away from class 3"):
        explorers.omitted_digit(
            lambda omitted, temperature, bias: labels.where((labels != omitted) | (bias < 2), (labels + 1) % 10),
            {(3, 4.0): 1.5}, torch.rand(10, 1, 8, 8), labels, CLASSES,
        )  # fmt: skip


def test_an_error_while_drawing_is_not_swallowed():
    def draw(figure, n):
        if n:
            raise RuntimeError("cannot draw this")

    broken = explorers.Explorer(draw, (2, 2), n=ipywidgets.IntSlider(0))
    with pytest.raises(RuntimeError, match="cannot draw this"):
        broken.controls["n"].value = 1


def test_colabs_page_is_told_who_shows_a_widget(monkeypatch):
    assert view.about() == {}
    manager = types.SimpleNamespace(_widgets=types.SimpleNamespace(_installed_url="its address"))
    monkeypatch.setitem(sys.modules, "google.colab.output", manager)
    assert view.about() == {view.WIDGET: {"colab": {"custom_widget_manager": {"url": "its address"}}}}


def with_names(classes):
    """A figure of every function that writes names, of classes and of groups."""
    a, b = classes[:2]
    z = 3 * torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    labels, shares = torch.arange(12) % 4, torch.rand(2, 4)
    r, runs = torch.corrcoef(z.T), [{"epoch": [1, 2], "test_accuracy": [0.1, 0.2]}]
    table = pd.DataFrame({"accuracy": [0.5, 0.6], "agreement": [0.6, 0.7], "varied": [a, b]})
    told = pd.DataFrame({"temperature": [1, 1, 2, 2], "errors": [1, 2, 3, 4], "model": [a, b] * 2})
    sure = [(torch.rand(40), torch.rand(40) > 0.5)]
    drawn = [
        lambda ax: figures.agreement_against_accuracy(table, 0.9, ax=ax),
        lambda ax: figures.by_class({a: shares}, classes, {a: "C0"}, ax=ax),
        lambda ax: figures.by_seed({a: [1.0, 2.0]}, ax=ax),
        lambda ax: figures.by_setting([1, 2, 3, 4], {a: shares}, {a: "C0"}, ax=ax),
        lambda ax: figures.class_tree(r, classes, ax=ax),
        lambda ax: figures.errors_by_temperature(told, ax=ax),
        lambda ax: figures.gallery(torch.rand(4, 1, 8, 8), classes, [True] * 4, ax=ax),
        lambda ax: figures.heat_map(r, classes, ax=ax),
        lambda ax: figures.heat_maps({a: r}, classes, label="r", axes=ax),
        lambda ax: figures.image(torch.rand(1, 8, 8), title=a, ax=ax),
        lambda ax: figures.learning_curves({a: runs}, axes=ax.figure.subplots(1, 2)),
        lambda ax: figures.mistaken((0, 1), labels.roll(1), labels, torch.rand(12, 1, 8, 8), labels, classes, ax=ax),
        lambda ax: figures.pair_scatter(z, labels, (0, 1), classes, ax=ax),
        lambda ax: figures.reliability({a: sure}, ax=ax),
        lambda ax: figures.shares_by_temperature([1, 2], shares, classes, ax=ax),
        lambda ax: figures.simplex_path(torch.tensor([4.0, 3.0, 2.0, 1.0]), classes, [1, 2], ax=ax),
        lambda ax: figures.soft_target(z[0], classes, [1], ax=ax),
        lambda ax: figures.taken_for(torch.ones(4, 4, dtype=torch.int64), classes, ax=ax),
        lambda ax: figures.ties({a: [0.1, 0.2]}, 0.3, ax=ax),
        lambda ax: figures.two_opinions(z[0], z[1], classes, ax=ax),
    ]
    for draw in drawn:
        figure = Figure()
        draw(figure.subplots())
        yield figure
    scores = {a: [measures.scores(z, z + torch.randn(12, 4), labels)]}
    yield figures.card(scores, [z], z + 1, labels, classes)


def test_of_many_classes_no_label_of_the_card_lies_over_the_colour_bar():
    draws = torch.Generator().manual_seed(0)
    logits, labels = 3 * torch.randn(120, 30, generator=draws), torch.arange(120) % 30
    student = logits + torch.randn(120, 30, generator=draws)
    with plt.style.context(figures.STYLE):
        figure = figures.card(
            {"student": [measures.scores(student, logits, labels)]}, [student], logits, labels, range(30)
        )
        figure.draw_without_rendering()
        (ties,) = (ax for ax in figure.axes if ax.get_title(loc="left") == "Which ties does it lose?")
        (missed,) = (ax for ax in figure.axes if ax.get_title(loc="left") == "Classes it misses, %")
        (bar,) = ties.child_axes
        assert bar.get_tightbbox().x1 < missed.yaxis.label.get_window_extent().x0


def test_images_have_one_channel_or_three():
    colours = torch.rand(3, 8, 8)
    np.testing.assert_allclose(figures.image(colours).images[0].get_array(), colours.permute(1, 2, 0))
    with pytest.raises(ValueError, match="one channel, or three for colour, not 2"):
        figures.image(colours[:2])
    with pytest.raises(ValueError, match=r"divide them by their largest"):
        figures.image(255 * colours)


def test_a_figure_for_a_paper_holds_vectors_and_truetype_fonts(tmp_path):
    saved = {}
    for name, style in (("ours", figures.STYLE), ("matplotlib's", "default")):
        with plt.style.context(style):
            figures.by_seed({"student": [88.1, 88.4, 88.0], "hard labels": [86.2, 85.9, 86.4]}, ax=plt.figure().gca())
            plt.savefig(tmp_path / "figure.pdf")
        saved[name] = (tmp_path / "figure.pdf").read_bytes()
    assert b"/Type3" in saved["matplotlib's"] and b"/Type3" not in saved["ours"]  # several venues refuse them
    assert b"/FontFile2" in saved["ours"] and b"/Subtype /Image" not in saved["ours"]  # TrueType; no pixels
