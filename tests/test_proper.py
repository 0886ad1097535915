"""Proper scores, balanced accuracy, a fitted temperature, linear CKA and verdicts, against others' implementations."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, log_loss

from kdviz import measures

DRAWS = torch.Generator().manual_seed(3)
Y = torch.randint(0, 6, (403,), generator=DRAWS)
Z = 2 * torch.randn(403, 6, generator=DRAWS) + 3 * torch.nn.functional.one_hot(Y, 6)


def test_nll_brier_and_balanced_accuracy_are_scikit_learns():
    p = softmax(Z.double().numpy(), -1)
    assert measures.nll(Z, Y) == pytest.approx(log_loss(Y, p), rel=1e-12)
    assert measures.brier(Z, Y) == pytest.approx(brier_score_loss(Y, p, scale_by_half=False), rel=1e-12)
    rare = torch.cat([torch.arange(403)[Y != 2], torch.arange(403)[Y == 2][:3]])
    found = measures.balanced_accuracy(Z[rare], Y[rare])
    assert found == pytest.approx(balanced_accuracy_score(Y[rare], Z[rare].argmax(-1)), rel=1e-12)
    assert found != pytest.approx(measures.accuracy(Z[rare], Y[rare]), abs=1e-3)


def test_values_worked_out_on_paper():
    logits, labels = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]]), torch.tensor([0, 1])  # 3/4, 1/4 and 1/2, 1/2
    assert measures.nll(logits, labels) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    assert measures.brier(logits, labels) == pytest.approx((2 / 16 + 2 / 4) / 2)


def test_scores_of_a_class_without_examples_of_masks_and_of_sure_errors():
    assert measures.balanced_accuracy(4 * torch.eye(4)[[0, 0, 2]], torch.tensor([0, 0, 0])) == pytest.approx(2 / 3)
    masked = torch.tensor([[1.0, 0.0, -math.inf]])
    assert measures.nll(masked, torch.tensor([0])) == pytest.approx(math.log(1 + math.exp(-1)))
    assert measures.nll(masked, torch.tensor([2])) == math.inf
    sure = torch.tensor([[1e4, 0.0]])
    assert measures.nll(sure, torch.tensor([1])) == pytest.approx(1e4) and measures.brier(sure, torch.tensor([1])) == 2


@pytest.mark.parametrize(
    "measure", [measures.nll, measures.brier, measures.balanced_accuracy, measures.fitted_temperature]
)
def test_what_cannot_be_scored_is_refused(measure):
    with pytest.raises(ValueError, match="need 403 labels"):
        measure(Z, Y[1:])
    with pytest.raises(ValueError, match="NaN"):
        measure(torch.full((2, 3), math.nan), torch.tensor([0, 1]))


def test_halves_are_stratified_fixed_and_shuffled():
    first, second = measures.halved(Y)
    assert sorted(torch.cat([first, second]).tolist()) == list(range(403))
    counts = [torch.bincount(Y[half], minlength=6) for half in (first, second)]
    assert (counts[0] - counts[1]).abs().max() <= 1
    assert torch.equal(first, measures.halved(Y)[0])
    of_zero = first[Y[first] == 0]
    assert not torch.equal(of_zero, of_zero.sort().values)  # no order of the file is left in a half


@pytest.mark.parametrize("scale", [0.02, 1.0, 300.0])
def test_a_fitted_temperature_is_scipys_and_scores_the_other_half(scale):
    z, y, halves = scale * Z.double().numpy(), Y.numpy(), [half.numpy() for half in measures.halved(Y)]
    loss = lambda t, half: -log_softmax(z[half] / np.exp(t), -1)[np.arange(len(half)), y[half]].mean()  # noqa: E731
    fits = [
        np.exp(minimize_scalar(loss, args=(half,), bounds=(np.log(scale) - 5, np.log(scale) + 5), method="bounded").x)
        for half in halves
    ]
    found = measures.fitted_temperature(torch.from_numpy(z), Y)
    assert found["temperature"] == pytest.approx(math.sqrt(fits[0] * fits[1]), rel=1e-4)
    others = list(zip(fits, halves[::-1], strict=True))
    assert found["nll"] == pytest.approx(np.mean([loss(np.log(T), half) for T, half in others]), rel=1e-6)
    ece = [measures.expected_calibration_error(torch.from_numpy(z[half] / T), Y[half]) for T, half in others]
    assert found["ece"] == pytest.approx(np.mean(ece), abs=2e-3)
    brier = [brier_score_loss(y[half], softmax(z[half] / T, -1), scale_by_half=False) for T, half in others]
    assert found["brier"] == pytest.approx(np.mean(brier), rel=1e-4)
    own = np.mean([loss(np.log(T), half) for T, half in zip(fits, halves, strict=True)])
    assert abs(found["nll"] - own) > 1e-4  # not scored where it was fitted


def test_a_temperature_that_was_hidden_in_the_logits_is_found():
    generator = torch.Generator().manual_seed(5)
    z = 2 * torch.randn(40_000, 5, generator=generator)
    labels = torch.multinomial(z.softmax(-1), 1, generator=generator).squeeze(-1)
    found = measures.fitted_temperature(3 * z, labels)
    assert found["temperature"] == pytest.approx(3, rel=0.03)
    assert found["ece"] < 0.02 < found["halves_ece"]


def test_where_no_temperature_can_be_fitted_it_is_said():
    right = 5 * torch.eye(4)[[0, 1, 2, 3] * 4]
    with pytest.raises(ValueError, match="all right"):
        measures.fitted_temperature(right, torch.arange(16) % 4)
    with pytest.raises(ValueError, match="no better than chance"):
        measures.fitted_temperature(-right, torch.arange(16) % 4)
    masked = Z.clone()
    masked[0, Y[0]] = -math.inf
    with pytest.raises(ValueError, match="masked"):
        measures.fitted_temperature(masked, Y)
    with pytest.raises(ValueError, match="no two halves"):
        measures.fitted_temperature(Z[:1], Y[:1])
    apart = Z.clone()
    apart[:, 5] = torch.where(Y == 5, apart[:, 5], -math.inf)  # masked where it is not the label
    assert math.isfinite(measures.fitted_temperature(apart, Y)["nll"])


def gram_cka(x, y):
    """Kornblith et al. 2019, by Gram matrices and a centring matrix, as HSIC writes it."""
    n = len(x)
    h = np.eye(n) - 1 / n
    hsic = lambda k, m: np.trace(k @ h @ m @ h) / (n - 1) ** 2  # noqa: E731
    k, m = x @ x.T, y @ y.T
    return hsic(k, m) / math.sqrt(hsic(k, k) * hsic(m, m))


@pytest.mark.parametrize(("n", "d", "e"), [(50, 7, 4), (50, 80, 4), (20, 60, 90)])
def test_linear_cka_is_hsic_by_gram_matrices(n, d, e):
    draws = np.random.default_rng(n + d)
    x = draws.normal(2, 1, (n, d))
    y = np.tanh(x @ draws.normal(0, 0.4, (d, e))) + 5
    assert measures.linear_cka(x, y) == pytest.approx(gram_cka(x, y), rel=1e-9)
    assert measures.linear_cka(x, y) == pytest.approx(measures.linear_cka(y, x), rel=1e-12)


def test_linear_cka_knows_no_turn_scale_or_shift_and_tells_unrelated_features():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(500, 6, generator=generator)
    turn = torch.linalg.qr(torch.randn(6, 6, generator=generator)).Q
    assert measures.linear_cka(x, 7 * x @ turn - 3) == pytest.approx(1, abs=1e-6)
    assert measures.linear_cka(x, torch.randn(500, 6, generator=generator)) < 0.05


def test_averaging_the_wrong_axes_of_maps_is_another_number():
    """Public code averages axes 1 and 2 of (N, channels, H, W), as if channels stood last, and compares columns."""
    generator = torch.Generator().manual_seed(1)
    shared = 2 * torch.randn(60, 8, 1, 1, generator=generator)  # what channels say of an example, wherever in it
    a, b = (shared + torch.randn(60, 8, 5, 5, generator=generator) for _ in range(2))
    right = measures.linear_cka(a.mean((2, 3)), b.mean((2, 3)))
    assert right == pytest.approx(gram_cka(*(x.mean((2, 3)).double().numpy() for x in (a, b))), rel=1e-9)
    wrong = measures.linear_cka(a.mean((1, 2)).T, b.mean((1, 2)).T)  # 5 "examples" of 60 "features"
    assert abs(right - wrong) > 0.02
    with pytest.raises(ValueError, match=r"not \(60, 8, 5, 5\): flatten"):
        measures.linear_cka(a, b)
    with pytest.raises(ValueError, match="60 and of 59 examples"):
        measures.linear_cka(a.flatten(1), b[1:].flatten(1))
    with pytest.raises(ValueError, match="same for every example"):
        measures.linear_cka(torch.full((9, 3), 0.1), a[:9].flatten(1))
    with pytest.raises(ValueError, match="not finite"):
        measures.linear_cka(a.flatten(1) / 0, b.flatten(1))


def test_a_verdict_is_the_99_percent_interval_of_paired_differences():
    seeds = np.random.default_rng(0).normal(90, 3, 6)
    gains = np.array([0.9, 1.1, 1.0, 0.8, 1.2, 1.0])
    assert measures.verdict(seeds + gains, seeds, True) == "better"
    assert measures.verdict(seeds + gains, seeds, False) == "worse"
    assert measures.verdict(seeds, seeds + gains, True) == "worse"
    for gains in ([1.0, -0.5, 0.6, 0.3, -0.2, 0.4], 1.65 + np.array(3 * [1.0, -1.0]), [0.1, 0.9, 0.3, 0.8, 0.2, 0.05]):
        low, high = stats.ttest_rel(seeds + gains, seeds).confidence_interval(0.99)
        assert low < 0 < high and measures.verdict(seeds + gains, seeds, True).startswith("not shown")
    assert stats.ttest_rel(seeds + gains, seeds).confidence_interval(0.95).low > 0  # 95 % would have said better


def test_the_seeds_it_would_need_are_the_first_with_which_the_interval_leaves_out_0():
    ours, theirs = [1.0, 3.0, 0.0, 2.0], [0.0, 0.0, 0.0, 1.0]
    apart = np.subtract(ours, theirs)
    n = measures.seeds_needed(ours, theirs)
    widths = [stats.t.ppf(0.995, m - 1) * apart.std(ddof=1) / math.sqrt(m) for m in (n - 1, n)]
    assert widths[1] < apart.mean() <= widths[0]
    assert measures.verdict(ours, theirs, True) == f"not shown ({n:.0f} seeds?)"
    assert measures.verdict([1.0, -1.0], [0.0, 0.0], True) == "not shown (> 1000 seeds)"
    assert measures.verdict([1.0, 1.0], [1.0, 1.0], True) == "not shown (> 1000 seeds)"
    for groups in (([1.0], [0.0]), ([1.0, 2.0], [0.0]), ([1.0, math.nan], [0.0, 1.0])):
        with pytest.raises(ValueError, match="two seeds"):
            measures.verdict(*groups, True)
