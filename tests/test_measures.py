import numpy as np
import pytest
import torch
import torchmetrics.functional.classification as reference
from scipy.special import softmax
from sklearn.metrics import accuracy_score, confusion_matrix

from kdviz import measures


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return [2 * torch.randn(500, 10, generator=generator) for _ in range(2)]


@pytest.fixture
def labels():
    return torch.randint(0, 10, (500,), generator=torch.Generator().manual_seed(1))


def test_accuracy_and_agreement(logits, labels):
    a, b = (x.numpy().argmax(-1) for x in logits)
    assert measures.accuracy(logits[0], labels) == pytest.approx(accuracy_score(labels, a))
    assert measures.agreement(*logits) == pytest.approx((a == b).mean())
    assert measures.agreement(logits[0], logits[0]) == 1


def test_predictive_kl_is_teacher_to_student_at_one(logits):
    q, p = (softmax(x.double().numpy(), axis=-1) for x in logits)
    expected = (p * (np.log(p) - np.log(q))).sum(-1).mean()
    assert measures.predictive_kl(*logits) == pytest.approx(expected, rel=1e-9)
    assert measures.predictive_kl(*logits) != pytest.approx(measures.predictive_kl(*logits[::-1]), rel=1e-3)


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_ece(logits, labels, bins):
    expected = reference.multiclass_calibration_error(logits[0].double(), labels, 10, n_bins=bins, norm="l1")
    assert measures.expected_calibration_error(logits[0], labels, bins) == pytest.approx(expected.item(), abs=1e-6)


def test_ece_puts_an_edge_into_the_lower_bin():
    # Confidences 1/2 and 1/2, both right, and 1, wrong. In (0, .5] and (.5, 1]: 2/3 · 1/2 + 1/3 · 1. Were the halves in
    # the upper bin, its accuracy and its confidence would both be 2/3 and the error 0.
    logits = torch.tensor([[0.0, 0.0], [0.0, 0.0], [50.0, 0.0]])
    assert measures.expected_calibration_error(logits, torch.tensor([0, 0, 1]), 2) == pytest.approx(2 / 3, abs=1e-9)


def test_logit_correlation(logits):
    values = logits[0].double().numpy()
    np.testing.assert_allclose(measures.logit_correlation(logits[0]), np.corrcoef(values, rowvar=False), atol=1e-12)
    centred = values - values.mean(-1, keepdims=True)
    found = measures.logit_correlation(logits[0], center=True)
    np.testing.assert_allclose(found, np.corrcoef(centred, rowvar=False), atol=1e-12)
    moved = logits[0] + 5 * torch.randn(500, 1)
    assert not torch.allclose(measures.logit_correlation(moved), measures.logit_correlation(logits[0]), atol=0.1)
    torch.testing.assert_close(measures.logit_correlation(moved, center=True), found, atol=1e-5, rtol=0)


def test_a_constant_column_has_no_correlation(logits):
    logits[0][:, 4] = 2.5
    with pytest.raises(ValueError, match=r"classes \[4\] are the same for every example"):
        measures.logit_correlation(logits[0])


def test_class_mean_logits(logits, labels):
    expected = np.stack([logits[0].numpy()[labels.numpy() == c].mean(0) for c in range(10)])
    np.testing.assert_allclose(measures.class_mean_logits(logits[0], labels), expected, atol=1e-5)
    with pytest.raises(ValueError, match=r"no example of classes \[9\]"):
        measures.class_mean_logits(logits[0], labels.clamp(max=8))


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_agreement_bounds_are_reached_and_never_passed(classes):
    """Against every pair of small predictions: three examples of label 0."""
    every = torch.cartesian_prod(*[torch.arange(classes)] * 3)
    right = (every == 0).double().mean(-1)
    for a in (0, 1 / 3, 2 / 3, 1):
        for b in (0, 1 / 3, 2 / 3, 1):
            ours, theirs = every[(right - a).abs() < 1e-9], every[(right - b).abs() < 1e-9]
            agreed = (ours[:, None] == theirs[None]).double().mean(-1)
            low, high = measures.agreement_bounds(a, b, classes)
            assert (agreed.min().item(), agreed.max().item()) == pytest.approx((low, high))
    assert measures.agreement_bounds(0.5, 0.4) == measures.agreement_bounds(0.5, 0.4, 3)


