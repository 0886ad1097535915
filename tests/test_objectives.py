import math

import pytest
import torch
import torch.nn.functional as F

import kdviz as kd
from kdviz.objectives import soft_target_loss, soft_target_terms


def by_hand(z, v, temperature):
    """T² Σ p log(p/q), averaged over examples, with Python floats."""
    total = 0.0
    for student, teacher in zip(z.tolist(), v.tolist(), strict=True):
        p = [math.exp(x / temperature) for x in teacher]
        q = [math.exp(x / temperature) for x in student]
        p, q = [x / sum(p) for x in p], [x / sum(q) for x in q]
        total += temperature**2 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    return total / len(z)


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return [3 * torch.randn(6, 5, generator=generator, dtype=torch.float64) for _ in range(2)]


@pytest.mark.parametrize("temperature", [0.5, 1, 4, 20])
def test_soft_target_loss_is_the_formula(logits, temperature):
    assert soft_target_loss(*logits, temperature).item() == pytest.approx(by_hand(*logits, temperature), rel=1e-12)


def test_a_value_worked_out_on_paper():
    # p = (2/3, 1/3) and q = (1/2, 1/2) at T = 2: 4 (2/3 ln 4/3 + 1/3 ln 2/3)
    teacher = torch.tensor([[2 * math.log(2), 0.0]], dtype=torch.float64)
    value = soft_target_loss(torch.zeros(1, 2, dtype=torch.float64), teacher, 2)
    assert value.item() == pytest.approx(4 * (2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3)), rel=1e-12)


def test_the_gradient_is_the_papers(logits):
    """Of T² KL: T (softmax(z/T) − softmax(v/T)), over N examples (Hinton et al. 2015, equation 2, times T²)."""
    z, v = logits[0].requires_grad_(), logits[1]
    (gradient,) = torch.autograd.grad(soft_target_loss(z, v, 4), z)
    torch.testing.assert_close(gradient, 4 * (F.softmax(z / 4, -1) - F.softmax(v / 4, -1)) / len(z))


def gradient_norms(z, v, temperatures, factor):
    z = z.clone().requires_grad_()
    norms = []
    for t in temperatures:
        loss = soft_target_loss(z, v, t) / (1 if factor else t**2)
        norms.append(torch.autograd.grad(loss, z)[0].norm().item())
    return norms


def test_without_the_factor_the_gradient_falls_as_one_over_t_squared():
    generator = torch.Generator().manual_seed(1)
    z, v = (3 * torch.randn(200, 10, generator=generator, dtype=torch.float64) for _ in range(2))
    hot = [100.0, 200.0, 400.0, 800.0]
    for factor, slope in ((False, -2), (True, 0)):
        norms = gradient_norms(z, v, hot, factor)
        measured = (math.log(norms[-1]) - math.log(norms[0])) / (math.log(hot[-1]) - math.log(hot[0]))
        assert measured == pytest.approx(slope, abs=0.05)


def test_at_high_temperature_it_matches_zero_mean_logits():
    """(z − v) / C for each example at T² KL (Hinton et al. 2015, equation 4); not so with means left in."""
    generator = torch.Generator().manual_seed(2)
    z, v = (3 * torch.randn(100, 10, generator=generator, dtype=torch.float64) for _ in range(2))
    cosine = {}
    for centred in (True, False):
        a, b = (x - x.mean(-1, keepdim=True) if centred else x for x in (z, v))
        a = a.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(soft_target_loss(a, b, 100), a)
        cosine[centred] = F.cosine_similarity(gradient.flatten(), (a - b).flatten(), 0).item()
    assert cosine[True] > 0.999 and cosine[False] < 0.97


@pytest.mark.parametrize("temperature", [0.05, 1, 50])
def test_extreme_logits_give_no_nan(temperature):
    z = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 3.0]], requires_grad=True)
    v = torch.tensor([[-1e4, 1e4, 0.0], [-1e4, 1e4, 3.0]])
    loss = soft_target_loss(z, v, temperature)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(z.grad).all()


def test_the_formula_takes_a_temperature_for_each_student(logits):
    temperatures = torch.tensor([1.0, 4.0, 20.0], dtype=torch.float64)
    stacked = torch.stack([logits[0]] * 3)
    terms = soft_target_terms(stacked, logits[1], temperatures[:, None, None])
    assert terms.shape == (3, 6)
    for i, t in enumerate(temperatures.tolist()):
        assert terms[i].mean().item() == pytest.approx(by_hand(*logits, t), rel=1e-12)


def test_the_teacher_gets_no_gradient(logits):
    z, v = logits[0].requires_grad_(), logits[1].requires_grad_()
    soft_target_loss(z, v, 2).backward()
    assert z.grad is not None and v.grad is None


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_a_temperature_must_be_finite_and_above_0(logits, temperature):
    with pytest.raises(ValueError, match="a temperature must be finite and above 0"):
        soft_target_loss(*logits, temperature)
    with pytest.raises(ValueError, match="a temperature must be finite and above 0"):
        kd.SoftTargets(torch.zeros(2, 2), temperature=temperature)


def test_logits_of_two_shapes_are_a_clear_error(logits):
    with pytest.raises(ValueError, match=r"must both have shape .* not \(6, 5\) and \(6, 4\)"):
        soft_target_loss(logits[0], logits[1][:, :4], 1)
    with pytest.raises(ValueError, match="at least one example"):
        soft_target_loss(torch.zeros(0, 3), torch.zeros(0, 3), 1)


@pytest.mark.parametrize("weights", [(-1, 1), (0, 0), (float("nan"), 1)])
def test_weights_are_checked(weights):
    with pytest.raises(ValueError, match="hard_weight and soft_weight must be at least 0 and not both 0"):
        kd.SoftTargets(torch.zeros(2, 2), hard_weight=weights[0], soft_weight=weights[1])


def test_the_loss_of_each_student_is_the_weighted_sum_with_no_jump_at_0(logits):
    z, v = (x.float() for x in logits)
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    weights = torch.tensor([(0.0, 1.0), (1e-9, 1.0), (0.3, 0.7), (1.0, 1e-9), (1.0, 0.0)])
    temperature = torch.tensor([3.0, 3.0, 1.0, 20.0, 3.0])
    outputs, labels_of_each, taught = {"logits": z.expand(5, 6, 5)}, labels.expand(5, 6), {"logits": v.expand(5, 6, 5)}
    losses = kd.SoftTargets.losses(outputs, labels_of_each, taught, {}, temperature, *weights.T)
    for loss, T, (hard, soft) in zip(losses, temperature.tolist(), weights.tolist(), strict=True):
        expected = hard * F.cross_entropy(z, labels) + soft * soft_target_loss(z, v, T)
        torch.testing.assert_close(loss, expected)
    hard_alone = kd.HardLabels.losses(outputs, labels_of_each, {}, {}, torch.zeros(5))
    torch.testing.assert_close(hard_alone, F.cross_entropy(z, labels).expand(5))


def test_smoothed_labels_are_the_formula(logits):
    """Against the cross entropy with (1 − a) of the label and a/C of every class (Müller et al. 2019)."""
    z, labels, a = logits[0], torch.tensor([0, 1, 2, 3, 4, 0]), 0.3
    targets = (1 - a) * F.one_hot(labels, 5).double() + a / 5
    smoothing = torch.tensor([a, 0.0], dtype=torch.float64)
    found = kd.HardLabels.losses({"logits": torch.stack([z, z])}, torch.stack([labels, labels]), {}, {}, smoothing)
    torch.testing.assert_close(found, torch.stack([F.cross_entropy(z, targets), F.cross_entropy(z, labels)]))
