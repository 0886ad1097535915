"""What notebook 01 is made of: measures against hand-computed values, figures by their artists."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from kdviz import explorers, figures, measures
from kdviz.objectives import soft_target_loss

CLASSES = tuple("0123456789")


@pytest.fixture
def pair():
    return 3 * torch.randn(2, 40, 10, generator=torch.Generator().manual_seed(0))


def test_entropy_by_hand():
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [2.0, 2.0, -1e4, -1e4]])
    assert measures.entropy(logits).tolist() == pytest.approx([np.log(4), np.log(2)])
    rising = [measures.entropy(torch.tensor([[6.0, 3.0, 0.0]]), t).item() for t in (0.1, 1, 4, 1e6)]
    assert rising == sorted(rising) and rising[0] == pytest.approx(0, abs=1e-9)
    assert rising[-1] == pytest.approx(np.log(3))


@pytest.mark.parametrize("temperature", [0.5, 1, 4, 50])
def test_the_gradient_is_that_of_the_loss_we_train_with(pair, temperature):
    z, v = pair.double()
    z.requires_grad_()
    (found,) = torch.autograd.grad(soft_target_loss(z, v, temperature), z)
    torch.testing.assert_close(measures.soft_target_gradient(z.detach(), v, temperature), len(z) * found)


def test_gradient_shares_by_hand():
    # p = (1/2, 1/4, 1/4) and q = (1/4, 1/2, 1/4): the first two classes get half each
    v, z = torch.tensor([[2.0, 1, 1]]).log(), torch.tensor([[1.0, 2, 1]]).log()
    assert measures.gradient_shares(z, v, 1).tolist() == [pytest.approx([0.5, 0.5, 0.0])]
    with pytest.raises(ValueError, match="agree entirely on 1 examples"):
        measures.gradient_shares(v, v, 1)


def test_the_limit_is_approached_at_a_rate(pair):
    z, v = (logits - logits.mean(-1, keepdim=True) for logits in pair)
    errors = {}
    for temperature in (100, 200):
        cosine, error = measures.high_temperature_gap(z, v, temperature)
        assert cosine.mean() > 0.999
        errors[temperature] = error.mean().item()
    assert errors[200] / errors[100] == pytest.approx(0.5, abs=0.02)
    cosine, error = measures.high_temperature_gap(z + 3, v, 100)
    torch.testing.assert_close(error, measures.high_temperature_gap(z, v, 100)[1], rtol=1e-3, atol=1e-6)
    assert measures.high_temperature_gap(z + 3, v, 1e4, center=False)[0].mean() < 0.95


def test_reliability_bins_by_hand():
    confidence = torch.tensor([0.1, 0.5, 0.6, 0.9, 1.0])
    right = torch.tensor([False, True, True, False, True])
    mean, accuracy, count = measures.reliability_bins(confidence, right, 2)
    assert count.tolist() == [2, 3]
    assert mean.tolist() == pytest.approx([0.3, 2.5 / 3]) and accuracy.tolist() == pytest.approx([0.5, 2 / 3])
    assert measures.calibration_error(confidence, right, 2) == pytest.approx((2 * 0.2 + 3 * (2.5 - 2) / 3) / 5)
    mean, accuracy, count = measures.reliability_bins(confidence, right, 4)
    assert count.tolist() == [1, 1, 1, 2] and not mean.isnan().any()
    assert measures.reliability_bins(confidence, right, 40)[0].isnan().any()
    assert measures.calibration_error(confidence, right, 40) == pytest.approx((0.1 + 0.5 + 0.4 + 0.9 + 0) / 5)


def test_the_gradient_of_two_that_are_sure_is_not_lost_in_rounding():
    z, v = torch.tensor([[25.0, 0.0, -5.0, -3.0]]), torch.tensor([[30.0, 2.0, -3.0, -8.0]])
    shares = measures.gradient_shares(z, v, 0.5)[0]
    assert shares[0].item() == pytest.approx(0.5, rel=1e-6) and shares.sum().item() == pytest.approx(1)


def test_the_calibration_floor_is_chance_alone():
    confidence = torch.full((4000,), 0.8)
    floor = measures.calibration_floor(confidence, draws=200)
    assert floor.shape == (200,) and (floor.diff() >= 0).all()
    # one bin: the mean of |share right − 0.8|, whose standard deviation is sqrt(0.8 · 0.2 / 4000)
    assert floor.mean().item() == pytest.approx(np.sqrt(2 / np.pi * 0.8 * 0.2 / 4000), rel=0.15)
    torch.testing.assert_close(floor, measures.calibration_floor(confidence, draws=200), rtol=0, atol=0)
    assert measures.calibration_floor(torch.ones(50)).tolist() == [0.0] * 100
    assert measures.calibration_floor(confidence[:40]).mean() > 5 * floor.mean()


def test_template_plane_is_orthonormal_and_holds_the_triangle():
    templates = torch.randn(3, 7, generator=torch.Generator().manual_seed(1)).double()
    basis = measures.template_plane(templates)
    torch.testing.assert_close(basis @ basis.T, torch.eye(2).double())
    flat = templates @ basis.T
    torch.testing.assert_close(torch.pdist(flat), torch.pdist(templates))  # distances are those in the plane
    assert flat[1, 0] > flat[0, 0] and flat[1, 1] == pytest.approx(flat[0, 1]) and flat[2, 1] > flat[0, 1]


def test_within_between_by_hand():
    # centres (0, 0) and (4, 0), every example at distance 1 from its own
    features = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [4.0, 1.0], [4.0, -1.0]])
    assert measures.within_between(features, torch.tensor([0, 0, 1, 1])) == pytest.approx(1 / 4)
    assert measures.within_between(7 * features, torch.tensor([0, 0, 1, 1])) == pytest.approx(1 / 4)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda z: measures.entropy(z, 0), "finite and above 0"),
        (lambda z: measures.soft_target_gradient(z, z, -1), "finite and above 0"),
        (lambda z: measures.gradient_shares(z, z[:2], 1), "logits of two shapes"),
        (lambda z: measures.reliability_bins(z[:, 0], z[:, 0] > 0), "take the softmax"),
        (lambda z: measures.reliability_bins(z[:, 0].sigmoid(), z[:, 0]), "right is True or False"),
        (lambda z: measures.calibration_error(z[:0, 0], z[:0, 0] > 0), "at least 1"),
        (lambda z: measures.calibration_floor(z[:, 0]), "take the softmax"),
        (lambda z: measures.calibration_floor(z[:, 0].sigmoid(), draws=0), "draws must be"),
        (lambda z: measures.template_plane(z[:2]), "three templates"),
        (lambda z: measures.template_plane(torch.arange(9.0).view(3, 3)), "on one line"),
        (lambda z: measures.within_between(z, torch.zeros(40, dtype=torch.int64)), "two classes at least"),
        (lambda z: measures.within_between(z, torch.zeros(3, dtype=torch.int64)), "need N labels"),
        (lambda z: figures.simplex_path(z, CLASSES, [1.0]), "one example"),
        (lambda z: figures.slopes([1, 2], {"a": [1, 2]}, (5, 9), plt.gca()), "two temperatures"),
    ],
)
def test_bad_input_says_what_is_wrong(pair, call, text):
    with pytest.raises(ValueError, match=text):
        call(pair[0])


def test_without_curves_there_are_the_axes_alone():
    ax = figures.by_temperature([1, 2, 4], {}, ax=plt.subplots()[1])
    assert not ax.lines and ax.get_xscale() == "log"


def test_by_temperature_and_slopes():
    ax, at = plt.subplots()[1], [1, 10, 100, 1000]
    curves = {"falls": [1, 1, 1e-2, 1e-4], "level": [3.0, 3.0, 3.0, 3.0]}
    assert figures.by_temperature(at, curves, ax=ax) is ax
    assert [line.get_ydata().tolist() for line in ax.lines] == [[1, 1, 1e-2, 1e-4], [3.0] * 4]
    assert ax.get_xscale() == "log" and ax.get_legend_handles_labels()[1] == ["falls", "level"]
    ax.set(yscale="log")
    assert figures.slopes(at, curves, (10, 1000), ax) == pytest.approx({"falls": -2.0, "level": 0.0})
    assert [text.get_text() for text in ax.texts] == ["slope -2.00", "slope +0.00"]


def test_the_simplex_path_goes_from_a_corner_to_the_centre():
    logits = torch.tensor([0.0, 9.0, 2.0, 5.0])
    ax = figures.simplex_path(logits, "abcd", [0.01, 1, 1e4], marked=[1], ax=plt.subplots()[1])
    path = ax.collections[0].get_offsets()
    np.testing.assert_allclose(path[0], [0, 0], atol=1e-9)
    np.testing.assert_allclose(path[-1], [0.5, np.sqrt(3) / 6], atol=1e-3)
    assert [text.get_text() for text in ax.texts] == ["T = 1", "b", "d", "c"]
    q = logits[[1, 3, 2]].double().softmax(-1)  # barycentric coordinates of the three likeliest
    np.testing.assert_allclose(path[1], [q[1] + q[2] / 2, q[2] * np.sqrt(3) / 2], rtol=1e-9)


def test_shares_by_temperature_writes_percentages():
    shares = torch.tensor([[0.5, 0.5, 0.0], [0.4, 0.35, 0.25]])
    ax = figures.shares_by_temperature([1, 20], shares, ["first", "second", "third"], ax=plt.subplots()[1])
    assert [text.get_text() for text in ax.texts] == ["50", "40", "50", "35", "0", "25"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "20"]


def test_projection_draws_three_classes_alone():
    generator = torch.Generator().manual_seed(2)
    features, templates = torch.randn(30, 6, generator=generator), torch.randn(5, 6, generator=generator)
    ax = figures.projection(features, templates, torch.arange(30) % 5, "abcde", [4, 0, 2], ax=plt.subplots()[1])
    points = [line for line in ax.lines if line.get_marker() == "."]
    assert [len(line.get_xdata()) for line in points] == [6, 6, 6]
    assert ax.get_legend_handles_labels()[1] == ["e", "a", "c"]


def test_reliability_pools_the_seeds_and_says_the_ece():
    generator = torch.Generator().manual_seed(3)
    seeds = [(torch.rand(400, generator=generator) / 2 + 0.5, torch.ones(400, dtype=torch.bool)) for _ in range(3)]
    ax = figures.reliability({"student": seeds, "teacher": seeds[:1]}, bins=10, ax=plt.subplots()[1])
    diagonal, student, _ = ax.lines
    assert [*diagonal.get_xdata()] == [*diagonal.get_ydata()] == [0, 1]
    pooled = measures.reliability_bins(torch.cat([c for c, _ in seeds]), torch.cat([r for _, r in seeds]), 10)
    np.testing.assert_allclose(student.get_xdata(), pooled[0][5:])
    assert student.get_ydata().tolist() == [1.0] * 5 and student.get_color() == figures.COLOURS["student"]
    mean, half = measures.mean_and_interval([100 * measures.calibration_error(*pair, 10) for pair in seeds])
    told = [text.get_text() for text in ax.get_legend().get_texts()]
    assert told[0] == f"student: ECE {mean:.2f} ± {half:.2f} %" and "±" not in told[1]


def test_the_explorers_picture_follows_its_state(pair):
    z, v = pair
    students = {"trained": z, "untrained": torch.zeros_like(z)}
    explorer = explorers.temperature(torch.rand(40, 1, 8, 8), torch.arange(40) % 10, v, students, CLASSES)
    pictures = {explorer.picture()}
    for name, value in {"temperature": 20.0, "image": 7, "shown": "untrained"}.items():
        explorer.choose(**{name: value})
        pictures.add(explorer.picture())
    assert len(pictures) == 4
    assert repr(explorer) == "Explorer(temperature=20.0, image=7, shown=untrained, factor=True)"
    assert explorer.data["answers"]["untrained"]["shape"] == [*z.shape]
    with pytest.raises(ValueError, match="at least one"):
        explorers.temperature(torch.rand(40, 1, 8, 8), torch.arange(40) % 10, v, {}, CLASSES)