def test_ensemble_logits_average_probabilities(logits):
    mean = np.mean([softmax(x.double().numpy(), axis=-1) for x in logits], axis=0)
    np.testing.assert_allclose(measures.ensemble_logits(logits).softmax(-1), mean, atol=1e-6)


def test_confusion(logits, labels):
    predicted = logits[0].argmax(-1)
    np.testing.assert_array_equal(measures.confusion(predicted, labels, 10), confusion_matrix(labels, predicted))


@pytest.mark.parametrize("classes", [[3], [7, 8]])
def test_rivals_decide_as_shifted_logits_do(logits, classes):
    margin, inside, outside = measures.rivals(logits[0], classes)
    for bias in (-8.0, -0.3, 0.0, 2.0, 9.0):
        decided = torch.where(margin + bias > 0, inside, outside)
        assert torch.equal(decided, measures.shifted(logits[0], classes, bias).argmax(-1))


@pytest.mark.parametrize("classes", [[3], [7, 8]])
def test_the_label_free_bias_gives_the_classes_their_share(logits, classes):
    bias = measures.label_free_bias(measures.log_odds(logits[0], classes), 0.3)
    moved = measures.shifted(logits[0].double(), classes, bias)
    assert moved.softmax(-1)[:, classes].sum(-1).mean().item() == pytest.approx(0.3, abs=1e-6)


def test_mean_and_interval():
    from scipy import stats

    mean, half = measures.mean_and_interval([3.0, 5.0, 10.0])
    low, high = stats.t.interval(0.95, 2, loc=6.0, scale=stats.sem([3.0, 5.0, 10.0]))
    assert (mean, mean - half, mean + half) == pytest.approx((6.0, low, high))
    assert np.isnan(measures.mean_and_interval([4.0])[1])


def test_arrays_do_as_well_as_tensors(logits, labels):
    a, b = (x.numpy() for x in logits)
    assert measures.accuracy(a, labels.numpy()) == measures.accuracy(logits[0], labels)
    assert measures.predictive_kl(a, b) == measures.predictive_kl(*logits)
    assert torch.equal(measures.logit_correlation(a), measures.logit_correlation(logits[0]))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda z: measures.accuracy(z, torch.zeros(3, dtype=torch.int64)), "need 500 labels"),
        (lambda z: measures.accuracy(z, torch.full((500,), 10)), r"labels must lie in 0..9"),
        (lambda z: measures.accuracy(z[:0], torch.zeros(0, dtype=torch.int64)), "at least one example"),
        (lambda z: measures.agreement(z, z[:, :4]), "logits of two shapes"),
        (lambda z: measures.predictive_kl(z, z[:10]), "logits of two shapes"),
        (lambda z: measures.expected_calibration_error(z, torch.zeros(500, dtype=torch.int64), 0), "bins must be"),
        (lambda z: measures.agreement_bounds(97, 95), "divide percentages by 100"),
        (lambda z: measures.agreement_bounds(0.5, 0.5, 1), "at least two classes"),
        (lambda z: measures.accuracy(z * float("nan"), torch.zeros(500, dtype=torch.int64)), "not numbers"),
        (lambda z: measures.log_odds(z, []), "some but not all"),
        (lambda z: measures.log_odds(z, 3), "must be a list of some but not all"),
        (lambda z: measures.rivals(z, [10]), "some but not all"),
        (lambda z: measures.label_free_bias(z[:, 0], 1.0), "between 0 and 1"),
        (lambda z: measures.logit_correlation(z[:, 0]), "must have shape"),
        (lambda z: measures.mean_and_interval([]), "no value"),
    ],
)
def test_bad_input_says_what_is_wrong(logits, call, text):
    with pytest.raises(ValueError, match=text):
        call(logits[0])
