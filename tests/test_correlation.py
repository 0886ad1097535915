"""Which classes' logits go together: measures, figures by their artists, what the explorer carries."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from carried import unpacked
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from kdviz import explorers, figures, measures

CLASSES = ("coat", "boot", "shirt", "sandal", "bag", "dress")
METHODS = ("hard labels", "CRD")


def correlation(classes=6, seed=0):
    logits = torch.randn(50, classes, generator=torch.Generator().manual_seed(seed))
    return measures.logit_correlation(logits)


# Two families, {0, 2} and {1, 3}; of all four ends, 2 and 3 are the closest.
FAMILIES = torch.tensor([[1.0, -0.5, 0.9, 0.0], [-0.5, 1.0, 0.1, 0.8], [0.9, 0.1, 1.0, 0.4], [0.0, 0.8, 0.4, 1.0]])


def test_mean_off_diagonal_leaves_the_diagonal_out():
    assert measures.mean_off_diagonal(torch.tensor([[7.0, 0.5], [-0.25, 7.0]])) == 0.375
    matrix = correlation().numpy()
    reference = (np.abs(matrix).sum() - 6) / 30
    assert measures.mean_off_diagonal(matrix) == pytest.approx(reference)


def test_the_strongest_pairs_are_the_largest_entries():
    assert measures.strongest_pairs(FAMILIES, 3) == [(0, 2), (1, 3), (2, 3)]
    matrix = correlation().numpy()
    reference = sorted(itertools.combinations(range(6), 2), key=lambda pair: -matrix[pair])
    assert measures.strongest_pairs(matrix, 15) == reference


def leaf_orders(linkage, node):
    """Every order of the leaves that a tree allows: each join may be flipped."""
    size = len(linkage) + 1
    if node < size:
        return [[int(node)]]
    left, right = (leaf_orders(linkage, int(child)) for child in linkage[int(node) - size, :2])
    return [order for a in left for b in right for order in (a + b, b + a)]


def test_families_stand_side_by_side():
    assert measures.class_order(FAMILIES) in ([0, 2, 3, 1], [1, 3, 2, 0])
    heights = measures.class_linkage(FAMILIES)[:, 2]
    np.testing.assert_allclose(heights, [0.1, 0.2, np.mean([1.5, 1.0, 0.9, 0.6])], atol=1e-7)


def test_branches_are_turned_so_that_like_classes_meet():
    found, plain = 0.0, 0.0
    for seed in range(20):
        matrix = correlation(7, seed)
        order, apart = measures.class_order(matrix), 1 - matrix.numpy()
        assert order in leaf_orders(measures.class_linkage(matrix), 12)
        unturned = hierarchy.leaves_list(hierarchy.linkage(squareform(apart, checks=False), "average"))
        found, plain = found + apart[order[:-1], order[1:]].sum(), plain + apart[unturned[:-1], unturned[1:]].sum()
    assert found < plain


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: measures.mean_off_diagonal(torch.zeros(2, 3)), "must have shape"),
        (lambda: measures.mean_off_diagonal(torch.ones(1, 1)), "at least two classes"),
        (lambda: measures.mean_off_diagonal(torch.tensor([[1, torch.nan], [0, 1]])), "not finite"),
        (lambda: measures.strongest_pairs(torch.tensor([[1.0, 0.2], [0.3, 1.0]]), 1), "not symmetric"),
        (lambda: measures.strongest_pairs(FAMILIES, 7), "have 6 pairs: ask for 1 to 6, not 7"),
        (lambda: measures.strongest_pairs(FAMILIES, 0), "not 0"),
        (lambda: measures.class_order(FAMILIES - FAMILIES), "not a difference of two"),
        (lambda: measures.class_linkage(FAMILIES * torch.nan), "not finite"),
    ],
)
def test_what_is_no_correlation_is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        wrong()


def test_a_heat_map_is_white_at_zero_and_in_the_order_asked():
    matrix, order = correlation(), [5, 3, 1, 0, 2, 4]
    ax = figures.heat_map(matrix, CLASSES, order=order, limit=0.4, ax=plt.subplots()[1])
    (image,) = ax.images
    np.testing.assert_allclose(image.get_array(), matrix.numpy()[np.ix_(order, order)])
    assert image.get_clim() == (-0.4, 0.4)
    assert min(image.to_rgba(np.zeros((1, 1)))[0, 0]) > 0.95
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        assert [label.get_text() for label in labels] == [CLASSES[row] for row in order]


def test_many_classes_are_counted_instead_of_named():
    named = figures.heat_map(correlation(20), [f"class {c}" for c in range(20)], ax=plt.subplots()[1])
    assert len(named.get_yticklabels()) == 20
    counted = figures.heat_map(correlation(21), [f"class {c}" for c in range(21)], ax=plt.subplots()[1])
    assert list(counted.get_xticks()) == list(counted.get_yticks()) == []
    assert counted.get_xlabel() == "21 classes"


def test_maps_share_a_bar_only_when_they_share_a_limit():
    fig, axes = plt.subplots(1, 2)
    for ax in axes:
        figures.heat_map(correlation(), limit=0.3, ax=ax)
    bar = figures.shared_bar(axes, "r")
    assert (bar.vmin, bar.vmax) == (-0.3, 0.3) and bar.ax.get_ylabel() == "r"
    fig.canvas.draw()
    assert bar.ax.get_position().height == pytest.approx(axes[1].get_position().height)
    figures.heat_map(correlation(), limit=0.5, ax=axes[0]).images[0].remove()
    with pytest.raises(ValueError, match="cannot share a bar"):
        figures.shared_bar(axes, "r")


def test_the_tree_reads_from_the_top_like_the_map():
    ax = figures.class_tree(correlation(), CLASSES, ax=plt.subplots()[1])
    assert ax.yaxis_inverted() and not ax.xaxis_inverted()
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        CLASSES[row] for row in measures.class_order(correlation())
    ]
    joins = [path.vertices[:, 0].max() for lines in ax.collections for path in lines.get_paths()]
    np.testing.assert_allclose(sorted(joins), measures.class_linkage(correlation())[:, 2])


def test_the_names_of_many_classes_do_not_touch():
    fig, ax = plt.subplots(figsize=(6, 7))
    figures.class_tree(correlation(77), [f"a_rather_long_name_of_class_{c}" for c in range(77)], ax=ax)
    fig.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]  # bottom of the page last
    assert len(boxes) == 77 and all(above.y0 >= below.y1 for above, below in itertools.pairwise(boxes))


@pytest.mark.parametrize("center", [True, False])
def test_a_scatter_shows_every_example_and_the_r_they_make(center):
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(60, 6, generator=generator) + 3 * torch.randn(60, 1, generator=generator)
    labels = torch.arange(6).repeat(10)
    ax = figures.pair_scatter(logits, labels, (4, 1), CLASSES, center=center, ax=plt.subplots()[1])
    values = logits.double()
    values = (values - values.mean(-1, keepdim=True) if center else values).numpy()
    drawn = {line.get_label(): np.array(line.get_data()).T for line in ax.lines}
    np.testing.assert_allclose(drawn["bag"], values[labels == 4][:, [4, 1]])
    np.testing.assert_allclose(drawn["boot"], values[labels == 1][:, [4, 1]])
    assert sum(len(line.get_xdata()) for line in ax.lines) == 60
    r = np.corrcoef(values[:, 4], values[:, 1])[0, 1]
    assert ax.get_legend().get_title().get_text() == f"r = {r:+.2f}"
    assert ("centred" in ax.get_xlabel()) is center


def test_ties_show_every_seed_and_ring_the_one_chosen():
    values = {"hard labels": [0.1, 0.2, 0.3, 0.4], "CRD": [-0.5, -0.6, -0.7, -0.6]}
    ax = figures.ties(values, [0.5, 0.7, 0.9], seed=3, ax=plt.subplots()[1])
    dots = [line.get_xdata().tolist() for line in ax.lines if len(line.get_xdata()) > 2]
    assert dots == [[0.5, 0.7, 0.9], *values.values()]
    rings = [line.get_xdata()[0] for line in ax.lines if line.get_markersize() == 10]
    assert rings == [0.5, 0.4, -0.6]  # the fourth seed learnt from the first teacher
    assert [text.get_text() for text in ax.texts] == ["+0.70", "+0.25", "−0.60"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["teacher", *values]


def test_methods_have_colours_of_their_own():
    names = ["teacher", "hard labels", "soft targets", "hints", "attention transfer", "CRD"]
    assert len({figures.COLOURS[name] for name in names}) == len(names)
    assert figures.COLOURS["soft targets"] == figures.COLOURS["student"]


def test_sentences_and_answers_are_shortened_and_dollars_are_no_formula():
    texts = ["Why was I charged  $1 and then $2?", "word " * 100]
    answers = {"teacher": [("fee", True), ("card", False)], "student": [("card" * 10, False), ("fee", True)]}
    ax = figures.sentences(texts, answers, width=50, ax=plt.subplots()[1])
    first, _, long_answer, second, teacher, student = ax.texts
    assert first.get_text() == "Why was I charged $1 and then $2?"
    assert second.get_text().count("\n") == 1 and second.get_text().endswith(" …")
    assert long_answer.get_text() == "student: " + "card" * 6 + "…"
    assert (teacher.get_text(), student.get_text()) == ("teacher: card", "student: fee")
    assert teacher.get_color() == figures.COLOURS["wrong"] and student.get_color() == figures.COLOURS["right"]
    assert not any(text.get_parse_math() for text in ax.texts)


LABELS = torch.arange(6).repeat(10)


def confused(pair):
    """Labels, with the last three of the first class taken for the second."""
    answer = LABELS.clone()
    answer[(pair[0] == LABELS).nonzero().squeeze(1)[-3:]] = pair[1]
    return answer


@pytest.mark.parametrize("texts", [False, True])
def test_the_mistaken_come_first_and_are_counted(texts):
    examples = (
        [f"example {i}" for i in range(60)]
        if texts
        else torch.arange(60.0).reshape(60, 1, 1, 1).expand(60, 1, 2, 2) / 60
    )
    ax = figures.mistaken((2, 5), LABELS, confused((2, 5)), examples, LABELS, CLASSES, ax=plt.subplots()[1])
    title = ax.get_title(loc="left") or ax.get_title()
    assert title == "shirt: of 10, the teacher takes 0 for dress, the student 3"
    if texts:
        assert [text.get_text() for text in ax.texts[::3]] == ["example 44", "example 50", "example 56"]
        assert [text.get_text() for text in ax.texts[1:3]] == ["teacher: shirt", "student: dress"]
        return
    shown = [round(60 * float(image.get_array().max())) for image in ax.images]
    assert shown == [44, 50, 56, 2, 8, 14]
    taught, answered = ax.texts[:6], ax.texts[6:]
    assert [text.get_text() for text in taught] == ["shirt"] * 6
    assert [text.get_text() for text in answered] == ["dress"] * 3 + ["shirt"] * 3
    assert [to_hex(text.get_color()).upper() for text in answered[2:4]] == [
        figures.COLOURS["wrong"],
        figures.COLOURS["right"],
    ]


def test_a_class_without_examples_is_an_empty_row():
    some = LABELS != 2
    ax = figures.mistaken((2, 5), *[LABELS[some]] * 2, torch.rand(50, 1, 8, 8), LABELS[some], CLASSES)
    assert not ax.images and "shirt: of 0" in ax.get_title(loc="left") + ax.get_title()


def matrices_of(classes=6):
    """Two teachers and three students of each method."""
    return {
        kind: {
            name: [correlation(classes, 100 * i + 10 * j + s) for s in range(2 if name == "teacher" else 3)]
            for j, name in enumerate(("teacher", *METHODS))
        }
        for i, kind in enumerate(("centred", "raw"))
    }


NETWORKS = [("teacher", 0), ("teacher", 1), *itertools.product(METHODS, range(3))]
PREDICTED = {
    network: torch.randint(6, (60,), generator=torch.Generator().manual_seed(i + 20))
    for i, network in enumerate(NETWORKS)
}


def predictions(name, seed):
    return PREDICTED[name, seed]


@pytest.fixture(params=["images", "texts"])
def explorer(request):
    examples = torch.rand(60, 1, 8, 16) if request.param == "images" else [f"Is this ${i} or ${i}?" for i in range(60)]
    return explorers.correlations(matrices_of(), predictions, examples, LABELS, CLASSES)


def test_the_strongest_tie_is_shown_first_and_the_picture_follows(explorer):
    pair = explorer.state["first"], explorer.state["second"]
    assert [pair] == measures.strongest_pairs(matrices_of()["centred"]["teacher"][0], 1)
    pictures = [explorer.picture()]
    for name, value in {"matrix": "raw", "method": "CRD", "seed": 2, "first": 3, "second": 4}.items():
        assert explorer.state[name] != value
        explorer.choose(**{name: value})
        pictures.append(explorer.picture())
    assert len(set(pictures)) == 6


def drawn(explorer):
    with plt.style.context(figures.STYLE):
        figure = Figure(explorer.size)
        explorer.still(figure, **explorer.state)
        FigureCanvasAgg(figure).draw()
    return figure


def test_student_and_teacher_of_a_seed_are_compared(explorer):
    explorer.choose(matrix="raw", method="CRD", seed=2, first=3, second=4)
    figure, matrices = drawn(explorer), matrices_of()
    left = figure.subfigs[0].axes[0]
    order = measures.class_order(matrices["centred"]["teacher"][0])
    difference = (
        matrices["raw"]["teacher"][0] - matrices["raw"]["CRD"][2]
    )  # two teachers: the third student has the first
    np.testing.assert_allclose(left.images[0].get_array(), difference[order][:, order])
    most = max(
        (matrices["raw"]["teacher"][s % 2] - matrices["raw"][m][s]).abs().max() for m in METHODS for s in range(3)
    )
    assert left.images[0].get_clim()[1] == pytest.approx(most.item())
    ring = left.lines[0].get_xydata()[0].tolist()
    assert ring == [order.index(4), order.index(3)]
    assert f"{measures.mean_off_diagonal(difference):.3f}" in left.get_title(loc="left")
    for ax, own, other in zip(figure.subfigs[1].subfigs[1].axes, (3, 4), (4, 3), strict=True):
        taught, answered = (
            (each[own == LABELS] == other).sum() for each in (PREDICTED["teacher", 0], PREDICTED["CRD", 2])
        )
        said = f"{CLASSES[own]}: of 10, the teacher takes {taught} for {CLASSES[other]}, the student {answered}"
        assert ax.get_title(loc="left") == said and taught != answered


def test_a_class_is_not_tied_to_itself(explorer):
    explorer.choose(first=explorer.state["second"])
    assert [text.get_text() for text in drawn(explorer).subfigs[1].texts] == [
        "A tie is between two classes: choose another."
    ]


def test_the_page_carries_each_tie_and_who_mistakes_what(explorer):
    data, matrices = explorer.data, matrices_of()
    below = np.tril_indices(6, -1)
    for kind, of in matrices.items():
        expected = [
            each.numpy()[below] for name, _ in [("teacher", 0), *((m, 0) for m in METHODS)] for each in of[name]
        ]
        np.testing.assert_allclose(unpacked(data["kinds"][kind]), np.stack(expected), atol=1e-7)
    wrong = {
        (own, other) for net in PREDICTED.values() for own, other in zip(LABELS.tolist(), net.tolist(), strict=True)
    }
    assert set(data["confused"]) == {f"{own},{other}" for own, other in wrong if own != other}
    rows = [torch.stack([*PREDICTED.values()])[:, row].tolist() for row in range(60)]
    for pair, found in data["confused"].items():
        own, other = map(int, pair.split(","))
        assert found["by"] == [int(((net == other) & (own == LABELS)).sum()) for net in PREDICTED.values()]
        for example in found["examples"]:
            assert example["by"] in rows and other in example["by"]


def test_methods_of_unequal_seeds_are_refused():
    matrices = matrices_of()
    matrices["raw"]["CRD"].pop()
    with pytest.raises(ValueError, match=r"as many seeds as the others, not \[2, 3\]"):
        explorers.correlations(matrices, predictions, [""] * 60, LABELS, CLASSES)


def test_long_names_stay_within_the_picture():
    names = [f"balance_not_updated_after_cheque_or_deposit_no_{c}" for c in range(40)]
    texts = ["What became of the three cheques that were paid in on Monday, and of the fee of £4? " * 3] * 60
    explorer = explorers.correlations(matrices_of(40), predictions, texts, LABELS, names)
    explorer.choose(first=0, second=5)
    for part in drawn(explorer).subfigs:
        used, room = part.get_tightbbox(), part.bbox  # pixels
        assert len(part.findobj(Text)) > 5
        assert room.x0 <= used.x0 < used.x1 <= room.x1 and room.y0 <= used.y0 < used.y1 <= room.y1


def test_heat_maps_share_the_largest_number_and_a_bar():
    axes = plt.subplots(1, 2)[1]
    maps = {"a": torch.tensor([[0.0, 0.2], [0.2, 0.0]]), "b": torch.tensor([[0.0, -0.7], [-0.7, 0.0]])}
    drawn = figures.heat_maps(maps, ["x", "y"], label="r", order=[1, 0], axes=axes)
    assert [ax.get_title() for ax in drawn] == ["a", "b"]
    assert [ax.images[0].get_clim() for ax in drawn] == [pytest.approx((-0.7, 0.7))] * 2
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["y", "x"]
    (bar,) = axes[1].child_axes
    assert bar.get_ylabel() == "r" and not axes[0].child_axes
    with pytest.raises(ValueError):
        figures.heat_maps(maps, label="r", axes=axes[:1])
