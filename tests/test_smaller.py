"""Figures and explorers of networks that grow smaller: what they draw, what they carry, what they refuse."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from carried import unpacked

import kdviz as kd
from kdviz import explorers, figures


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def histories(*means):
    return [{"kl_epoch": [0.5, 1.0, 2.0], "train_kl": [kl, kl / 2, kl / 4]} for kl in means]


def test_a_discrepancy_has_a_line_a_seed_and_their_mean():
    ax = figures.discrepancy({"cut at the first step": histories(0.4, 0.8), "small net": histories(1.0)})
    drawn = [line.get_ydata().tolist() for line in ax.lines]
    np.testing.assert_allclose(drawn[2], [0.6, 0.3, 0.15])
    assert len(drawn) == 5 and ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["cut at the first step", "small net"]
    with pytest.raises(ValueError, match="'a' of histories has no train_kl"):
        figures.discrepancy({"a": [{"epoch": [1]}]}, {"a": "red"})
    with pytest.raises(ValueError, match="colours has none for 'a'"):
        figures.discrepancy({"a": histories(1.0)})


def test_groups_stand_side_by_side_around_their_setting():
    values = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    ax = figures.compression.side_by_side([4, 8], {"fair cut": values, "small net": values + 1})
    middles = {each.get_label(): each.lines[0].get_xydata() for each in ax.containers}
    assert [*middles] == ["fair cut", "small net"]
    np.testing.assert_allclose(middles["fair cut"][:, 1], [2, 4])
    np.testing.assert_allclose(middles["fair cut"][:, 0] * middles["small net"][:, 0], [16, 64])  # as far on both sides
    assert (middles["fair cut"][:, 0] < [4, 8]).all() and ax.get_xscale() == "log"
    with pytest.raises(ValueError, match="logarithmic axis and must be above 0, not 0"):
        figures.compression.side_by_side([0, 8], {"fair cut": values})
    with pytest.raises(ValueError, match="colours has none for 'a'"):
        figures.compression.side_by_side([4, 8], {"a": values})


def test_few_levels_are_bars_and_many_a_histogram():
    weights = torch.randn(500, generator=torch.Generator().manual_seed(0))
    few = kd.compression.quantised({"w": weights[:, None]}, 2)["w"]
    ax = figures.on_grid(weights, few, ax=plt.figure().add_subplot())
    (bars,) = [each for each in ax.collections if each.get_label() == "on its level"]
    tops = np.array([segment[1] for segment in bars.get_segments()])
    assert len(tops) == 3 and tops[:, 1].sum() == pytest.approx(100)
    np.testing.assert_allclose(tops[:, 0], few.unique().numpy())
    many = kd.compression.quantised({"w": weights[:, None]}, 8)["w"]
    ax = figures.on_grid(weights, many, ax=plt.figure().add_subplot())
    assert not ax.collections and len(ax.patches) == 2


def test_weights_in_full_precision_look_the_same_beside_whatever_is_rounded():
    weights = torch.randn(500, generator=torch.Generator().manual_seed(0))
    highest = []
    for rounded in (weights.sign(), 1.7 * weights.abs().max() * weights.sign(), torch.zeros(500)):
        ax = figures.on_grid(weights, rounded, ax=plt.figure().add_subplot())
        heights, edges, _ = ax.patches[0].get_data()
        assert heights.sum() == pytest.approx(100) and edges[0] <= min(rounded.min(), weights.min())
        highest.append(heights.max())
    assert highest == pytest.approx([highest[0]] * 3)


def test_groups_by_bits_stand_side_by_side_and_none_hides_another():
    same = torch.tensor([[40.0, 5.0], [50.0, 6.0], [60.0, 7.0]])
    names = ("trained rounded, on labels", "trained rounded, on its old self")
    ax = figures.compression.by_bits([2, 8], dict.fromkeys(names, same), ax=plt.figure().add_subplot())
    drawn = [bars.lines[0] for bars in ax.containers]
    assert [line.get_ydata().tolist() for line in drawn] == [[50, 6], [50, 6]]
    first, second = (np.array(line.get_xdata(), dtype=float) for line in drawn)
    np.testing.assert_allclose(second - first, 0.07)
    np.testing.assert_allclose((first + second) / 2, [2, 8])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["2", "8"] and ax.get_yscale() == "log"
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        *names
    ] and "95 % interval" in legend.get_title().get_text()


def test_ticks_are_plain_numbers():
    ax = plt.figure().add_subplot()
    ax.plot([1, 8], [3, 60])
    ax.set(yscale="log", ylim=(2.5, 70))
    figures.compression.plain_ticks(ax, [1, 2, 8])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "2", "8"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["5", "10", "20", "50"]


def test_ticks_of_a_linear_y_stay():
    ax = plt.figure().add_subplot()
    ax.plot([13, 52], [70, 95])
    ax.set(xscale="log")
    before = ax.get_yticks().tolist()
    figures.compression.plain_ticks(ax, [13, 26, 52])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["13", "26", "52"]
    assert ax.get_yticks().tolist() == before and not ax.get_xticks(minor=True).size


def test_layers_are_as_wide_as_they_are():
    ax = figures.layers({"whole": [40, 30], "cut": [8, 6]}, {"whole": "blue", "cut": "red"}, [40, 30])
    widths = [patch.get_width() for patch in ax.patches]
    assert widths == [40, 40, 30, 30, 40, 8, 30, 6]
    assert [text.get_text() for text in ax.texts] == ["40", "30", "8", "6"]


@pytest.fixture
def pruned():
    right = {"sensitivity": [[0.9, 0.92], [0.8, 0.84]], "random": [[0.85, 0.87], [0.6, 0.7]]}
    told = {name: [histories(0.1, 0.2), histories(0.3, 0.4)] for name in right}
    return explorers.pruned([64, 64], [16, 8], right, told, 0.95, score="sensitivity", shown=8)


def test_the_explorer_of_pruning_carries_curves_and_shares(pruned):
    assert pruned.state == {"score": "sensitivity", "left_in_each": 8}
    assert pruned.data["right"]["random"] == [[0.85, 0.87], [0.6, 0.7]]
    assert pruned.data["curves"]["random"][1][0] == {"epoch": [0.5, 1.0, 2.0], "kl": [0.3, 0.15, 0.075]}
    assert pruned.picture().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="it opens at one of a and of"):
        explorers.pruned([4], [2], {"a": [[0.5]]}, {"a": [histories(1.0)]}, 0.9, score="b", shown=2)
    with pytest.raises(ValueError, match="needs histories of 1 sizes"):
        explorers.pruned([4], [2], {"a": [[0.5]]}, {"a": []}, 0.9, score="a", shown=2)
    with pytest.raises(ValueError, match="without train_kl"):
        explorers.pruned([4], [2], {"a": [[0.5]]}, {"a": [[{"epoch": [1]}]]}, 0.9, score="a", shown=2)


def test_a_long_curve_is_thinned_and_keeps_its_peak_and_its_end():
    kl = [1.0] * 500
    kl[333], kl[-1] = 7.0, 0.5
    told = {"a": [[{"kl_epoch": list(range(500)), "train_kl": kl}]]}
    curve = explorers.pruned([4], [2], {"a": [[0.5]]}, told, 0.9, score="a", shown=2).data["curves"]["a"][0][0]
    assert len(curve["kl"]) <= 62 and max(curve["kl"]) == 7.0 and curve["kl"][-1] == 0.5
    assert curve["epoch"][curve["kl"].index(7.0)] == 333


def test_the_explorer_of_rounding_carries_grids_and_answers():
    data = kd.load("digits")
    weights = torch.randn(30, 20, generator=torch.Generator().manual_seed(0))
    whole = data.test.labels[:40]
    nets = {
        name: {b: (kd.compression.quantised({"w": weights}, b)["w"], (whole + (b < 2)) % 10) for b in (1, 2, 4)}
        for name in ("rounded after training", "trained rounded, on labels")
    }
    images, labels, classes = data.test.images[:40], data.test.labels[:40], data.classes
    said = {"scheme": "rounded after training", "bits": 2}
    explorer = explorers.rounded(weights, nets, whole, images, labels, classes, **said)
    told = explorer.data["nets"]["rounded after training"]
    assert [told[b]["levels"] for b in "12"] == [2, 3] and 8 < told["4"]["levels"] <= 15
    shares = told["2"]["shares"]
    assert sum(shares) == pytest.approx(100, abs=1) and sum(share > 0 for share in shares) == 3
    np.testing.assert_array_equal(unpacked(explorer.data["answers"]["rounded after training"]["1"]), (whole + 1) % 10)
    assert explorer.picture().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"of \[1, 2, 4\] bits, not at 'rounded after training', 3"):
        explorers.rounded(weights, nets, whole, images, labels, classes, **said | {"bits": 3})
    nets["trained rounded, on labels"].pop(4)
    with pytest.raises(ValueError, match="the same numbers of bits"):
        explorers.rounded(weights, nets, whole, images, labels, classes, **said)
