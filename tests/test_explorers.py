"""Explorers say what went wrong where one looks, and take what users bring: arrays, colours, two classes, dollars."""

import base64
import io

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from kdviz import explorers, figures

N, C = 12, 4
DRAWS = torch.Generator().manual_seed(0)
Z, V = (3 * torch.randn(N, C, generator=DRAWS) for _ in range(2))
Y, GREY = torch.arange(N) % C, torch.rand(N, 1, 8, 8, generator=DRAWS)
NAMES = ["$5 to $10", "a", "b", "c"]


@pytest.fixture
def failing():
    """An explorer that cannot draw beyond 3."""

    def draw(figure, number, colour):
        if number > 3:
            raise IndexError(f"no image <{number}>")
        figure.text(0.5, 0.5, f"{number} {colour}")

    controls = {"number": widgets.IntSlider(1), "colour": widgets.Dropdown(options=["red", "blue"])}
    return explorers.Explorer(draw, (3, 2), **controls)


def shown(explorer):
    return {name: note.value for name, note in explorer.notes.items() if note.layout.display is None}


def test_what_goes_wrong_is_said_beside_the_control_and_the_old_picture_goes(failing):
    before = failing.picture.value
    with pytest.raises(IndexError):
        failing.controls["number"].value = 7
    assert shown(failing) == {"number": "<b>IndexError: no image &lt;7&gt;</b>"}
    assert failing.picture.value != before
    row = failing._arranged().children[0].children
    assert row.index(failing.notes["number"]) == row.index(failing.controls["number"]) + 1
    with pytest.raises(IndexError):  # the choice cannot be drawn still
        failing.controls["colour"].value = "blue"
    assert list(shown(failing)) == ["colour"]
    failing.choose(number=1, colour="red")
    assert shown(failing) == {} and failing.picture.value == before


def test_a_committed_picture_is_not_the_one_before_the_error(failing, monkeypatch):
    monkeypatch.setenv("KDVIZ_STATIC", "1")
    before = failing._repr_mimebundle_()[0]["image/png"]
    with pytest.raises(IndexError):
        failing.choose(number=9)
    assert base64.b64decode(failing._repr_mimebundle_()[0]["image/png"]) == failing.picture.value
    assert failing._repr_mimebundle_()[0]["image/png"] != before


def test_a_picture_has_two_pixels_for_each_of_its_place(failing):
    assert Image.open(io.BytesIO(failing.picture.value)).width == 2 * failing.width
    assert failing.picture.layout.width == f"{failing.width}px"


def test_an_explorer_that_cannot_draw_at_first_is_an_error():
    with pytest.raises(ZeroDivisionError):
        explorers.Explorer(lambda figure, a: 1 / 0, (3, 2), a=widgets.IntSlider())


def temperature(images=GREY, labels=Y, teacher=V, students=None, classes="abcd"):
    return explorers.temperature(images, labels, teacher, {"student": Z} if students is None else students, classes)


def test_arrays_are_drawn_as_tensors_are():
    arrays = temperature(GREY.numpy(), Y.numpy(), V.numpy(), {"student": Z.numpy()}, np.array(list("abcd")))
    assert arrays.picture() == temperature().picture() and arrays.data == temperature().data


def drawn(explorer):
    """The figure of an explorer's picture."""
    with plt.style.context(figures.STYLE):
        figure = Figure(explorer.size)
        explorer.still(figure, **explorer.state)
        figure.draw_without_rendering()
    return figure


def test_images_of_three_channels_are_drawn_in_colour():
    colours = torch.rand(N, 3, 8, 8, generator=DRAWS)
    explorer = temperature(colours)
    (image,) = drawn(explorer).axes[0].images
    np.testing.assert_allclose(image.get_array(), colours[0].permute(1, 2, 0))
    page = np.asarray(Image.open(io.BytesIO(base64.b64decode(explorer.data["images"]["png"]))))
    np.testing.assert_array_equal(page[:8, 8:16], (255 * colours[1].permute(1, 2, 0)).round())


def test_two_classes_are_explored_without_a_triangle():
    two = temperature(labels=Y % 2, teacher=V[:, :2], students={"student": Z[:, :2]}, classes="ab")
    figure = drawn(two)
    line = next(ax for ax in figure.axes if ax.get_title("left") == "its likelier class").lines[0]
    expected = [(V[0, :2] / t).softmax(-1).max().item() for t in line.get_xdata()]
    assert line.get_ydata().tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"students": {}}, "students must be a mapping.* with at least one entry"),
        ({"students": {"teacher": Z}}, "a student cannot be named 'teacher'"),
        ({"students": {"student": Z[1:]}}, r"'student' of students must have shape \(N, C\), N = 12, C = 4"),
        ({"labels": Y[1:]}, r"labels must have shape \(N,\), N = 12"),
        ({"images": GREY[1:]}, r"images must have shape \(N, D, H, W\), N = 12"),
        ({"images": 255 * GREY}, r"pixels lie in \[0, 1\]"),
        ({"classes": {0: "cat", 1: "dog", 2: "cow", 3: "hen"}}, "a list of names, not a mapping"),
    ],
)
def test_what_cannot_be_explored_is_said(given, said):
    with pytest.raises(ValueError, match=said):
        temperature(**given)


def texts(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().count("$") > 1]


def test_dollars_in_a_name_are_no_formula_in_explorers():
    named = temperature(students={"of $1 or $2": Z}, classes=NAMES)
    named.choose(shown="of $1 or $2")
    explored = [drawn(named)]
    matrices = {"raw": {"teacher": [torch.corrcoef(V.T)], "at $1 or $2": [torch.corrcoef(Z.T)]}}
    ties = explorers.correlations(matrices, lambda name, seed: Y, GREY, (Y + 1) % C, NAMES)
    ties.choose(first=0, second=1)
    explored.append(drawn(ties))
    omitted = explorers.omitted_digit(lambda *setting: (Y + 1) % C, {(0, 1.0): 0.5}, GREY, Y, NAMES, digit=0)
    explored.append(drawn(omitted))
    explored.append(drawn(explorers.pad({"of $1 or $2": torch.nn.Linear(64, C)}, 8, NAMES)))
    explored.append(drawn(explorers.reliability({"of $1 or $2": Z}, Y)))
    history = {"epoch": [1], "test_accuracy": [0.5], "train_agreement": [0.5]}
    rows = pd.DataFrame({"accuracy": [0.5], "agreement": [0.6], "varied": ["of $1 or $2"], "name": "a", "recipe": "a"})
    explored.append(drawn(explorers.agreement_cloud(rows, 0.9, {}, [history], lambda row: (Y, Y), GREY, Y, NAMES)))
    for figure in explored:
        assert texts(figure) and not [text for text in texts(figure) if text.get_parse_math()]


def test_dollars_in_a_name_are_no_formula_in_figures():
    from test_figures import with_names

    for figure in with_names(NAMES):
        figure.draw_without_rendering()
        assert texts(figure) and not [text for text in texts(figure) if text.get_parse_math()]
