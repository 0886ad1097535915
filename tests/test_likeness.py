"""What a student takes over from its own teacher: agreement by part, and confidence."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from kdviz import figures, measures

LABELS = torch.tensor([0, 0, 1, 1, 2, 2, 0, 1])


def test_likeness_by_hand():
    """Teacher 0 errs on images 0 and 2, teacher 1 on 1 and 3; student 0 repeats one mistake of its own teacher."""
    teachers = [torch.tensor([1, 0, 0, 1, 2, 2, 0, 1]), torch.tensor([0, 2, 1, 2, 2, 2, 0, 1])]
    students = [torch.tensor([1, 0, 1, 1, 2, 2, 0, 0]), torch.tensor([0, 2, 1, 2, 2, 2, 0, 1])]
    first, second = measures.likeness(students, teachers, LABELS).to_dict("records")
    assert first["accuracy"] == 75 and second["accuracy"] == 75
    assert (first["own"], first["own, wrong"]) == (75, 50) and first["own, right"] == pytest.approx(100 * 5 / 6)
    assert (second["own"], second["own, wrong"], second["own, right"]) == (100, 100, 100)
    # student 1 beside teacher 0: apart on 0, 1, 2 and 3
    assert (first["other"], first["other, wrong"]) == (50, 0) and first["other, right"] == pytest.approx(100 * 4 / 6)


def test_strangers_are_averaged_over_all_other_students():
    generator = torch.Generator().manual_seed(0)
    teachers, students = (torch.randint(3, (4, 200), generator=generator) for _ in range(2))
    labels = torch.randint(3, (200,), generator=generator)
    table = measures.likeness(list(students), list(teachers), labels)
    for i, row in table.iterrows():
        rows = teachers[i] != labels
        strangers = [100 * (students[j] == teachers[i])[rows].double().mean().item() for j in range(4) if j != i]
        assert row["other, wrong"] == pytest.approx(np.mean(strangers))
        share = rows.double().mean().item()
        assert share * row["own, wrong"] + (1 - share) * row["own, right"] == pytest.approx(row["own"])


def test_likeness_refuses_what_has_nothing_to_compare():
    with pytest.raises(ValueError, match="two students or more"):
        measures.likeness([LABELS], [LABELS], LABELS)
    with pytest.raises(ValueError, match="right, or wrong, on every image"):
        measures.likeness([LABELS] * 2, [LABELS] * 2, LABELS)


def test_confidence_odds_are_log_odds_with_a_ceiling():
    found = measures.confidence_odds(torch.tensor([0.5, 0.9, 1.0]))
    torch.testing.assert_close(found, torch.tensor([0.0, np.log(9), 8.0], dtype=torch.float64), atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="probability"):
        measures.confidence_odds(torch.tensor([1.2]))


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.3])
def test_exaggeration_is_the_factor_between_the_log_odds(factor):
    odds = torch.linspace(0.1, 6, 50, dtype=torch.float64)
    teacher = torch.cat([odds.sigmoid(), torch.ones(20, dtype=torch.float64)])  # what is surest is left out
    student = torch.cat([(factor * odds).sigmoid(), torch.full((20,), 0.5, dtype=torch.float64)])
    assert measures.exaggeration(student, teacher) == pytest.approx(factor, abs=1e-6)


def test_exaggeration_needs_a_teacher_that_is_now_more_now_less_sure():
    with pytest.raises(ValueError, match="no slope"):
        measures.exaggeration(torch.rand(9), torch.full((9,), 0.7))


def test_confidences_draws_a_mean_a_bin_and_leaves_out_empty_ones():
    teacher = torch.logit(torch.tensor([0.6] * 30 + [0.9] * 30 + [0.99] * 5, dtype=torch.float64)).sigmoid()
    pairs = [(teacher * 0 + 0.8, teacher), (teacher * 0 + 0.7, teacher)]
    ax = figures.confidences({"student": pairs}, figures.COLOURS, ax=plt.subplots()[1])
    x, y = (np.asarray(part, dtype=float) for part in ax.containers[0].lines[0].get_data())
    np.testing.assert_allclose(x, np.log([0.6 / 0.4, 9]), atol=1e-6)  # five images at .99 are too few
    np.testing.assert_allclose(y, [(np.log(4) + np.log(7 / 3)) / 2] * 2, atol=1e-6)
    low, high = ax.containers[0].lines[2][0].get_segments()[0][:, 1]
    assert (high - low) / 2 == pytest.approx(measures.mean_and_interval([np.log(4), np.log(7 / 3)])[1])
    with pytest.raises(ValueError, match="has none for 'x'"):
        figures.confidences({"x": pairs}, figures.COLOURS, ax=plt.subplots()[1])


def test_log_ticks_are_those_given_alone():
    ax = plt.subplots()[1]
    ax.plot([200, 60000], [0, 1])
    figures.log_ticks([200, 5000, 60000], ax=ax)
    assert ax.get_xscale() == "log" and not ax.xaxis.get_minorticklocs().size
    assert [label.get_text() for label in ax.get_xticklabels()] == ["200", "5,000", "60,000"]
    with pytest.raises(ValueError, match="above 0"):
        figures.log_ticks([0, 1], ax=ax)


def test_same_answers_and_rings_by_hand():
    """Three nets of two classes on two images: the ensemble of two follows the surer one."""
    nets = [torch.tensor([[3.0, 0], [0, 1]]), torch.tensor([[0, 1.0], [3, 0]]), torch.tensor([[0, 5.0], [0, 5]])]
    assert [each.tolist() for each in measures.ring_answers(nets, 1)] == [[0, 1], [1, 0], [1, 1]]
    two = measures.ring_answers(nets, 2)
    assert [each.tolist() for each in two] == [[0, 0], [1, 1], [1, 1]]  # nets 0 and 1, 1 and 2, 2 and 0
    assert len({tuple(each.tolist()) for each in measures.ring_answers(nets, 3)}) == 1
    assert measures.same_answers([torch.tensor([0, 1]), torch.tensor([0, 0])], two[:2]).tolist() == [50, 0]
    with pytest.raises(ValueError, match="1 to 3 members"):
        measures.ring_answers(nets, 4)


def test_copies_draws_both_curves_and_what_two_teachers_agree_on():
    few, many = {"own": [80, 90], "other": [60, 70]}, {"own": [95, 97], "other": [61, 63]}
    tables = {10: pd.DataFrame(few), 100: pd.DataFrame(many)}
    ax = figures.copies(tables, 62.0, ax=plt.subplots()[1])
    own, other = (np.asarray(each.lines[0].get_ydata(), float).tolist() for each in ax.containers[:2])
    assert own == [85, 96] and other == [65, 62]
    dotted = next(line for line in ax.lines if line.get_label() == "two teachers")
    assert list(dotted.get_ydata()) == [62, 62] and ax.get_xscale() == "log"


def test_near_all_stretches_the_axis_towards_a_hundred_and_leaves_the_order():
    ax = figures.near_all(plt.subplots()[1])
    ax.plot([10, 96, 98], [0, 1, 2], "o")
    few, more, most = (ax.transData.transform((share, 0))[0] for share in (10, 96, 98))
    assert few < more < most and most - more > 0.1 * (more - few)  # 2 of 88 points on a common axis
    assert ax.get_xticks().tolist() == [0, 50, 75, 90, 95, 98, 100]
