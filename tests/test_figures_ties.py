"""Notebook 03's figures: where losses attach, a pair's clouds to one scale, a temperature beside a control."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from kdviz import explorers, figures, measures

Z = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
Y = torch.arange(300) % 4
NAMES = ["a", "b", "c", "d"]


def texts(ax):
    return " ".join(text.get_text().replace("\n", " ") for text in ax.texts)


def test_attachments_name_every_loss_and_both_sizes():
    ax = figures.attachments({"teacher": 12345, "student": 678}, ax=plt.subplots()[1])
    said = texts(ax)
    for name in ("attention transfer", "hints", "CRD", "soft targets", "DIST", "labels", "12,345", "678"):
        assert name in said
    with pytest.raises(ValueError, match="teacher"):
        figures.attachments({"teacher": 1, "pupil": 2})
    with pytest.raises(ValueError, match="whole"):
        figures.attachments({"teacher": 1.5, "student": 2})


def test_attachments_draw_crd_at_the_features_and_soft_targets_at_the_softmax():
    ax = figures.attachments({"teacher": 5, "student": 3}, ax=plt.subplots()[1])
    at = {}
    for arrow in ax.texts:
        if getattr(arrow, "arrow_patch", None) is not None and abs(arrow.xy[1] - arrow.xyann[1]) > 1:
            at.setdefault(arrow.arrow_patch.get_edgecolor(), []).append(round(arrow.xy[0]))
    colour = lambda name: plt.matplotlib.colors.to_rgba(figures.COLOURS[name])  # noqa: E731
    assert at[colour("CRD")] == [3] and at[colour("soft targets")] == [5] and at[colour("DIST")] == [5]
    assert at[colour("attention transfer")] == [1, 2] and at[colour("hints")] == [2]


def test_clouds_of_a_pair_have_one_scale_and_say_the_r_of_all_examples():
    axes = plt.subplots(1, 2)[1]
    figures.pair_clouds({"teacher": Z, "student": 3 * Z}, Y, (0, 2), NAMES, axes=axes, most=100)
    assert axes[0].get_xlim() == axes[1].get_xlim() == axes[0].get_ylim()
    r = measures.logit_correlation(Z, center=True)[0, 2].item()
    for ax, name in zip(axes, ("teacher", "student"), strict=True):
        assert ax.get_title(loc="center") == f"{name}: r = {r:+.2f}".replace("-", "−")
        drawn = np.concatenate([line.get_xdata() for line in ax.lines])
        assert len(drawn) == 100 and axes[0].get_xlim()[0] < drawn.min()
    with pytest.raises(ValueError, match="two classes"):
        figures.pair_clouds({"teacher": Z}, Y, (1, 1), NAMES, axes=axes[:1])


def test_turned_draws_the_controls_interval_behind_the_means():
    values = torch.tensor([[3.0, 2.0, 1.0], [5.0, 2.0, 2.0]])
    ax = figures.turned([1, 2, 4], values, [2.0, 4.0, 3.0], ax=plt.subplots()[1])
    mean, half = measures.mean_and_interval([2.0, 4.0, 3.0])
    (band,) = ax.patches
    assert [band.get_y(), band.get_y() + band.get_height()] == pytest.approx([mean - half, mean + half])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "4"]
    assert [4.0, 2.0, 1.5] in [list(line.get_ydata()) for line in ax.lines]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        *(f"{name}, 95 % interval" for name in ("hard labels", "soft targets")),
        "one seed",
    ]
    with pytest.raises(ValueError, match="S"):
        figures.turned([1, 2], values, [2.0], ax=ax)


def test_class_groups_cut_the_tree():
    z = torch.randn(500, 2, generator=torch.Generator().manual_seed(1))[:, [0, 0, 0, 1, 1]]
    r = torch.corrcoef((z + 0.2 * torch.randn(500, 5, generator=torch.Generator().manual_seed(2))).T)
    assert [sorted(group) for group in measures.class_groups(r, 2)] == [[0, 1, 2], [3, 4]]
    assert sorted(c for group in measures.class_groups(r, 5) for c in group) == list(range(5))
    (all_,) = measures.class_groups(r, 1)
    assert all_[0] == r.mean(-1).argmax()
    with pytest.raises(ValueError, match="1 to 5 groups"):
        measures.class_groups(r, 6)


def test_the_explorer_starts_at_the_pair_it_is_given():
    r = [torch.corrcoef(Z.T)]
    made = {"raw": {"teacher": r, "labels": r}}
    images = torch.zeros(300, 1, 4, 4)
    view = explorers.correlations(made, lambda name, seed: (Y + 1) % 4, images, Y, NAMES, pair=(3, 1))
    assert (view.state["first"], view.state["second"]) == (3, 1)
    (strongest,) = measures.strongest_pairs(r[0], 1)
    view = explorers.correlations(made, lambda name, seed: (Y + 1) % 4, images, Y, NAMES)
    assert (view.state["first"], view.state["second"]) == strongest
    with pytest.raises(ValueError, match="two classes"):
        explorers.correlations(made, lambda name, seed: (Y + 1) % 4, images, Y, NAMES, pair=(2, 2))
