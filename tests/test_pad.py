"""The pad: from strokes to the images of a data set, and what is answered while one draws."""

import itertools

import numpy as np
import pytest
import torch
from carried import unpacked
from serving import load_on_disk
from torch import nn

from kdviz import explorers
from kdviz.explorers import drawing
from kdviz.explorers.pad import answer, layers_of

CLASSES = tuple("0123456789")
SEVEN = [[(0.27, 0.15), (0.72, 0.15), (0.44, 0.87)], [(0.36, 0.5), (0.68, 0.5)]]


def image_of(strokes, size=28):
    return drawing.normalised(drawing.bitmap(strokes), size)


def moved(strokes, scale, right, down):
    return [[(right + scale * x, down + scale * y) for x, y in stroke] for stroke in strokes]


def bounds(image):
    return [(places.min().item(), places.max().item()) for places in image[0, 0].nonzero().T]


@pytest.mark.parametrize("strokes", [drawing.THREE, SEVEN])
def test_a_drawing_has_mnists_form(strokes):
    image = image_of(strokes)
    assert image.shape == (1, 1, 28, 28) and image.dtype == torch.float32
    assert image.min() >= 0 and image.max() == 1
    assert max(last - first + 1 for first, last in bounds(image)) == 20
    for axis in (0, 1):
        centre = (image[0, 0].sum(1 - axis) * torch.arange(28)).sum() / image.sum()
        assert abs(centre - 14) <= 0.5
    grey = ((image > 0) & (image < 0.9)).sum() / (image > 0).sum()
    assert 0.3 < grey < 0.7  # MNIST: 0.54


@pytest.mark.parametrize("strokes", [drawing.THREE, SEVEN])
def test_a_drawing_has_the_digits_form(strokes):
    image = image_of(strokes, 8)
    assert image.shape == (1, 1, 8, 8)
    assert torch.equal(16 * image, (16 * image).round()) and image.max() <= 1
    assert bounds(image)[0] == (0, 7) and bounds(image)[1][0] >= 1


@pytest.mark.parametrize("size", [28, 8])
@pytest.mark.parametrize("change", [(1, 0.1, -0.1), (0.4, 0.0, 0.5), (0.35, 0.31, 0.17)])
def test_neither_place_nor_size_of_a_drawing_matters(size, change):
    image, other = image_of(SEVEN, size), image_of(moved(SEVEN, *change), size)
    assert (image - other).abs().sum() < 0.05 * image.sum()


@pytest.mark.parametrize("size", [28, 8])
def test_neither_place_nor_size_of_a_bitmap_matters(size):
    ink = drawing.bitmap(drawing.THREE)
    smaller = torch.nn.functional.interpolate(ink[None, None], scale_factor=0.5, mode="area")[0, 0]
    image = drawing.normalised(ink, size)
    for other in (torch.nn.functional.pad(ink, (70, 3, 5, 90)), smaller):
        assert (image - drawing.normalised(other, size)).abs().sum() < 0.1 * image.sum()


def test_the_slant_is_taken_out_of_an_8_by_8_image():
    upright, slanting = ([[(0.5, 0.1), (0.5 + lean, 0.9)]] for lean in (0.0, 0.3))
    (image, other), (big, leaning) = ([image_of(strokes, size) for strokes in (upright, slanting)] for size in (8, 28))
    assert (image - other).abs().sum() < 0.35 * image.sum()
    assert (big - leaning).abs().sum() > 0.5 * big.sum()


def test_a_dot_and_a_dash_are_drawings():
    for strokes in ([[(0.5, 0.5)]], [[(0.5, 0.5), (0.501, 0.5)]], [[(0.1, 0.5), (0.9, 0.5)]], [[(0, 0)], [(1, 1)]]):
        for size in (28, 8):
            image = image_of(strokes, size)
            assert image.isfinite().all() and image.sum() > 2


def test_what_is_no_drawing_is_said():
    with pytest.raises(ValueError, match="there is no ink"):
        drawing.bitmap([])
    with pytest.raises(ValueError, match="there is no ink"):
        drawing.normalised(torch.zeros(9, 9))
    with pytest.raises(ValueError, match="not of 32×32"):
        drawing.normalised(torch.ones(9, 9), 32)


def test_redrawing_mnist_changes_nothing():
    images = load_on_disk("mnist").test.images[:300]
    redrawn = torch.cat([drawing.normalised(image[0]) for image in images])
    torch.testing.assert_close(redrawn, images)
    large = images.repeat_interleave(6, 2).repeat_interleave(6, 3)
    redrawn = torch.cat([drawing.normalised(image[0]) for image in large])
    assert (redrawn - images).abs().sum() < 0.15 * images.sum()


