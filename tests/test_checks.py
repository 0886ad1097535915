"""Each check passes the reference and names each known mistake, written as students and public code write it."""

import math

import pytest
import torch
import torch.nn.functional as F
from sentences import said
from torch import nn

from kdviz import checks, measures, objectives
from kdviz.checks import bias, deciding, faithful, gradient, loss

log_softmax, softmax = (lambda x: F.log_softmax(x, -1)), (lambda x: F.softmax(x, -1))


REFERENCES = [
    (checks.soft_targets, lambda v, T: torch.softmax(v / T, -1)),
    (checks.soft_target_loss, objectives.soft_target_loss),
    (checks.soft_target_loss, lambda z, v, T: T * T * F.kl_div(
        log_softmax(z / T), softmax(v.detach() / T), reduction="batchmean")),
    (checks.soft_target_gradient, measures.soft_target_gradient),
    (checks.gradient_limit, lambda z, v: ((z - v) - (z - v).mean(-1, keepdim=True)) / z.shape[-1]),
    (checks.label_free_bias, lambda z, c, f: measures.label_free_bias(measures.log_odds(z, [c]), f)),
    (checks.agreement, measures.agreement),
    (checks.agreement, lambda a, b: (a.argmax(-1) == b.argmax(-1)).float().mean()),
    (checks.agreement_bounds, measures.agreement_bounds),
    (checks.expected_calibration_error, measures.calibration_error),
    (checks.own_digit, lambda: 8),
]  # fmt: skip


@pytest.mark.parametrize(("check", "right"), REFERENCES)
def test_the_reference_passes(check, right, capsys):
    check(right)
    assert capsys.readouterr().out.startswith("✓ ")


def per_class_mean(z, v, T):  # nn.KLDivLoss() as it comes: the mistake public code makes most
    with pytest.warns(UserWarning):
        return nn.KLDivLoss()(log_softmax(z / T), softmax(v.detach() / T)) * T**2


def half_detached(z, v, T):
    q, p = log_softmax(z / T), log_softmax(v.detach() / T)
    return T**2 * (p.exp() * (p - q.detach() / 2 - q / 2)).sum(-1).mean()


def underflows(z, v, T):  # the PyTorch tutorial
    p = softmax(v.detach() / T)
    return T**2 * (p * (p.log() - log_softmax(z / T))).sum() / len(z)


