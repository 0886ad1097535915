"""Inside an encoder: data made here, what is alike, maps and times drawn, a sentence that one types."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from test_wordpieces import load_on_disk

import kdviz as kd
from kdviz.data import bag_of
from kdviz.data.lookup import places_of
from kdviz.data.sources import on_disk
from kdviz.explorers.inside import as_carried, inside, looks
from kdviz.figures.inside import COPIED, answer_times, apart_inside, attention_map, attention_maps, by_choice
from kdviz.objectives import cosine_terms, row_terms
from kdviz.runs.insides import insides

LOOK_UP = kd.load("lookup")
NET, HALF = (kd.transformer(n, 8, 2, vocabulary=len(LOOK_UP.vocabulary)) for n in (4, 2))


def encoders():
    torch.manual_seed(0)
    return {"teacher": NET.build((6,), 4).eval(), "student": HALF.build((6,), 4).eval()}


def test_the_look_up_task_says_what_it_asks():
    assert LOOK_UP.train.inputs.shape == (8000, 6) and LOOK_UP.classes == ("0", "1", "2", "3")
    for tokens, label in zip(LOOK_UP.test.inputs[:200], LOOK_UP.test.labels[:200].tolist(), strict=True):
        words = LOOK_UP.decode(tokens).split()
        (asked,) = (word.removeprefix("find_") for word in words if word.startswith("find_"))
        pairs = [word for word in words if not word.startswith("find_")]
        assert [word[-1] for word in pairs if word[:-1] == asked] == [str(label)]
        assert 2 <= len(pairs) <= 5 and len({word[:-1] for word in pairs}) == len(pairs)
    assert torch.bincount(LOOK_UP.train.labels).min() > 1800
    longer = kd.load("lookup_long")
    assert longer.test.inputs.shape == (2000, 8) and len(longer.classes) == 6 and on_disk("lookup_long")
    assert len(longer.vocabulary) == 2 + 8 + 48 == longer.train.inputs.max() + 1


@pytest.mark.parametrize("name", ["lookup", "lookup_long"])
def test_a_question_and_the_pair_it_asks_for_are_found(name):
    data = kd.load(name)
    places = zip(data.test.inputs[:200], *places_of(data.test.inputs[:200], data.vocabulary), strict=True)
    for (tokens, question, pair), label in zip(places, data.test.labels[:200].tolist(), strict=True):
        words = data.decode(tokens).split()
        assert words[pair] == f"{words[question].removeprefix('find_')}{label}"


def test_a_bag_forgets_the_order():
    bag = bag_of(LOOK_UP)
    for tokens, there in zip(LOOK_UP.train.inputs[:50], bag.train.inputs[:50], strict=True):
        assert there.nonzero().flatten().tolist() == sorted({token - 1 for token in tokens.tolist() if token})
    assert torch.equal(bag.test.labels, LOOK_UP.test.labels) and bag.train.inputs.max() == 1
    with pytest.raises(ValueError, match="no tokens: a bag is made of tokens"):
        bag_of(kd.load("digits"))


def test_bankings_short_pieces():
    data = load_on_disk("banking77_short")
    assert data.train.inputs.shape == (10_003, 32) and len(data.vocabulary) == 800 and data.train.inputs.max() < 800
    assert data.decode(data.train.inputs[0]) == "i am still waiting on my card ?"
    assert 0.05 < (data.train.inputs[:, -1] > 0).double().mean() < 0.12  # cut off, or as long


def test_what_is_alike_inside_is_a_mean_over_sentences_and_layers(tmp_path, monkeypatch):
    monkeypatch.setenv("KDVIZ_STORE", str(tmp_path))
    teacher = kd.Recipe(LOOK_UP, NET, kd.HardLabels(), epochs=0.1, batch_size=32)
    recipe = kd.Recipe(LOOK_UP, HALF, kd.SoftTargets(teacher), epochs=0.1, batch_size=32)
    teachers_run, run = kd.train([teacher, recipe], device="cpu")
    found = insides([run])
    with torch.no_grad():
        mine, theirs = (each.network()(LOOK_UP.test.inputs) for each in (run, teachers_run))
    places = mine["places"]
    pairs = ((1, 2), (2, 4))
    rows = [row_terms(mine[f"attention {i}"], theirs[f"attention {j}"], places).mean() for i, j in pairs]
    hidden = [cosine_terms(mine[f"hidden {i}"], theirs[f"hidden {j}"], places).mean() for i, j in pairs]
    assert found.attention[0] == pytest.approx(sum(rows).item() / 2, rel=1e-4)
    assert found.hidden[0] == pytest.approx(sum(hidden).item() / 2, rel=1e-4)
    with pytest.raises(ValueError, match="no teacher in the default store"):
        insides([teachers_run])


def test_maps_and_times_are_drawn():
    map_, figure = torch.eye(3), plt.figure()
    axes = attention_maps({"a $1": map_, "b": map_}, ["x", "y", "y"], axes=figure.subplots(1, 2))
    assert np.array_equal(axes[0].images[0].get_array(), np.eye(3)) and axes[1].get_title() == "b"
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["x", "y", "y"]
    with pytest.raises(ValueError, match="attention must have shape"):
        attention_map(torch.rand(2, 3), ["x", "y"])
    with pytest.raises(ValueError, match="words"):
        attention_map(map_, ["x", "y"])
    times = {"teacher": torch.tensor([[4.0, 10], [6, 12]]), "half the depth": torch.tensor([[3.0, 5], [2, 6]])}
    ax = answer_times(times, [1, 32], COPIED, ax=figure.add_subplot())
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([1, 1, 0.5, 0.5])
    assert sorted(y for line in ax.lines for y in line.get_ydata()) == [0.5, 0.5, 0.6, 0.75, 1, 1, 1.2, 1.5]
    assert {text.get_text() for text in ax.texts} == {"4.0 ms", "10.0 ms", "2.0 ms", "5.0 ms"}
    plt.close("all")


def test_choices_of_layers_stand_in_the_order_of_their_medians():
    values = {(1, 2): [5.0, 7.0, 90.0], (2, 3): [80.0, 85.0, 2.0], (1, 3): [1.0, 2.0, 3.0]}
    ax = by_choice(values, 1, lines={"chance": 75}, ax=plt.subplots()[1])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1 3", "1 2", "2 3"]
    assert [line.get_ydata().item() for line in ax.lines if line.get_marker() == "_"] == [2, 7, 80]
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert said == ["chance", "layer 1 among them", "without layer 1"]
    assert ax.lines[0].get_color() == ax.lines[2].get_color() != ax.lines[4].get_color()
    plt.close("all")


def test_how_far_apart_inside_is_drawn_a_panel_each():
    apart = {"all at once": pd.DataFrame({"attention": [0.02, 0.04, 0.9], "hidden": [0.1, 0.2, 0.3]})}
    axes = apart_inside(apart, axes=plt.subplots(1, 2)[1])
    assert [text.get_text() for ax in axes for text in ax.texts] == ["0.04", "0.20"]
    with pytest.raises(ValueError, match="attention"):
        apart_inside({"all at once": pd.DataFrame({"hidden": [0.1]})}, axes=plt.subplots(1, 2)[1])
    plt.close("all")


def explorer(**state):
    row = LOOK_UP.test.inputs[0]
    given = dict(layer=2, head=1) | state
    return inside(encoders(), row, LOOK_UP.vocabulary, LOOK_UP.classes, LOOK_UP.decode(row), **given)


def test_the_explorers_picture_follows_layer_and_head():
    view = explorer()
    pictures = [view.picture()]
    for change in (dict(layer=1), dict(head=2)):
        view.choose(**change)
        pictures.append(view.picture())
    assert len(set(pictures)) == 3
    assert view.data["networks"]["teacher"]["layers"] == 4 and view.data["length"] == 6


def test_rounded_weights_are_whole_steps_and_answer_nearly_alike():
    net = encoders()["teacher"]
    rounded = as_carried("teacher", net)
    for weight, before in zip(rounded.parameters(), net.parameters(), strict=True):
        if weight.ndim == 2:
            steps = weight / (before.abs().amax(1, keepdim=True).double() / 127)
            assert (steps - steps.round()).abs().max() < 1e-4
            assert (weight - before).abs().max() <= 0.5001 * before.abs().max() / 127
        else:
            assert torch.equal(weight, before.double())
    tokens = LOOK_UP.test.inputs[0]
    attention, logits = looks(rounded, tokens[tokens > 0], 3, 2)
    assert attention.shape == (len(tokens[tokens > 0]) + 1,) * 2 and logits.shape == (4,)
    torch.testing.assert_close(attention.sum(1), torch.ones(len(attention)).double())
    assert (logits - net(tokens[None])["logits"][0]).abs().max() < 0.1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: explorer(layer=3), ValueError, "it opens at one of 2 layers and 2 heads, not at 3, 1"),
        (lambda: explorer(head=0), ValueError, "at least 1, not 0"),
        (
            lambda: inside({"teacher": torch.nn.Linear(2, 2)}, torch.ones(3), ["a"], ["0"], "a"),
            TypeError,
            "runs what kd.transformer builds",
        ),
        (
            lambda: inside({"teacher": encoders()["teacher"]}, torch.ones(3), ["a"], ["0"], "a"),
            ValueError,
            "two networks of at most",
        ),
    ],
)
def test_what_no_page_can_show_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
