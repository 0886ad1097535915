"""Temperatures that are found, and the figures of notebooks 01 and 06 by their artists."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from kdviz import figures, measures

CLASSES = tuple("0123456789")


@pytest.fixture
def logits():
    return 4 * torch.randn(3, 60, 10, generator=torch.Generator().manual_seed(0))


def test_the_temperature_of_an_entropy_is_found(logits):
    goal = measures.entropy(logits[0], 4).mean().item()
    assert measures.temperature_of_entropy(logits[0], goal) == pytest.approx(4, rel=1e-6)
    assert measures.temperature_of_entropy(logits[0] / 3, goal) == pytest.approx(4 / 3, rel=1e-6)
    for impossible in (-0.1, np.log(10) + 0.1):
        with pytest.raises(ValueError, match="no temperature"):
            measures.temperature_of_entropy(logits[0], impossible)


def test_each_half_is_divided_by_what_the_other_asks_for():
    generator = torch.Generator().manual_seed(1)
    z = 3 * torch.randn(400, 4, generator=generator).double()
    labels = torch.distributions.Categorical(logits=z / 2).sample()
    found = measures.scaled(z, labels)
    ratio = (z / found).mean(-1)
    assert torch.allclose(z / found, ratio[:, None].expand_as(z))  # one T an example
    first, second = measures.halved(labels)
    assert ratio[first].std() < 1e-9 and ratio[second].std() < 1e-9
    swapped = labels.clone()
    swapped[first] = (labels[first] + 1) % 4  # a half's own labels do not move its temperature, if the halves stay
    if all(torch.equal(a, b) for a, b in zip(measures.halved(swapped), (first, second), strict=True)):
        assert measures.scaled(z, swapped)[first].equal(found[first])
    told = measures.fitted_temperature(z, labels)
    parts = [measures.nll(found[half], labels[half]) for half in (first, second)]
    assert np.mean(parts) == pytest.approx(told["nll"])


def test_one_answer_has_a_panel_for_each_temperature(logits):
    _, axes = plt.subplots(1, 4)
    figures.one_answer(torch.rand(1, 8, 8), logits[0, 0], CLASSES, [1, 4, 20], label="labelled 3", axes=axes)
    assert [ax.get_title(loc="center") for ax in axes[1:]] == ["T = 1", "T = 4", "T = 20"]
    heights = [[bar.get_height() for bar in ax.patches] for ax in axes[1:]]
    for T, found in zip((1, 4, 20), heights, strict=True):
        assert found == pytest.approx((logits[0, 0] / T).softmax(-1).tolist())
    with pytest.raises(ValueError, match="4 matplotlib Axes"):
        figures.one_answer(torch.rand(1, 8, 8), logits[0, 0], CLASSES, [1, 4, 20], axes=axes[:2])


def test_paths_have_a_key_to_their_temperatures(logits):
    _, axes = plt.subplots(1, 4)
    heat = np.geomspace(0.5, 50, 9)
    figures.paths({"a": logits[0, 0], "b": logits[0, 1]}, logits[0], CLASSES, heat, axes=axes)
    lines = {line.get_label(): line for line in axes[0].lines}
    assert lines["a"].get_ydata() == pytest.approx([measures.entropy(logits[0, :1], t).item() for t in heat])
    assert lines["ln 10: nothing said"].get_ydata()[0] == pytest.approx(np.log(10))
    assert [ax.get_title(loc="center") for ax in axes[1:]] == ["a", "b", "T"]
    assert [text.get_text() for text in axes[3].get_yticklabels()] == ["0.5", "1", "2", "4", "8", "20", "50"]


def test_the_balance_is_drawn_as_it_is_measured(logits):
    _, axes = plt.subplots(1, 2)
    z, v, labels = logits[0], logits[1], torch.arange(60) % 10
    figures.gradient_balance(z, v, labels, [1, 10, 100], weights=(1.0,), axes=axes)
    shares = {line.get_label(): line.get_ydata() for line in axes[1].lines}
    told = [measures.label_share(z, v, labels, t, hard_weight=1, soft_weight=t**-2) for t in (1, 10, 100)]
    assert shares["without T², h = 1"] == pytest.approx(told)
    sizes = {line.get_label(): line.get_ydata() for line in axes[0].lines}
    assert sizes["with T²"] / sizes["without T²"] == pytest.approx([1, 100, 10_000])


def test_the_limit_is_drawn_where_logits_are_centred_alone(logits):
    _, axes = plt.subplots(1, 2)
    pairs = {"centred": (logits[0], logits[1], True), "not": (logits[0], logits[1], False)}
    figures.hot_limit(pairs, [10, 100, 1000], colours={"centred": "C0", "not": "C1"}, axes=axes)
    assert len([line for line in axes[0].lines if line.get_label() in pairs]) == 2
    assert [line.get_label() for line in axes[1].lines if line.get_label() in pairs] == ["centred"]
    assert axes[1].texts[0].get_text().startswith("slope -")


def test_a_sweep_draws_means_and_whoever_stands_beside():
    table = pd.DataFrame({1.0: [10, 12, 14], 4.0: [4, 6, 8]})
    ax = figures.sweep({"ours": table}, colours={"ours": "C0", "labels": "C1"}, beside={"labels": [9, 10, 11]})
    assert ax.get_xscale() == "log" and [t.get_text() for t in ax.get_xticklabels()] == ["1", "4"]
    (ours,) = [c for c in ax.containers if c.get_label() == "ours"]
    assert ours.lines[0].get_ydata().tolist() == [12, 6] and ours.lines[0].get_xdata().tolist() == [1, 4]
    assert next(line for line in ax.lines if line.get_label() == "labels").get_ydata()[0] == 10
    with pytest.raises(ValueError, match="above 0"):
        figures.sweep({"ours": table.rename(columns={1.0: 0.0})}, colours={"ours": "C0"}, ax=plt.figure().subplots())
    linear = figures.sweep(
        {"ours": table.rename(columns={1.0: 0.0})}, colours={"ours": "C0"}, scale="linear", ax=plt.figure().subplots()
    )
    assert linear.get_xscale() == "linear"


def test_projections_share_one_scale_and_a_larger_net_is_not_a_wider_one():
    chance = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 3
    templates = torch.randn(3, 5, generator=chance)
    features = templates[labels] + 0.2 * torch.randn(90, 5, generator=chance)
    _, axes = plt.subplots(1, 2)
    nets = {"small": (features, templates), "ten times as large": (10 * features, 10 * templates)}
    figures.projections(nets, labels, "abc", [0, 1, 2], axes=axes)
    assert axes[0].get_xlim() == axes[1].get_xlim() == axes[0].get_ylim()
    small, large = ([line.get_xydata() for line in ax.lines if len(line.get_xydata()) == 30] for ax in axes)
    assert len(small) == 3
    for a, b in zip(small, large, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    centres = torch.stack([torch.as_tensor(points).mean(0) for points in small])
    assert torch.pdist(centres).mean() == pytest.approx(1)
    with pytest.raises(ValueError, match="no example of c"):
        figures.projections(nets, labels.clamp(max=1), "abc", [0, 1, 2], axes=axes)


def test_answers_in_a_row_are_means_of_the_nets_probabilities(logits):
    _, axes = plt.subplots(1, 2, squeeze=False)
    rows, hues = {"T = 4": {"a": (logits[0, :5], 4.0), "b": (logits[1, 0], 2.0)}}, {"a": "#ff0000", "b": "#0000ff"}
    figures.answers_in_a_row(rows, CLASSES, colours=hues, axes=axes)
    first = [bar.get_height() for bar in axes[0, 0].patches]
    assert first == pytest.approx((logits[0, :5] / 4).softmax(-1).mean(0).tolist())
    assert axes[0, 1].get_title(loc="center") == "b, T = 2"
    assert [ax.patches[0].get_facecolor() for ax in axes[0]] == [(1, 0, 0, 1), (0, 0, 1, 1)]