LOSSES = {
    "10 times too small": per_class_mean,
    "factor T² is missing": lambda z, v, T: F.kl_div(log_softmax(z / T), softmax(v / T), reduction="batchmean"),
    "you have T": lambda z, v, T: T * F.kl_div(log_softmax(z / T), softmax(v / T), reduction="batchmean"),
    "the other direction": lambda z, v, T: T**2 * F.kl_div(
        log_softmax(v / T), softmax(z / T), reduction="batchmean"),
    "wrong sign": lambda z, v, T: -objectives.soft_target_loss(z, v, T),
    "cross entropy with the soft targets": lambda z, v, T: T**2 * F.cross_entropy(z / T, softmax(v / T)),
    "given the student's probabilities": lambda z, v, T: T**2 * F.kl_div(
        softmax(z / T), softmax(v / T), reduction="batchmean"),
    "swapped in F.kl_div": lambda z, v, T: T**2 * F.kl_div(softmax(v / T), softmax(z / T), reduction="batchmean"),
    "log-probabilities given to F.kl_div": lambda z, v, T: T**2 * F.kl_div(
        log_softmax(z / T), log_softmax(v / T), reduction="batchmean"),
    "log_target=True is for": lambda z, v, T: T**2 * F.kl_div(
        log_softmax(z / T), softmax(v / T), reduction="batchmean", log_target=True),
    "softmax is taken twice: log_softmax and": lambda z, v, T: T**2 * F.kl_div(
        log_softmax(softmax(z / T)), softmax(v / T), reduction="batchmean"),
    "teacher's softmax is taken twice": lambda z, v, T: T**2 * F.kl_div(
        log_softmax(z / T), softmax(softmax(v / T)), reduction="batchmean"),
    "divided by T and normalised again": lambda z, v, T: T**2 * F.kl_div(
        log_softmax(softmax(z) / T), softmax(v / T), reduction="batchmean"),
    "student's logits are not divided by T": lambda z, v, T: T**2 * F.kl_div(
        log_softmax(z), softmax(v / T), reduction="batchmean"),
    "teacher's logits are not divided by T": lambda z, v, T: T**2 * F.kl_div(
        log_softmax(z / T), softmax(v), reduction="batchmean"),
    "does not change when the teacher does": lambda z, v, T: objectives.soft_target_loss(z, z, T),
    "grows with the number of examples": lambda z, v, T: T**2 * F.kl_div(
        log_softmax(z / T), softmax(v / T), reduction="sum"),
    "a value for each example: average": lambda z, v, T: objectives.soft_targets.soft_target_terms(z, v, T),
    "a value for each example and class": lambda z, v, T: T**2 * F.kl_div(
        log_softmax(z / T), softmax(v / T), reduction="none"),
    "squared differences": lambda z, v, T: T**2 * (softmax(z / T) - softmax(v / T)).square().sum(-1).mean(),
    "flows into the teacher": lambda z, v, T: T**2 * F.kl_div(
        log_softmax(z / T), log_softmax(v / T), reduction="batchmean", log_target=True),
    "carries no gradient": lambda z, v, T: objectives.soft_target_loss(z, v, T).item(),
    "its gradient is not": half_detached,
    "0 · log 0 is nan": underflows,
    "returns nothing": lambda z, v, T: None,
    "changes the tensor": lambda z, v, T: objectives.soft_target_loss(z.div_(T), v.div_(T), 1) * T**2,
    "none of the mistakes we know": lambda z, v, T: 1.1 * objectives.soft_target_loss(z, v, T),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:reduction. .mean. divides:UserWarning")
@pytest.mark.parametrize("sentence", LOSSES)
def test_mistakes_of_the_loss(sentence):
    assert sentence in said(checks.soft_target_loss, LOSSES[sentence])


def test_two_mistakes_at_once_are_both_named():
    def no_factor_and_other_mean(z, v, T):
        return (softmax(v / T) * (log_softmax(v / T) - log_softmax(z / T))).mean()

    told = said(checks.soft_target_loss, no_factor_and_other_mean)
    assert "10 times too small" in told and "factor T² is missing" in told and told.count(" And: ") == 1


OTHERS = {
    checks.soft_targets: {
        "log-probabilities": lambda v, T: log_softmax(v / T),
        "divide the logits, before": lambda v, T: softmax(v) / T,
        "multiply the logits": lambda v, T: softmax(v * T),
        "T is forgotten": lambda v, T: softmax(v),
        "columns sum to 1": lambda v, T: F.softmax(v / T, 0),
        "rows do not sum to 1": lambda v, T: (v / T).exp(),
        "softmax twice": lambda v, T: softmax(softmax(v / T)),
        "overflows": lambda v, T: (v / T).exp() / (v / T).exp().sum(-1, keepdim=True),
        "changes the tensor": lambda v, T: softmax(v.div_(T)),
    },
    checks.soft_target_gradient: {
        "without its factor": lambda z, v, T: (softmax(z / T) - softmax(v / T)) / T,
        "A T is missing": lambda z, v, T: softmax(z / T) - softmax(v / T),
        "brings one 1/T": lambda z, v, T: T**2 * (softmax(z / T) - softmax(v / T)),
        "sign is wrong": lambda z, v, T: T * (softmax(v / T) - softmax(z / T)),
        "number of examples": lambda z, v, T: T * (softmax(z / T) - softmax(v / T)) / len(z),
        "number of classes": lambda z, v, T: T * (softmax(z / T) - softmax(v / T)).div(z.shape[-1]),
        "T is forgotten inside": lambda z, v, T: T * (softmax(z) - softmax(v)),
        "should have shape": lambda z, v, T: (T * (softmax(z / T) - softmax(v / T))).norm(dim=-1),
    },
    checks.gradient_limit: {
        "does not see a constant": lambda z, v: (z - v) / z.shape[-1],
        "mean over examples": lambda z, v: (z - v - (z - v).mean(0)) / z.shape[-1],
        "too large": lambda z, v: z - v - (z - v).mean(-1, keepdim=True),
        "it is the number of classes": lambda z, v: (z - v - (z - v).mean(-1, keepdim=True)) / len(z),
        "sign is wrong": lambda z, v: (v - z - (v - z).mean(-1, keepdim=True)) / z.shape[-1],
    },
    checks.agreement: {
        "divide by their number": lambda a, b: (a.argmax(-1) == b.argmax(-1)).sum(),
        "percentage": lambda a, b: 100 * measures.agreement(a, b),
        "1 less the agreement": lambda a, b: (a.argmax(-1) != b.argmax(-1)).float().mean(),
        "over the examples: it is": lambda a, b: (a.argmax(0) == b.argmax(0)).float().mean(),
        "value for each example": lambda a, b: a.argmax(-1) == b.argmax(-1),
        "logits or their largest": lambda a, b: (a == b).float().mean(),
        "argmaxes, not the max": lambda a, b: (a.max(-1).values == b.max(-1).values).float().mean(),
        "mean over batches of 64": lambda a, b: sum(
            map(measures.agreement, a.split(64), b.split(64))) / len(a.split(64)),
    },
    checks.agreement_bounds: {
        "order is wrong": lambda a, b: (1 - abs(a - b), max(0.0, a + b - 1)),
        "below 0": lambda a, b: (a + b - 1, 1 - abs(a - b)),
        "of two classes": lambda a, b: (abs(a + b - 1), 1 - abs(a - b)),
        "errors are independent": lambda a, b: (a * b, 1 - abs(a - b)),
        "only images where both are right": lambda a, b: (max(0.0, a + b - 1), min(a, b)),
        "upper bound is 1": lambda a, b: (max(0.0, a + b - 1), 1.0),
        "absolute difference": lambda a, b: (max(0.0, a + b - 1), 1 - (a - b)),
    },
    checks.label_free_bias: {
        "1/C": lambda z, c, f: bias._bias(z, c, 1 / z.shape[-1]),
        "must be *added*": lambda z, c, f: -bias._bias(z, c, f),
        "average the log-odds": lambda z, c, f: math.log(f / (1 - f)) - measures.log_odds(z, [c]).mean().item(),
        "does not look at the net": lambda z, c, f: math.log(f / (1 - f)),
        "count answers": lambda z, c, f: -measures.rivals(z, [c])[0].quantile(1 - f).item(),
        "inside the softmax": lambda z, c, f: f - softmax(z)[:, c].mean().item(),
    },
    checks.own_digit: {
        "notebook 02": lambda: 3, "whole number": lambda: "7", "not 12": lambda: 12, "returns nothing": lambda: None,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("check", "sentence"), [(c, s) for c, some in OTHERS.items() for s in some], ids=lambda x: getattr(x, "__name__", x)
)
def test_mistakes(check, sentence):
    assert sentence in said(check, OTHERS[check][sentence])


def test_a_stub_is_heard_as_it_is():
    def untouched(*arguments):
        raise NotImplementedError()

    for check in (*OTHERS, checks.soft_target_loss, checks.expected_calibration_error, checks.controls):
        with pytest.raises(NotImplementedError):
            check(untouched)


def test_a_notebook_shows_the_sentence_alone():
    assert checks.Mistake("T² is missing.")._render_traceback_() == ["✗ T² is missing."]


@pytest.mark.parametrize(
    ("cases", "named", "reference"),
    [
        ([(v, T) for _, v, T in loss.pairs()], loss.TARGETS, lambda v, T: softmax(v / T)),
        (loss.pairs(), loss.LOSSES, objectives.soft_target_loss),
        (loss.pairs(), gradient.GRADIENTS, measures.soft_target_gradient),
        ([(z + 1, v - 2) for z, v, _ in loss.pairs()], gradient.LIMITS, gradient._limit),
        ([(0.9, 0.75), (0.3, 0.45), (0.625, 0.5), (0.2, 0.95)], faithful.BOUNDS, measures.agreement_bounds),
        ([faithful._sure(50, 330, 8), faithful._sure(51, 498, 4)], faithful.ECES, measures.calibration_error),
    ],
)
def test_no_two_single_mistakes_give_the_same_answers(cases, named, reference):
    single = [(sentence, mistaken) for sentence, mistaken in named if " And: " not in sentence]
    answers = [[deciding.as_tensor(f(*case)) for case in cases] for f in (reference, *(f for _, f in single))]
    for i, first in enumerate(answers):
        for j, second in enumerate(answers[:i]):
            alike = j and single[i - 1][0] == single[j - 1][0]  # one mistake, written in two ways
            both = single[i - 1][0], single[j - 1][0] if j else "the reference"
            assert alike or not deciding.same(first, second), both
