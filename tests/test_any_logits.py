"""Logits and labels of any kind: what holds them changes no number, what cannot be meant is refused."""

import math

import numpy as np
import pytest
import torch

import kdviz as kd
from kdviz import measures
from kdviz.measures.accuracy import at_chance
from kdviz.measures.checks import as_labels, check_temperature

DRAWS = torch.Generator().manual_seed(0)
V, Z = ((2 * torch.randn(120, 6, generator=DRAWS)).bfloat16().float() for _ in range(2))  # exact in every precision
Y = torch.arange(120) % 6
WITH_LABELS = {
    "accuracy": measures.accuracy,
    "ece": measures.expected_calibration_error,
    "class means": measures.class_mean_logits,
    "scores": lambda z, y: list(measures.scores(z, V, y).values()),
    "clusters": measures.within_between,
    "confusion": lambda z, y: measures.confusion(Z.argmax(-1), y, 6),
    "confusion's predictions": lambda z, y: measures.confusion(y, Y, 6),
}
OF_LOGITS = {
    "agreement": lambda z: measures.agreement(z, V),
    "kl": lambda z: measures.predictive_kl(z, V),
    "kl the other way": lambda z: measures.predictive_kl(V, z),
    "entropy": lambda z: measures.entropy(z, 3),
    "gradient": lambda z: measures.soft_target_gradient(z, V, 3),
    "shares": lambda z: measures.gradient_shares(z, V, 3),
    "limit": lambda z: torch.stack(measures.high_temperature_gap(z, V, 3)),
    "correlation": lambda z: measures.logit_correlation(z, center=True),
    "log-odds": lambda z: measures.log_odds(z, [1, 2]),
    "shifted": lambda z: measures.shifted(z, [1, 2], 0.5),
    "rivals": lambda z: torch.stack([x.double() for x in measures.rivals(z, [1, 2])]),
    "ensemble": lambda z: measures.ensemble_logits([z, z]),
    "loss": lambda z: kd.objectives.soft_target_loss(z, V, 4.0),
    "loss of the teacher": lambda z: kd.objectives.soft_target_loss(V, z, 4.0),
    **{name: lambda z, measure=measure: measure(z, Y) for name, measure in list(WITH_LABELS.items())[:5]},
}
KINDS = {
    "float64": torch.Tensor.double,
    "half": torch.Tensor.half,
    "bfloat16": torch.Tensor.bfloat16,
    "not contiguous": lambda z: z.T.contiguous().T,
    "every second": lambda z: z.repeat_interleave(2, 0)[::2],
    "in a graph": lambda z: z.clone().requires_grad_(),
    "numpy": torch.Tensor.numpy,
    "numpy, half": lambda z: z.numpy().astype(np.float16),
    "numpy, the other end first": lambda z: z.numpy().astype(">f4"),
    "numpy, backwards": lambda z: z.flip(0).numpy()[::-1],
    "numpy, read-only": lambda z: np.broadcast_to(z.numpy(), z.shape),
    "lists": torch.Tensor.tolist,
    "a list of rows": list,
}
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.float32]


