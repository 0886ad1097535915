"""The pad: from strokes to the images of a data set, and what is answered while one draws."""

import base64
from pathlib import Path

import pytest
import torch
import traitlets
from serving import load_on_disk

from kdviz import explorers
from kdviz.explorers import drawing

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


@pytest.fixture
def pad():
    weights = torch.randn(2, 784, 10, generator=torch.Generator().manual_seed(0))
    networks = {
        "teacher": lambda image: image.flatten(1) @ weights[0],
        "student": lambda image: image.flatten(1) @ weights[1],
    }
    return explorers.pad(networks, 28, CLASSES)


def heights(pad, name):
    return torch.tensor([bar.get_height() for bar in pad.bars[name]])


def test_the_networks_answer_each_stroke(pad):
    first = pad.picture.value
    assert bytes(first).startswith(b"\x89PNG")
    pad.controls["strokes"].value = SEVEN
    assert pad.picture.value != first
    image = image_of(SEVEN)
    assert torch.equal(torch.as_tensor(pad.pixels.get_array()), image[0, 0])
    for name, network in pad.networks.items():
        torch.testing.assert_close(heights(pad, name), network(image)[0].softmax(-1))
    told = [text.get_text() for text in pad.told]
    best = pad.networks["teacher"](image).softmax(-1).max(-1)
    assert told[0] == f"teacher: {best.indices.item()} ({best.values.item():.0%})"


def test_the_temperature_flattens_the_answers(pad):
    first, sharp = pad.picture.value, heights(pad, "student")
    pad.controls["temperature"].value = 20.0
    assert pad.picture.value != first and heights(pad, "student").max() < sharp.max()
    assert pad.scale.get_text() == "probability at T = 20"


def test_a_cleared_pad_says_what_to_do(pad):
    first = pad.picture.value
    pad.controls["strokes"].value = []
    assert pad.hint.get_visible() and heights(pad, "teacher").sum() == 0 and not pad.pixels.get_array().any()
    assert [text.get_text() for text in pad.told] == ["teacher", "student"]
    pad.controls["strokes"].value = drawing.THREE
    assert not pad.hint.get_visible() and pad.picture.value == first


@pytest.mark.parametrize(
    "strokes", [[[(0.5, 1.5)]], [[(0.5, float("nan"))]], [[(0.1, 0.2, 0.3)]], [[0.1, 0.2]], ["ab"]]
)
def test_bad_strokes_are_an_error_that_says_so(pad, strokes):
    before = pad.controls["strokes"].value, pad.picture.value
    with pytest.raises(traitlets.TraitError, match=r"stroke.*points? .*\(x, y\)|point of a stroke is \(x, y\)"):
        pad.controls["strokes"].value = strokes
    assert (pad.controls["strokes"].value, pad.picture.value) == before


def test_networks_that_do_not_fit_are_an_error_that_says_so():
    with pytest.raises(ValueError, match=r"student gives logits of shape \(1, 7\), not \(1, 10\)"):
        explorers.pad({"student": lambda image: torch.zeros(1, 7)}, 28, CLASSES)
    with pytest.raises(ValueError, match="needs a network"):
        explorers.pad({}, 28, CLASSES)


def test_the_digits_have_a_pad_too():
    seen = []
    pad = explorers.pad({"student": lambda image: seen.append(image.shape) or torch.zeros(1, 10)}, 8, CLASSES)
    assert seen == [(1, 1, 8, 8)] and pad.pixels.get_array().shape == (8, 8)
    assert heights(pad, "student").tolist() == pytest.approx([0.1] * 10)


def test_a_static_pad_shows_its_picture_and_leaves_no_widget(pad, monkeypatch):
    live, _ = pad._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in live
    monkeypatch.setenv("KDVIZ_STATIC", "1")
    static, _ = pad._repr_mimebundle_()
    assert set(static) == {"text/plain", "image/png"}
    assert base64.b64decode(static["image/png"]) == pad.picture.value
    assert static["text/plain"] == "Explorer(strokes=1, temperature=1.0)"


def test_the_canvas_needs_no_network_and_comes_with_the_package(pad):
    script = Path(explorers.__file__).with_name("pad.js").read_text(encoding="utf-8")
    assert pad.controls["strokes"]._esm == script
    assert "export default" in script and "://" not in script and "import" not in script
