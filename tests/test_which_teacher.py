"""Students by their teachers, drawn and alive; and the few numbers by which a shipped run is known."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

import kdviz as kd
from kdviz.publish import reference
from kdviz.runs import Run, asked

ROWS = [
    {"group": g, "T": t, "teacher": n, "student": 10 + n - t + 0.5 * s, "error": 9.0 - n, "NLL": n / t, "entropy": 1.0}
    for g in ("own", "fresh") for t in (1.0, 4.0) for n in (0, 1, 2) for s in range(3)
]  # fmt: skip
TABLE = pd.DataFrame(ROWS)


def test_a_dot_a_teacher_stands_at_the_means_and_teachers_are_joined_in_order():
    of_one = TABLE[(TABLE.group == "own") & (TABLE["T"] == 1)]
    ax = kd.figures.students_by_teacher(of_one, "error", {"own": "black"}, ax=plt.figure().subplots())
    line = ax.lines[0]
    assert line.get_xdata().tolist() == [9, 8, 7] and line.get_ydata().tolist() == [9.5, 10.5, 11.5]
    assert [text.get_text() for text in ax.texts] == ["0", "1", "2"]
    unnamed = kd.figures.students_by_teacher(of_one, "NLL", {"own": "black"}, named=False, ax=plt.figure().subplots())
    assert not unnamed.texts and unnamed.lines[0].get_linestyle() == "-"
    apart = kd.figures.students_by_teacher(of_one, "error", {"own": "black"}, apart=["own"], ax=plt.figure().subplots())
    assert apart.lines[0].get_linestyle() == "None"
    with pytest.raises(ValueError, match="table needs the columns NLL at 3"):
        kd.figures.students_by_teacher(of_one, "NLL at 3", {"own": "black"})


def test_names_of_teachers_at_one_place_do_not_hide_each_other():
    rows = TABLE[TABLE["T"] == 1].assign(teacher=lambda rows: rows.group + " of " + rows.teacher.astype(str))
    ax = kd.figures.students_by_teacher(rows, "error", {"own": "black", "fresh": "red"}, ax=plt.figure().subplots())
    assert len(ax.texts) == 6
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    assert all(ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1 for box in boxes)


def test_the_explorer_carries_means_and_intervals():
    view = kd.explorers.which_teacher(TABLE, temperature=4, against="NLL")
    mean, half = kd.measures.mean_and_interval([6, 6.5, 7])
    point = {"name": "0", "student": mean, "half": round(half, 4), "error": 9.0, "NLL": 0.0, "entropy": 1.0}
    assert view.data["groups"]["own"][1][0] == point and view.data["temperatures"] == [1.0, 4.0]
    assert view.state == {"group": "own", "temperature": 4.0, "against": "NLL"} and view.picture()
    with pytest.raises(ValueError, match="T is one of 1, 4, not 3"):
        kd.explorers.which_teacher(TABLE, temperature=3)
    with pytest.raises(ValueError, match="against is one of error, NLL, entropy, not 'size'"):
        kd.explorers.which_teacher(TABLE, against="size")
    with pytest.raises(ValueError, match="the same teachers at each temperature"):
        kd.explorers.which_teacher(TABLE.drop(TABLE[(TABLE["T"] == 4) & (TABLE.teacher == 2)].index))


@pytest.fixture(scope="module")
def run():
    data = kd.load("digits").mislabel(0.3, seed=0).take(100, seed=0)
    return kd.train(kd.Recipe(data, kd.mlp(8), kd.HardLabels(), epochs=2), store=None)


def test_scores_are_of_the_test_images_and_of_those_it_was_trained_on(run):
    data, T = kd.load("digits").mislabel(0.3, seed=0).take(100, seed=0), 4.0
    z, seen = run.logits() / T, run.logits("train")[data.rows] / T
    row = kd.Runs([run]).soft_scores(T).iloc[0]
    cross = torch.nn.functional.cross_entropy
    expected = [cross(z, data.test.labels).item(), (-z.softmax(-1) * z.log_softmax(-1)).sum(-1).mean().item()]
    expected += [
        cross(seen, data.train.labels).item(),
        (-seen.softmax(-1) * seen.log_softmax(-1)).sum(-1).mean().item(),
    ]
    torch.testing.assert_close(row.tolist(), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="scores are kept at T = 1, 2, 4, 8, not 3"):
        kd.Runs([run]).soft_scores(3)


def test_a_run_asked_for_few_numbers_ships_no_more(run):
    asked.pop(run.recipe, None)
    runs = kd.Runs([run])
    counted, scored = runs.error_counts(), runs.soft_scores(1)
    assert counted.tolist() == runs.table().errors.tolist()
    assert asked.pop(run.recipe) == {"error_count", "soft_scores"}
    kept = reference.reduced(run, {"error_count", "soft_scores"})
    assert {name: tuple(array.shape) for name, array in kept.items()} == {"error_count": (1,), "soft_scores": (4, 4)}
    shipped = kd.Runs([Run(run.recipe, kept, run.history)])
    assert shipped.error_counts().equals(counted) and shipped.soft_scores(1).equals(scored)
