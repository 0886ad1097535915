"""A logit of −∞ is a class that takes no part: in every measure, in the loss, and in its gradient."""

import math

import pytest
import torch

import kdviz as kd
from kdviz import measures
from kdviz.objectives import soft_target_loss

INF = math.inf
A, B, C = torch.tensor([[2, 1, -INF]]), torch.tensor([[1, 2, -INF]]), torch.tensor([[2.0, 1, 0]])
DRAWS = torch.Generator().manual_seed(0)
Z, V = (2 * torch.randn(80, 5, generator=DRAWS) for _ in range(2))
Y = torch.arange(80) % 4


def with_masked(logits):
    """A sixth class, masked."""
    return torch.cat([logits, torch.full((len(logits), 1), -INF, dtype=logits.dtype)], -1)


def test_the_values():
    assert measures.predictive_kl(A, B) == pytest.approx(0.4621, abs=5e-5)
    assert measures.predictive_kl(C, B) == pytest.approx(0.5565, abs=5e-5)
    assert measures.entropy(A).item() == pytest.approx(0.5822, abs=5e-5)
    assert soft_target_loss(A, B, 4.0).item() == pytest.approx(0.4974, abs=5e-5)
    assert soft_target_loss([[2, 1, -INF]], [[1, 2, -INF]], 4.0).item() == pytest.approx(0.4974, abs=5e-5)


BOTH = {
    "kl": lambda z, v, y: measures.predictive_kl(z, v),
    "entropy": lambda z, v, y: measures.entropy(z, 3),
    "gradient": lambda z, v, y: measures.soft_target_gradient(z, v, 3)[:, :5],
    "shares": lambda z, v, y: measures.gradient_shares(z, v, 3)[:, :5],
    "limit": lambda z, v, y: torch.stack(measures.high_temperature_gap(z, v, 3)),
    "limit, raw": lambda z, v, y: torch.stack(measures.high_temperature_gap(z, v, 3, center=False)),
    "log-odds": lambda z, v, y: measures.log_odds(z, [1, 2]),
    "rivals": lambda z, v, y: torch.stack([x.double() for x in measures.rivals(z, [1, 2])]),
    "ensemble": lambda z, v, y: measures.ensemble_logits([z, v])[:, :5],
    "accuracy": lambda z, v, y: measures.accuracy(z, y),
    "agreement": lambda z, v, y: measures.agreement(z, v),
    "ece": lambda z, v, y: measures.expected_calibration_error(z, y),
    "loss": lambda z, v, y: soft_target_loss(z, v, 4),
    "scores": lambda z, v, y: list(measures.scores(z, v, y).values())[:6],
}


@pytest.mark.parametrize("measure", BOTH)
def test_a_class_masked_in_both_takes_no_part(measure):
    found, expected = BOTH[measure](with_masked(Z), with_masked(V), Y), BOTH[measure](Z, V, Y)
    torch.testing.assert_close(torch.as_tensor(found), torch.as_tensor(expected))


@pytest.mark.parametrize("temperature", [0.01, 1.0, 4.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_the_gradient_of_masked_classes_is_theirs_and_no_nan(temperature, dtype):
    z = with_masked(Z.to(dtype)).requires_grad_()
    soft_target_loss(z, with_masked(V.to(dtype)), temperature).backward()
    short = Z.to(dtype).clone().requires_grad_()
    soft_target_loss(short, V.to(dtype), temperature).backward()
    torch.testing.assert_close(z.grad[:, :5], short.grad)
    assert (z.grad[:, 5].double().abs() < 1e-280).all()
    full = torch.cat([Z.to(dtype), torch.zeros(80, 1, dtype=dtype)], -1).requires_grad_()  # of the teacher alone
    soft_target_loss(full, with_masked(V.to(dtype)), temperature).backward()
    q, p = ((x.detach().double() / temperature).softmax(-1) for x in (full, with_masked(V.to(dtype))))
    torch.testing.assert_close(full.grad.double(), temperature * (q - p) / 80, rtol=2e-3, atol=1e-6)


def test_masked_in_the_student_alone_it_is_infinite_and_the_rows_are_named():
    z = Z.clone()
    z[[3, 7], 2] = -INF
    for measure in (measures.predictive_kl, lambda z, v: soft_target_loss(z, v, 4), measures.scores):
        with pytest.raises(ValueError, match=r"infinite in rows \[3, 7\]"):
            measure(z, V, Y) if measure is measures.scores else measure(z, V)
    assert math.isfinite(measures.predictive_kl(V, z))  # in the teacher alone it adds 0
    with pytest.raises(ValueError, match="mask .* different classes"):
        measures.high_temperature_gap(z, V, 3)


def test_correlation_names_the_masked_classes_and_means_keep_to_their_rows():
    with pytest.raises(ValueError, match=r"classes \[2\]"):
        measures.logit_correlation(torch.cat([A, B, C.roll(1, 1).index_fill(1, torch.tensor(2), -INF)]))
    z = Z.clone()
    z[4, 3] = -INF  # of label 0
    means = measures.class_mean_logits(torch.cat([z, Z[:1]]), torch.cat([Y, torch.tensor([4])]))
    assert means.isinf().nonzero().tolist() == [[0, 3]]
    torch.testing.assert_close(means[1], Z[Y == 1].double().mean(0))


def test_rivals_stay_inside_where_all_of_a_side_is_masked():
    margin, inside, outside = measures.rivals(torch.tensor([[1.0, 2.0, -INF, -INF]]), [2, 3])
    assert margin.item() == -INF and inside.item() in (2, 3) and outside.item() == 1


def test_the_log_of_probabilities_with_a_zero_is_read_as_masked():
    p = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    assert measures.entropy(p.log()).tolist() == pytest.approx([math.log(2), 1.0297], abs=1e-4)
    card = kd.bench.card_of_logits([p.log()], p.log(), [0, 2])
    assert card["scores"]["student"][0]["kl"] < 1e-250
    assert kd.SoftTargets(p.log()).teacher.logits.isinf().sum() == 1


def test_a_student_learns_from_masked_logits(digits):
    given = 9.0 * torch.nn.functional.one_hot(digits.train.labels, 10)
    given[:, 3] = -INF
    recipe = kd.Recipe(digits, kd.mlp(8), kd.SoftTargets(given, temperature=4), epochs=2)
    run = kd.train(recipe, store=None)
    assert all(map(math.isfinite, run.history["loss"])) and not (run.predictions() == 3).any()
