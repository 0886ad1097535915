"""What once passed and is wrong, what once was unnamed, what once was a traceback."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sentences import said

import kdviz as kd
from kdviz import checks, measures

DATA = kd.load("digits")
TEACHER = kd.Recipe(DATA, kd.mlp(60), kd.HardLabels(), epochs=60)


def right(z, v, T):
    log_q, log_p = F.log_softmax(z / T, -1), F.log_softmax(v.detach() / T, -1)
    return T**2 * (log_p.exp() * (log_p - log_q)).sum(-1).mean()


def one_maximum(v, T):
    e = ((v - v.max()) / T).exp()
    return e / e.sum(-1, keepdim=True)


def small_number_added(z, v, T):
    q, p = F.softmax(z / T, -1), F.softmax(v.detach() / T, -1)
    return T**2 * (p * ((p + 1e-8).log() - (q + 1e-8).log())).sum(-1).mean()


def clamped(z, v, T):
    q, p = F.softmax(z / T, -1).clamp(1e-12), F.softmax(v.detach() / T, -1).clamp(1e-12)
    return T**2 * (p * (p.log() - q.log())).sum(-1).mean()


def one_maximum_in_the_loss(z, v, T):
    def logs(x):
        x = (x - x.max()) / T
        return x - x.exp().sum(-1, keepdim=True).log()

    return T**2 * F.kl_div(logs(z), logs(v.detach()).exp(), reduction="batchmean")


def autograd(z, v, T):
    z = z.clone().requires_grad_()
    return torch.autograd.grad(right(z, v, T) * len(z), z)[0]


def backward(z, v, T):
    with torch.enable_grad():
        z = torch.tensor(z.tolist(), dtype=torch.float64, requires_grad=True)
        (right(z, v, T) * len(z)).backward()
    return z.grad


def by_func(z, v, T):
    return torch.func.grad(lambda x: right(x, v, T) * len(x))(z)


def jacobian(z, v, T):
    return torch.autograd.functional.jacobian(lambda x: right(x, v, T) * len(x), z)


def differences(z, v, T, step=1e-5):
    slopes = torch.zeros_like(z)
    for i in range(z.shape[-1]):
        one = torch.zeros_like(z)
        one[:, i] = step
        slopes[:, i] = terms(z + one, v, T).sub(terms(z - one, v, T)) / (2 * step)
    return slopes


def terms(z, v, T):
    log_q, log_p = F.log_softmax(z / T, -1), F.log_softmax(v / T, -1)
    return T**2 * (log_p.exp() * (log_p - log_q)).sum(-1)


def gradient(z, v, T):
    return T * (F.softmax(z / T, -1) - F.softmax(v / T, -1))


def limit(z, v):
    return ((z - v) - (z - v).mean(-1, keepdim=True)) / z.shape[-1]


PASSED = [
    (checks.soft_targets, one_maximum, "one largest logit of all examples"),
    (checks.soft_target_loss, small_number_added, "finite and wrong where a probability is nearly 0"),
    (checks.soft_target_loss, clamped, "finite and wrong where a probability is nearly 0"),
    (checks.soft_target_loss, one_maximum_in_the_loss, "one largest logit of all examples"),
    *((checks.soft_target_gradient, each, "Autograd is called") for each in (autograd, backward, by_func, jacobian)),
    (checks.soft_target_gradient, differences, "a finite difference?"),
    (checks.gradient_limit, lambda z, v: gradient(z, v, 1e6), "at one large T?"),
]


@pytest.mark.parametrize(("check", "wrong", "sentence"), PASSED, ids=[each.__name__ for _, each, _ in PASSED])
def test_what_once_passed(check, wrong, sentence):
    assert sentence in said(check, wrong)


def symmetric(z, v, T):
    return right(z, v, T) + T**2 * F.kl_div(F.log_softmax(v / T, -1), F.softmax(z / T, -1), reduction="batchmean")


def jensen(z, v, T):
    q, p = F.softmax(z / T, -1), F.softmax(v.detach() / T, -1)
    return T**2 * ((p * (2 * p / (p + q)).log() + q * (2 * q / (p + q)).log()) / 2).sum(-1).mean()


def equal_mass(c, r, bins):
    parts = torch.argsort(c).tensor_split(bins)
    return sum(abs(r[rows].double().mean() - c[rows].mean()) * len(rows) / len(c) for rows in parts).item()


def by_middles(c, r, bins):
    total = 0.0
    for m in range(bins):
        rows = (c > m / bins) & (c <= (m + 1) / bins)
        if rows.any():
            total += rows.double().mean() * abs(r[rows].double().mean() - (m + 0.5) / bins)
    return total


def whole_batches(a, b, size=64):
    several = len(a) // size
    alike = a[: several * size].argmax(-1) == b[: several * size].argmax(-1)
    return alike.double().mean()


UNNAMED = [
    (checks.soft_target_loss, lambda z, v, T: T**2 * F.kl_div(
        F.log_softmax(z / T, 0), F.softmax(v.detach() / T, 0), reduction="batchmean"), "runs over the examples"),
    (checks.soft_target_loss, lambda z, v, T: F.kl_div(
        F.log_softmax(z / T, 0), F.softmax(v.detach() / T, 0), reduction="mean"), "The factor T² is missing"),
    (checks.soft_target_loss, lambda z, v, T: F.mse_loss(z, v.detach()), "It compares logits"),
    (checks.soft_target_loss, symmetric, "T² · KL both ways, summed, at T. It is symmetric"),
    (checks.soft_target_loss, jensen, "JSD(teacher, student) at T"),
    (checks.gradient_limit, lambda z, v: 2 * limit(z, v), "*half* the squared differences"),
    (checks.expected_calibration_error, equal_mass, "equally many examples"),
    (checks.expected_calibration_error, by_middles, "with its middle"),
    (checks.expected_calibration_error, lambda c, r, n: measures.calibration_error(c[:256], r[:256], n),
     "Only whole batches of 256"),
    (checks.agreement, whole_batches, "Only whole batches of 64"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "wrong", "sentence"), UNNAMED, ids=[sentence for *_, sentence in UNNAMED])
@pytest.mark.filterwarnings("ignore:reduction. .mean. divides:UserWarning")
def test_what_once_was_unnamed(check, wrong, sentence):
    told = said(check, wrong)
    assert sentence in told and "It is none of the mistakes we know. " not in told


def test_right_ones_pass_whatever_is_drawn():
    for salt in range(3):
        with checks.hidden(salt):
            checks.soft_targets(lambda v, T: F.softmax(v / T, -1))
            checks.soft_target_loss(right)
            checks.soft_target_gradient(gradient)
            checks.soft_target_gradient(lambda z, v, T: torch.vmap(lambda a, b: gradient(a, b, T))(z, v))
            checks.soft_target_gradient(lambda z, v, T: gradient(z.float(), v.float(), T))
            checks.gradient_limit(limit)
            checks.agreement(measures.agreement)
            checks.agreement_bounds(measures.agreement_bounds)
            checks.expected_calibration_error(measures.calibration_error)
            checks.label_free_bias(lambda z, c, f: measures.label_free_bias(measures.log_odds(z, [c]), f))


@pytest.mark.parametrize("salt", ["", "a", "b"])
def test_mistakes_have_their_names_whatever_is_drawn(salt):
    with checks.hidden(salt):
        for check, wrong, sentence in PASSED:
            assert sentence in said(check, wrong)
        assert "factor T² is missing" in said(checks.soft_target_loss, lambda z, v, T: right(z, v, T) / T**2)
        assert "you have T" in said(checks.soft_target_loss, lambda z, v, T: right(z, v, T) / T)
        assert "10 times too small" in said(checks.soft_target_loss, lambda z, v, T: right(z, v, T) / z.shape[-1])
        assert "equally many examples" in said(checks.expected_calibration_error, equal_mass)


NUMBERS = {
    "factor T² is missing": 1.0, "you have T": 3.0, "to the base 2": 9 / np.log(2),
}  # fmt: skip


@pytest.mark.parametrize("sentence", NUMBERS)
def test_a_number_by_hand(sentence):
    p = 0.8
    divergence = p * np.log(2 * p) + (1 - p) * np.log(2 - 2 * p)
    checks.own_number(lambda: round(9 * divergence, 3), 3, 4)
    assert sentence in said(checks.own_number, lambda: NUMBERS[sentence] * divergence, 3, 4)
    assert "odds/(odds + 1)" in said(checks.own_number, lambda: 17.0, 3, 4)


def test_a_digit_that_is_asked_for(capsys):
    checks.own_digit(lambda: 3, 3)
    assert "yours is 7, not 8" in said(checks.own_digit, lambda: 8, 7)


TRACEBACKS = {
    ".double().mean()": (checks.agreement, lambda a, b: (a.argmax(-1) == b.argmax(-1)).mean()),
    "in the line `": (checks.agreement, lambda a, b: a.nothing),
    "keepdim=True": (checks.gradient_limit, lambda z, v: (z - v - (z - v).mean(-1)) / z.shape[-1]),
    "keepdims=True": (checks.soft_targets, lambda v, T: v.numpy() - v.numpy().max(-1)),
    "returns a dict of 1": (checks.agreement_bounds, lambda a, b: {"low": a}),
    "NumPy knows no gradient": (checks.soft_target_loss, lambda z, v, T: torch.tensor(
        float(right(torch.from_numpy(z.numpy()), v, T)))),
}  # fmt: skip


@pytest.mark.parametrize("sentence", TRACEBACKS)
def test_what_once_was_a_traceback(sentence):
    assert sentence in said(*TRACEBACKS[sentence])


CHECKS = [
    checks.soft_targets, checks.soft_target_loss, checks.soft_target_gradient, checks.gradient_limit,
    checks.agreement, checks.agreement_bounds, checks.controls, checks.expected_calibration_error,
    checks.label_free_bias, checks.own_digit, lambda f: checks.own_number(f, 3, 4),
    lambda f: checks.blind_student(f, TEACHER), lambda f: checks.control_student(f, f),
    lambda f: checks.fitted_bias(f, checks.pretended_runs(4)),
]  # fmt: skip
STRANGE = [None, {}, {"a": 1}, "text", 1, True, [1, 2], (), [], [[1], [2, 3]], float("nan"), 1e400, 10**400, {1},
           object(), torch.zeros(0), torch.tensor(True), torch.zeros(2, 3), torch.tensor(1j), np.array(["a"]), len,
           TEACHER, [torch.zeros(2), torch.zeros(3)], (1, 2, 3), ("a", "b")]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS)
def test_whatever_is_returned_or_raised_is_answered_by_a_sentence(check):
    for returned in STRANGE:
        try:
            check(lambda *_, returned=returned: returned)
        except checks.Mistake:
            continue
        assert check is checks.own_digit and returned == 1  # a digit
    for problem in (RuntimeError("no"), TypeError(), KeyError("x"), RecursionError(), ZeroDivisionError("by zero")):
        with pytest.raises(checks.Mistake, match=type(problem).__name__):
            check(lambda *_, problem=problem: (_ for _ in ()).throw(problem))
    with pytest.raises(checks.Mistake, match="takes others"):
        check(lambda a, b, c, d, e: 1)


def test_a_function_that_changes_its_logits_does_not_choose_its_gradient():
    def tricks(z, v, T):
        value = right(z, v, T)
        if z.requires_grad:
            z.data.copy_(v)
            return value + (z * 0).sum() - value + value.detach()
        return value

    assert "its gradient is not" in said(checks.soft_target_loss, tricks)