def test_redrawing_the_digits_changes_little(digits):
    images = digits.test.images[:300]
    large = torch.nn.functional.interpolate(images, scale_factor=4, mode="bilinear").round()
    redrawn = torch.cat([drawing.normalised(image[0], 8) for image in large])
    assert (redrawn - images).abs().mean() < 0.5 * (images.roll(1, 0) - images).abs().mean()


def net(*sides, seed=0):
    torch.manual_seed(seed)
    layers = [part for ends in itertools.pairwise(sides) for part in (nn.Linear(*ends), nn.ReLU(), nn.Dropout(0.5))]
    return nn.Sequential(nn.Flatten(), *layers[:-2]).eval()


@pytest.fixture
def pad():
    return explorers.pad({"teacher": net(784, 40, 10), "student": net(784, 20, 30, 10, seed=1)}, 28, CLASSES)


def test_the_picture_follows_the_strokes_and_the_temperature(pad):
    pictures = [pad.picture()]
    for change in ({"strokes": SEVEN}, {"temperature": 20.0}, {"strokes": []}):
        pad.choose(**change)
        pictures.append(pad.picture())
    assert len(set(pictures)) == 4
    assert repr(pad) == "Explorer(strokes=0, temperature=20.0, example=True)"


def test_the_page_carries_the_networks_in_steps_of_a_127th():
    network = net(784, 40, 10)
    pad = explorers.pad({"teacher": network}, 28, CLASSES)
    for layer, told in zip(network[1::3], pad.data["networks"]["teacher"], strict=True):
        weight, scale, bias = (unpacked(told[name]) for name in ("weight", "scale", "bias"))
        assert weight.dtype == np.int8 and np.abs(weight).max(1).tolist() == [127] * len(weight)
        np.testing.assert_array_equal(bias, layer.bias.detach())
        assert (np.abs(weight * scale[:, None] - layer.weight.detach().numpy()) <= 0.501 * scale[:, None]).all()


def test_rounded_weights_answer_as_exact_ones_do():
    """At least 995 of 1,000 test images alike, for a net that has learnt something."""
    data = load_on_disk("mnist")
    images, labels = data.train.images[:4000], data.train.labels[:4000]
    network = net(784, 64, 10)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for rows in torch.randperm(4000, generator=torch.Generator().manual_seed(0)).repeat(6).split(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
        optimizer.step()
    layers = layers_of("net", network, 784, 10)
    test = data.test.images[:1000]
    rounded = torch.stack([answer(layers, image) for image in test])
    exact = network(test).detach()
    assert (exact.argmax(-1) == data.test.labels[:1000]).double().mean() > 0.85
    assert (rounded.argmax(-1) == exact.argmax(-1)).sum() >= 995


def test_networks_that_do_not_fit_are_an_error_that_says_so():
    with pytest.raises(ValueError, match="student goes from 784 to 7 numbers, not from 784 pixels to 10 classes"):
        explorers.pad({"student": net(784, 7)}, 28, CLASSES)
    with pytest.raises(ValueError, match="needs a network"):
        explorers.pad({}, 28, CLASSES)
    with pytest.raises(TypeError, match="student is a function: the pad takes a module"):
        explorers.pad({"student": lambda image: image}, 28, CLASSES)
    with pytest.raises(TypeError, match="is not fully connected with ReLU"):
        explorers.pad({"student": nn.Sequential(nn.Linear(784, 20), nn.Tanh(), nn.Linear(20, 10))}, 28, CLASSES)
    with pytest.raises(ValueError, match="952,000 weights and a page carries 400,000"):
        explorers.pad({"student": net(784, 1000, 168)}, 28, [*map(str, range(168))])
    with pytest.raises(ValueError, match="the pad's T is one of 0.5, .*, not 3"):
        explorers.pad({"student": net(784, 10)}, 28, CLASSES, temperature=3)


def test_the_digits_have_a_pad_too():
    pad = explorers.pad({"student": net(64, 10)}, 8, CLASSES)
    assert pad.data["size"] == 8 and len(pad.picture()) > 1000


@pytest.mark.parametrize(
    "strokes", [[[(0.5, 1.5)]], [[(0.5, float("nan"))]], [[(0.1, 0.2, 0.3)]], [[0.1, 0.2]], ["ab"]]
)
def test_bad_strokes_are_an_error_that_says_so(strokes):
    with pytest.raises(ValueError, match=r"stroke.*points? .*\(x, y\)|point of a stroke is \(x, y\)"):
        explorers.pad({"student": net(64, 10)}, 8, CLASSES, start=strokes)
