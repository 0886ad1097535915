"""The soft-target loss in single precision: its value and gradient are those of the same logits in double."""

import math

import pytest
import torch

import kdviz as kd
from kdviz.measures.divergence import divergence
from kdviz.objectives import soft_target_loss, soft_target_terms

TEMPERATURES = [0.01, 0.1, 1.0, 4.0, 20.0, 100.0, 1e3, 1e4]


def exact(z, v, temperature):
    """T² KL and its gradient of one example, with fractions of 60 digits."""
    from decimal import Decimal, localcontext

    with localcontext() as context:
        context.prec = 60
        z, v, T = [Decimal(x) for x in z], [Decimal(x) for x in v], Decimal(temperature)
        q, p = ([(x / T - max(row) / T).exp() for x in row] for row in (z, v))
        q, p = ([x / sum(row) for x in row] for row in (q, p))
        gradient = [T * (a - b) for a, b in zip(q, p, strict=True)]
        return float(T * T * sum(b * (b.ln() - a.ln()) for a, b in zip(q, p, strict=True))), list(map(float, gradient))


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("apart", [3.0, 1e-2, 1e-4])
def test_value_and_gradient_are_right_to_six_digits_far_and_near(temperature, apart):
    generator = torch.Generator().manual_seed(0)
    v = 4 * torch.randn(6, 10, generator=generator) + 5 * torch.randn(6, 1, generator=generator)
    z = (v + apart * torch.randn(6, 10, generator=generator)).requires_grad_()
    terms = soft_target_terms(z, v, temperature)
    (gradient,) = torch.autograd.grad(terms.sum(), z)
    for row in range(6):
        value, slope = exact(z[row].tolist(), v[row].tolist(), temperature)
        assert terms[row].item() == pytest.approx(value, rel=1e-6, abs=1e-37)
        scale = max(map(abs, slope))  # of a class that both are sure of, q − p is lost below 1e-15
        assert gradient[row].tolist() == pytest.approx(slope, rel=1e-6, abs=1e-6 * scale + 1e-15)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_single_and_double_agree_and_nothing_is_negative(temperature):
    generator = torch.Generator().manual_seed(1)
    v = 3 * torch.randn(500, 10, generator=generator)
    z = v + 1e-2 * torch.randn(500, 10, generator=generator)
    both = []
    for dtype in (torch.float32, torch.float64):
        student = z.to(dtype).requires_grad_()
        loss = soft_target_loss(student, v.to(dtype), temperature)
        both.append((loss.item(), torch.autograd.grad(loss, student)[0].double()))
        assert (soft_target_terms(student, v.to(dtype), temperature) >= 0).all()
    assert both[0][0] == pytest.approx(both[1][0], rel=1e-6) and both[0][1].shape == (500, 10)
    torch.testing.assert_close(both[0][1], both[1][1], rtol=1e-6, atol=1e-37)
    assert soft_target_loss(v, v, temperature) == 0


def test_half_precision_is_computed_wider():
    z, v = (3 * torch.randn(50, 10, generator=torch.Generator().manual_seed(i)).half() for i in (0, 1))
    for dtype in (torch.float16, torch.bfloat16):
        student = z.to(dtype).requires_grad_()
        loss = soft_target_loss(student, v.to(dtype), 20)
        expected = soft_target_loss(z.to(dtype).double(), v.to(dtype).double(), 20).item()
        assert loss.dtype == torch.float32 and loss.item() == pytest.approx(expected, rel=1e-6)
        assert torch.autograd.grad(loss, student)[0].dtype == dtype


def test_measure_and_loss_share_the_divergence():
    z, v = (3 * torch.randn(50, 10, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    terms, difference = divergence(z, v)
    assert kd.measures.predictive_kl(z, v) == terms.mean().item()
    torch.testing.assert_close(difference, kd.measures.soft_target_gradient(z, v, 1))


@pytest.mark.parametrize("temperature", [1e-30, 1e-5, 1e7, 1e30])
def test_a_temperature_at_which_nothing_is_learnt_is_refused(temperature):
    z = torch.randn(4, 3)
    for make in (lambda: kd.SoftTargets(z, temperature=temperature), lambda: soft_target_loss(z, z, temperature)):
        with pytest.raises(ValueError, match="leaves nothing to learn from"):
            make()


def test_a_gradient_that_does_not_flow_is_said():
    z, v = torch.randn(4, 3), torch.randn(4, 3, requires_grad=True)
    with pytest.raises(ValueError, match="detach teacher and temperature"):
        soft_target_terms(z, v, 4.0)
    with pytest.raises(ValueError, match="detach teacher and temperature"):
        soft_target_terms(z, v.detach(), torch.tensor(4.0, requires_grad=True))


GIVEN = {
    "probabilities": (lambda v: v.softmax(-1), "teacher holds probabilities"),
    "complex": (lambda v: v + 1j, "teacher: logits are real"),
    "one column": (lambda v: v[:, :1], r"two classes \(0, z\)"),
    "nan": (lambda v: v * math.nan, "teacher: some logits are not numbers"),
    "infinite": (lambda v: v + math.inf, "teacher: the logits of 4 of 4 examples are not finite"),
    "too large": (lambda v: v.double().sign() * 1e300, "beyond float32's range"),
    "one row": (lambda v: v[0], "must have shape"),
}


@pytest.mark.parametrize("kind", GIVEN)
def test_given_logits_are_checked_when_they_are_given(kind):
    change, text = GIVEN[kind]
    logits = change(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
    for given in (logits, logits.numpy(), [logits, logits]):
        with pytest.raises(ValueError, match=text):
            kd.SoftTargets(given)


def test_given_logits_may_be_an_array_or_lists():
    v = torch.randn(4, 3)
    assert kd.SoftTargets(v.numpy()) == kd.SoftTargets(v) == kd.SoftTargets(v.tolist())


def test_training_warns_of_logits_in_another_order(digits):
    given = 9.0 * torch.nn.functional.one_hot(digits.train.labels, 10)
    mixed = given[torch.randperm(len(given), generator=torch.Generator().manual_seed(0))]
    student = kd.Recipe(digits, kd.mlp(8), kd.SoftTargets(given), epochs=1)
    kd.train(student, store=None)  # filterwarnings=error: without a word
    for strange in (mixed, given.roll(1, 1)):
        with pytest.warns(UserWarning, match="meet the labels at chance"):
            kd.train(student.replace(teacher=strange), store=None)


def test_attention_and_contrast_in_half_precision_or_with_no_temperature():
    from kdviz.objectives import attention_map, contrastive_terms, cross_entropy_terms

    for dtype in (torch.float16, torch.bfloat16):
        assert (attention_map(torch.zeros(1, 2, 2, 2, dtype=dtype)) == 0).all()
        large = attention_map(torch.full((1, 2, 2, 2), 600.0, dtype=dtype))  # whose square is beyond half
        assert large.dtype == dtype and large.tolist() == [[0.5] * 4]
    g, labels = torch.eye(3), torch.arange(3)
    for tau in (0, -1.0, math.nan, math.inf, torch.tensor([[[0.0]]])):
        with pytest.raises(ValueError, match="tau must be finite and above 0"):
            contrastive_terms(g, g, labels, tau)
    for narrow in (torch.uint8, torch.int8, torch.int16, torch.int32):
        assert torch.equal(cross_entropy_terms(g, labels.to(narrow)), cross_entropy_terms(g, labels))
    with pytest.raises(ValueError, match="class indices"):
        cross_entropy_terms(g, labels.float())
