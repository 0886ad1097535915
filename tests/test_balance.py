"""Labels and soft targets in one gradient, smoothed labels as soft as a teacher, and settings compared by a margin."""

import pandas as pd
import pytest
import torch

from kdviz import measures
from kdviz.objectives import SoftTargets


@pytest.fixture
def given():
    chance = torch.Generator().manual_seed(0)
    z, v = 3 * torch.randn(2, 40, 10, generator=chance)
    return z, v, torch.randint(10, (40,), generator=chance)


def test_the_labels_gradient_is_that_of_torchs_cross_entropy(given, double):
    z, _, labels = given
    z = z.double().requires_grad_()
    (found,) = torch.autograd.grad(torch.nn.functional.cross_entropy(z, labels), z)
    torch.testing.assert_close(measures.label_gradient(z.detach(), labels), len(z) * found)


@pytest.mark.parametrize(("h", "s", "T"), [(1.0, 1.0, 1.0), (0.1, 1.0, 20.0), (1.0, 1 / 400, 20.0), (1.0, 0.1, 4.0)])
def test_shares_are_those_of_the_loss_students_are_trained_with(given, h, s, T, double):
    z, v, labels = given
    parts = []
    for weights in ((h, 0.0), (0.0, s)):
        leaf = z.double().requires_grad_()
        T_, h_, s_ = torch.tensor([[T], [weights[0]], [weights[1]]])
        loss = SoftTargets.losses({"logits": leaf[None]}, labels[None], {"logits": v.double()[None]}, {}, T_, h_, s_)
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        parts.append(gradient.norm(dim=-1).mean().item())
    found = measures.label_share(z, v, labels, T, hard_weight=h, soft_weight=s)
    assert found == pytest.approx(parts[0] / sum(parts), rel=1e-6)


def test_without_the_factor_labels_take_over_as_it_gets_hot(given):
    z, v, labels = given
    shares = {
        t: [measures.label_share(z, v, labels, t, hard_weight=1, soft_weight=s) for s in (1, 1 / t**2)]
        for t in (1, 100)
    }
    assert shares[1][0] == shares[1][1]
    assert shares[100][0] < shares[1][0] < 0.9 < shares[100][1]


def test_nothing_that_moves_a_student_has_no_shares(given):
    z, v, labels = given
    with pytest.raises(ValueError, match="no shares"):
        measures.label_share(z, v, labels, 2, hard_weight=0, soft_weight=0)
    with pytest.raises(ValueError, match="at least 0"):
        measures.label_share(z, v, labels, 2, hard_weight=-1)


def test_slopes_in_the_hot_limit_are_0_and_minus_2(given):
    z, v, _ = given
    z, v = (each - each.mean(-1, keepdim=True) for each in (z, v))
    assert measures.gradient_slope(z, v, (1e3, 1e4)) == pytest.approx(0, abs=0.01)
    assert measures.gradient_slope(z, v, (1e3, 1e4), factor=False) == pytest.approx(-2, abs=0.01)


@pytest.mark.parametrize("a", [0.0, 0.1, 0.3, 0.999])
def test_smoothed_labels_are_as_smooth_as_they_are(a):
    labels = torch.arange(5)
    smooth = (1 - a) * torch.nn.functional.one_hot(labels, 5).double() + a / 5
    assert measures.equivalent_smoothing(smooth.log(), labels) == pytest.approx(a, abs=1e-9)


def test_heat_is_smoothing_too():
    logits, labels = torch.tensor([[6.0, 0.0, 0.0], [0.0, 6.0, 1.0]]), torch.tensor([0, 1])
    found = [measures.equivalent_smoothing(logits, labels, t) for t in (0.5, 1, 4, 1e6)]
    assert found == sorted(found) and found[-1] == pytest.approx(1, abs=1e-4)


def test_a_setting_is_best_worse_as_good_or_open_and_the_teacher_is_the_unit():
    table = pd.DataFrame({"best": [10, 20, 30, 10, 20], "worse": [15, 25, 36, 15, 25], "near": [10, 21, 30, 11, 20]})
    table["open"] = [30, 10, 40, 0, 45]
    found = measures.against_best(table, margin=3)
    assert found.verdict.to_dict() == {"best": "fewest", "worse": "worse", "near": "as good", "open": "cannot tell"}
    assert found.difference["worse"] == pytest.approx(5.2) and found.half["worse"] < 1
    shared = measures.against_best(table, margin=3, by=[0, 1, 2, 0, 1])
    assert shared.difference["worse"] == pytest.approx(16 / 3) and shared.half["worse"] > found.half["worse"]
    assert measures.against_best(table, margin=0.5).verdict["near"] == "cannot tell"
    with pytest.raises(ValueError, match="above 0"):
        measures.against_best(table, margin=0)
    with pytest.raises(ValueError, match="two units"):
        measures.against_best(table, margin=1, by=[0] * 5)


def test_shares_in_the_teachers_order(given):
    z, v, _ = given
    found = measures.ranked_shares(z, v, 4)
    assert found.sum() == pytest.approx(1)
    shares = measures.gradient_shares(z, v, 4)
    assert found[0] == pytest.approx(shares[range(len(v)), v.argmax(-1)].mean().item())
    assert found[-1] == pytest.approx(shares[range(len(v)), v.argmin(-1)].mean().item())


def test_rivals_are_those_of_the_sure_and_right():
    logits = torch.tensor([[9.0, 8, 8, 0], [9, 4, 4, 0], [9, 4, 0, 0], [9, 0, 0, 0], [9, 4, 4, 0.1]])
    labels = torch.tensor([0, 0, 0, 0, 1])  # the first is not sure, the last not right
    assert measures.by_rivals(logits, labels) == {"two rivals": 1, "one rival": 2, "no rival": 3}
    assert measures.by_rivals(logits, labels, sure=0.999999)["two rivals"] == 0
    with pytest.raises(ValueError, match="three classes"):
        measures.by_rivals(logits[:, :2], labels)