def same(found, expected):
    found, expected = (torch.as_tensor(x).detach().double() for x in (found, expected))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("measure", OF_LOGITS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_holds_the_logits_changes_no_number(measure, kind):
    same(OF_LOGITS[measure](KINDS[kind](Z)), OF_LOGITS[measure](Z))


class Elsewhere(torch.Tensor):
    """Numbers of a device without float64: what reaches for it there fails."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function is torch.Tensor.cpu:
            return args[0].as_subclass(torch.Tensor)
        if function is torch.Tensor.double or torch.float64 in args[1:]:
            raise TypeError("this device has no float64")
        return super().__torch_function__(function, types, args, kwargs or {})


@pytest.mark.parametrize("measure", [name for name in OF_LOGITS if not name.startswith("loss")])
def test_measures_move_to_the_processor_before_they_count(measure):
    same(OF_LOGITS[measure](Z.as_subclass(Elsewhere)), OF_LOGITS[measure](Z))


@pytest.mark.parametrize("measure", WITH_LABELS)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_labels_of_any_type_are_the_same_labels(measure, dtype):
    for labels in (Y.to(dtype), Y.to(dtype).numpy(), Y.to(dtype).tolist(), Y.repeat_interleave(3).to(dtype)[::3]):
        same(WITH_LABELS[measure](Z, labels), WITH_LABELS[measure](Z, Y))


@pytest.mark.parametrize("dtype", INTEGERS[:4])
def test_narrow_labels_do_not_wrap(dtype):
    counts = measures.confusion(torch.tensor([16]), torch.tensor([16], dtype=dtype), 17)
    assert counts.nonzero().tolist() == [[16, 16]]
    many = torch.arange(100, dtype=dtype)
    assert measures.confusion(many, many, 100).equal(torch.eye(100, dtype=torch.int64))


def test_true_and_false_are_two_classes():
    assert as_labels([True, False], 2).tolist() == [1, 0]
    with pytest.raises(ValueError, match="of two classes, not of 6"):
        measures.accuracy(Z, Y > 2)


NO_LABELS = {
    "nan": (torch.where(Y == 2, math.nan, Y.double()), "fractions or NaN"),
    "infinite": (torch.where(Y == 2, math.inf, Y.double()), "fractions or NaN|must lie"),
    "fractions": (Y + 0.5, "fractions or NaN"),
    "complex": (Y + 0j, "whole numbers"),
    "one-hot": (torch.eye(6)[Y], "one-hot: take the argmax"),
    "multi-hot": (torch.eye(6)[Y] + torch.eye(6)[(Y + 1) % 6], "multi-hot.*one class an example"),
    "none of several": (torch.zeros(120, 6), "multi-hot"),
    "soft": (Z.softmax(-1), "shares of several classes"),
    "a column": (Y[:, None], "flatten them"),
    "a number": (torch.tensor(3), "give a vector"),
    "negative": (Y - 1, r"must lie in 0\.\.5.*leave unlabelled|from 0 on.*leave unlabelled"),
    "words": (["cat"] * 120, "must be numbers"),
    "ragged": ([[1], [1, 2]], "must be numbers"),
    "too few": (Y[1:], "need 120 labels|need N labels|need one shape"),
}


@pytest.mark.parametrize("measure", WITH_LABELS)
@pytest.mark.parametrize("kind", NO_LABELS)
def test_what_are_no_labels_is_refused(measure, kind):
    labels, text = NO_LABELS[kind]
    with pytest.raises(ValueError, match=text):
        WITH_LABELS[measure](Z, labels)


NO_LOGITS = {
    "complex": (Z + 1j, "logits are real numbers, not complex64|finite real"),
    "bool": (Z > 0, "real numbers, not bool"),
    "one column": (Z[:, :1], r"one logit z means the two classes \(0, z\)|logits of two shapes|both have shape"),
    "one row": (Z[0], "have shape"),
    "nan": (torch.where(Z > 3, math.nan, Z), "not numbers|finite real"),
    "infinite": (torch.where(Z > 3, math.inf, Z), "are not finite|finite real"),
    "all masked": (torch.where(Y[:, None] == 0, -math.inf, Z), "20 of 120 examples are not finite|finite real"),
    "words": ([["a"] * 6] * 120, "must be numbers"),
    "of other classes": (torch.cat([Z, Z], -1), "of 12 and of 6 classes|of 6 and of 12 classes"),
}
PAIRS = ["agreement", "kl", "kl the other way", "gradient", "shares", "limit", "loss", "loss of the teacher", "scores"]


@pytest.mark.parametrize("measure", [name for name in OF_LOGITS if name != "clusters"])
@pytest.mark.parametrize("kind", NO_LOGITS)
def test_what_are_no_logits_is_refused(measure, kind):
    logits, text = NO_LOGITS[kind]
    if kind == "of other classes" and measure not in PAIRS:
        return
    with pytest.raises(ValueError, match=text):
        OF_LOGITS[measure](logits)


@pytest.mark.parametrize("measure", [name for name in OF_LOGITS if name != "clusters"])
@pytest.mark.parametrize("kind", [torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16])
def test_probabilities_are_no_logits_but_where_the_largest_counts(measure, kind):
    given = kind(Z.softmax(-1))
    if measure in ("accuracy", "agreement"):
        assert OF_LOGITS[measure](Z.softmax(-1)) == OF_LOGITS[measure](Z)
        return
    with pytest.raises(ValueError, match="holds probabilities: give the logits, or the logarithm"):
        OF_LOGITS[measure](given)


def test_one_logit_is_said_to_be_two_classes():
    one = torch.randn(5, 1)
    for measure in (measures.predictive_kl, lambda a, b: kd.objectives.soft_target_loss(a, b, 4.0)):
        with pytest.raises(ValueError, match=r"one logit z means the two classes \(0, z\)"):
            measure(one, one)


@pytest.mark.parametrize("four", [4, np.float32(4), np.int64(4), torch.tensor(4.0), torch.tensor(4), np.array(4.0)])
def test_a_temperature_is_a_number_whatever_holds_it(four):
    assert check_temperature(four) == 4 and type(check_temperature(four)) is float
    assert kd.SoftTargets(V, temperature=four) == kd.SoftTargets(V, temperature=4.0)
    for wrong in (torch.ones(2), "4", None, 4j, torch.tensor(math.nan), np.array([4.0])):
        with pytest.raises(ValueError, match="finite and above 0"):
            check_temperature(wrong)


def test_a_bias_and_its_log_odds_are_checked():
    with pytest.raises(ValueError, match=r"not of shape \(120, 6\): take kd.measures.log_odds"):
        measures.label_free_bias(Z, 0.3)
    with pytest.raises(ValueError, match="must be finite"):
        measures.label_free_bias([0.0, math.nan], 0.3)
    for bias in (math.nan, math.inf):
        with pytest.raises(ValueError, match="a bias is a finite number"):
            measures.shifted(Z, [1], bias)
    odds = measures.log_odds(Z, [1])
    assert measures.label_free_bias(odds.numpy(), 0.3) == measures.label_free_bias(odds, 0.3)


def test_answers_in_another_order_meet_the_labels_at_chance():
    chance = torch.Generator().manual_seed(1)
    labels = torch.arange(2000) % 10
    one_hot = torch.nn.functional.one_hot(labels, 10)
    for strength in (0.3, 1.0, 9.0):  # a weak teacher is no stranger
        logits = torch.randn(2000, 10, generator=chance) + strength * one_hot
        assert not at_chance(logits, labels)
        assert at_chance(logits[torch.randperm(2000, generator=chance)], labels)
        assert at_chance(logits.roll(1, 1), labels)  # the classes' order is another
    assert not at_chance(torch.zeros(2000, 10), labels)
