"""Specialists: their data, their first weights, groups without labels, and one answer of several nets."""

import math

import matplotlib.figure
import matplotlib.pyplot as plt
import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook
from torch import nn
from torch.testing import assert_close

import kdviz as kd
from kdviz.measures import (
    confused_groups,
    prediction_covariance,
    random_groups,
    with_specialists,
    without_oversampling,
)
from kdviz.objectives import SpecialistTargets
from kdviz.publish import reference
from kdviz.recipes import describe
from kdviz.runs import Run, asked
from kdviz.training.schedule import InTurn, Order

GROUP = [8, 3, 5]


@pytest.fixture(scope="module")
def digits():
    return kd.load("digits")


@pytest.fixture(scope="module")
def generalist(digits):
    return kd.Recipe(digits, kd.mlp(20), kd.HardLabels(), epochs=4, batch_size=50, learning_rate=5e-3)


@pytest.fixture(scope="module")
def specialist(digits, generalist):
    return generalist.replace(data=digits.specialise(GROUP).description, init=generalist, new_head=True, epochs=3)


def test_specialise_gives_the_rest_one_label(digits):
    data = digits.take(500, seed=1).specialise(GROUP)
    assert data.classes == ("3", "5", "8", "the rest") and data.description.group == (3, 5, 8)
    for split, was in ((data.train, digits.full_train.labels[data.rows]), (data.test, digits.test.labels)):
        assert [sorted({*was[split.labels == new].tolist()}) for new in range(4)] == [
            [3],
            [5],
            [8],
            [0, 1, 2, 4, 6, 7, 9],
        ]
    assert data.own_share == pytest.approx(
        torch.isin(digits.take(500, seed=1).train.labels, torch.tensor(GROUP)).double().mean()
    )
    assert digits.own_share == 1 and digits.classes == tuple("0123456789")


def test_held_out_examples_have_a_specialists_labels_too(digits):
    data = digits.split(200, seed=0).specialise(["3", "5"])
    assert len(data.test) == 200 and {*data.test.labels.tolist()} == {0, 1, 2}


def test_specialise_is_the_last_verb(digits):
    with pytest.raises(ValueError, match="no take after specialise"):
        digits.specialise(GROUP).take(100, seed=0)
    with pytest.raises(ValueError, match="no specialise after specialise"):
        digits.specialise(GROUP).specialise([0])


def test_a_specialist_needs_examples_of_both_kinds(digits, specialist):
    for data in (digits.only(GROUP).specialise(GROUP), digits.without(GROUP).specialise(GROUP)):
        with pytest.raises(ValueError, match="both need examples"):
            kd.train(specialist.replace(data=data.description, init=None, new_head=False), store=None)


@pytest.mark.parametrize("batch", [50, 7])
def test_half_of_each_batch_is_of_its_own_classes(batch):
    own, rest = torch.arange(30), torch.arange(100, 300)
    order = InTurn((own, rest), seed=0)
    taken = [order.take(batch) for _ in range(40)]
    shares = [(rows < 100).sum().item() for rows in taken]
    assert {*shares} <= {batch // 2, batch - batch // 2} and sum(shares) == 20 * batch
    mine = torch.cat(taken)[torch.cat(taken) < 100]
    assert sorted(mine[:30].tolist()) == own.tolist() and mine[:30].tolist() != own.tolist()  # each once, in an order
    assert torch.equal(InTurn((rest,), seed=0).take(50), Order(rest, 0).take(50))


def test_a_new_head_and_the_rest_of_inits_network(digits, generalist, specialist):
    still = specialist.replace(learning_rate=1e-12, weight_decay=0)
    before, after = (
        run.network().state_dict() for run in (kd.train(generalist, store=None), kd.train(still, store=None))
    )
    assert after["head.weight"].shape == (4, 20)
    assert_close(after["trunk.2.weight"], before["trunk.2.weight"])
    assert kd.train(specialist, store=None).logits().shape == (797, 4)


def body(classes):
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, 2), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(27, 6), nn.Linear(6, classes)
    )


def test_a_network_of_ones_own_keeps_all_but_its_last_linear_layer(digits, generalist, specialist):
    first = generalist.replace(model=kd.network(body, 10))
    other = specialist.replace(model=kd.network(body, 4), init=first, learning_rate=1e-12, weight_decay=0)
    before, after = (kd.train(each, store=None).network().state_dict() for each in (first, other))
    kept = [name for name in before if not name.startswith("module.4") and "running" not in name and "num" not in name]
    assert len(kept) == 6 and after["module.4.weight"].shape == (4, 6)
    for name in kept:
        assert_close(after[name], before[name])
    probe = first.replace(init=first, frozen=True, seed=1)  # a probe trains that layer alone
    probed = kd.train(probe, store=None).network().state_dict()
    assert torch.equal(probed["module.3.weight"], before["module.3.weight"])
    assert not torch.allclose(probed["module.4.weight"], before["module.4.weight"])


def test_what_does_not_fit_is_said(digits, generalist, specialist):
    with pytest.raises(ValueError, match="new_head takes all of init's network"):
        generalist.replace(new_head=True)
    with pytest.raises(ValueError, match="give init, and not frozen"):
        generalist.replace(init=generalist, frozen=True, new_head=True)
    with pytest.raises(ValueError, match="layers or classes of other shapes"):
        kd.train(specialist.replace(model=kd.mlp(30)), store=None)
    with pytest.raises(ValueError, match="layers or classes of other shapes"):
        kd.train(specialist.replace(init=generalist, new_head=False), store=None)
    flat = kd.network(nn.Flatten)
    with pytest.raises(ValueError, match="no linear layer"):
        kd.train(generalist.replace(model=flat, init=generalist, new_head=True), store=None)


def test_the_key_changes_with_new_head_alone(generalist, specialist):
    assert "new_head" not in describe(generalist) and describe(specialist)["new_head"] is True
    assert "a new last layer" in str(specialist)
    assert kd.recipes.restored(describe(specialist)).key == specialist.key


# The answer of several nets


def test_one_specialist_has_a_closed_form():
    """On its classes the mean of both; the mean mass of the rest, shared out as the generalist does."""
    own = torch.tensor([[0.05, 0.05, 0.05, 0.30, 0.35, 0.20]], dtype=torch.float64)
    theirs = torch.tensor([[0.80, 0.10, 0.05, 0.05]], dtype=torch.float64)
    found = with_specialists(own.log(), [theirs.log()], [[3, 4, 5]], top=1).exp()
    wanted = [*[(0.15 + 0.05) / 2 / 3] * 3, (0.3 + 0.8) / 2, (0.35 + 0.1) / 2, (0.2 + 0.05) / 2]
    assert_close(found, torch.tensor([wanted], dtype=torch.float64))


def drawn(n=12, classes=7, groups=((0, 1, 2), (2, 3), (4, 5, 0)), seed=0):
    generator = torch.Generator().manual_seed(seed)
    own = 3 * torch.randn(n, classes, generator=generator, dtype=torch.float64)
    others = [3 * torch.randn(n, len(group) + 1, generator=generator, dtype=torch.float64) for group in groups]
    return own, others, [list(group) for group in groups]


def total(log_q, own, others, groups):
    """KL(p_g, q) + Σ KL(p_m, q_m) of each example, in plain sums."""
    q, p = log_q.exp(), own.softmax(-1)
    sums = (p * (p.log() - log_q)).sum(-1)
    for logits, group in zip(others, groups, strict=True):
        p, mine = logits.softmax(-1), q[:, group]
        both = torch.cat([mine, (1 - mine.sum(-1, keepdim=True)).clamp(min=1e-300)], -1)
        sums = sums + (p * (p.log() - both.log())).sum(-1)
    return sums


def test_several_specialists_are_combined_as_a_plain_optimiser_does():
    own, others, groups = drawn()
    z = torch.zeros_like(own, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [z], max_iter=2000, tolerance_grad=1e-10, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        loss = total(z.log_softmax(-1), own, others, groups).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    found = with_specialists(own, others, groups, top=None)
    assert_close(found.exp(), z.detach().softmax(-1), atol=1e-5, rtol=0)
    assert (total(found, own, others, groups) <= total(z.detach().log_softmax(-1), own, others, groups) + 1e-6).all()


def test_only_specialists_of_the_first_answer_are_asked():
    own, others, groups = drawn(n=40)
    first = own.argmax(-1)
    found = with_specialists(own, others, groups)
    none = ~torch.isin(first, torch.tensor([0, 1, 2, 3, 4, 5]))
    assert none.any() and torch.equal(found[none], own.log_softmax(-1)[none])
    for row in (first == 1).nonzero().flatten():  # of the first alone
        alone = with_specialists(own[row : row + 1], [others[0][row : row + 1]], [groups[0]], top=None)
        assert_close(found[row : row + 1], alone)
    assert_close(with_specialists(own, others, groups, top=7), with_specialists(own, others, groups, top=None))
    assert_close(found.exp().sum(-1), torch.ones(40, dtype=torch.float64))


def test_a_generalist_that_rules_a_class_out_keeps_numbers_finite():
    own = torch.tensor([[900.0, 0.0, -900.0]], dtype=torch.float64)
    found = with_specialists(own, [torch.tensor([[-50.0, 0.0]])], [[0]])
    assert_close(found.exp()[0, :2], torch.tensor([0.5, 0.5], dtype=torch.float64), atol=1e-9, rtol=0)


@pytest.mark.parametrize(
    ("others", "groups", "said"),
    [
        ([torch.zeros(3, 3) + torch.arange(3.0)], [], "1 specialists need as many groups"),
        ([torch.randn(3, 4)], [[0, 1]], r"logits of shape \(3, 3\)"),
        ([torch.randn(2, 3)], [[0, 1]], r"logits of shape \(3, 3\)"),
        ([torch.randn(3, 3)], [[0, 0]], "each once"),
        ([torch.randn(3, 3)], [[0, 9]], r"some of the classes 0\.\.4"),
        ([torch.randn(3, 6)], [[0, 1, 2, 3, 4]], "some of the classes"),
    ],
)
def test_specialists_that_do_not_fit_are_said(others, groups, said):
    with pytest.raises(ValueError, match=said):
        with_specialists(torch.randn(3, 5, generator=torch.Generator().manual_seed(0)), others, groups)


def test_the_rest_is_raised_by_the_odds_it_was_shown_too_seldom():
    logits = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    found = without_oversampling(logits, 0.3)
    assert torch.equal(found[:, :3], logits[:, :3])
    assert_close(found[:, 3] - logits[:, 3], torch.full((4,), math.log(7 / 3)))
    assert torch.equal(without_oversampling(logits, 0.5), logits)
    for share in (0, 1):
        with pytest.raises(ValueError, match="own_share lies between 0 and 1"):
            without_oversampling(logits, share)


def test_groups_of_classes_that_are_confused():
    """Two blocks of classes that share their probability, and one class apart."""
    generator = torch.Generator().manual_seed(0)
    blocks = [[1, 4, 6], [0, 3], [2, 5]]
    which = torch.randint(3, (600,), generator=generator)
    logits = torch.randn(600, 7, generator=generator)
    for block, classes in enumerate(blocks):
        logits[:, classes] += 4 * (which == block)[:, None]
    assert confused_groups(logits, 3) == [[1, 4, 6], [0, 3], [2, 5]]
    assert confused_groups(logits, 1) == [[0, 1, 2, 3, 4, 5, 6]]
    p = (logits / 2).softmax(-1).double()
    centred = p - p.mean(0)
    assert_close(prediction_covariance(logits, 2), centred.T @ centred / 599, atol=1e-7, rtol=1e-5)
    with pytest.raises(ValueError, match="7 classes make 1 to 7 groups"):
        confused_groups(logits, 8)
    with pytest.raises(ValueError, match="at least two examples"):
        prediction_covariance(logits[:1])


def test_a_run_keeps_which_classes_go_together_and_a_shipped_one_that_alone(digits, generalist):
    run = kd.train(generalist, store=None)
    for T in (1, 4):
        expected = confused_groups(run.logits(), 2, T)  # ten classes, about five a group
        assert run.confused_groups(T) == expected and len(expected) == 2
    asked.pop(generalist, None)
    run.confused_groups(4)
    assert asked.pop(generalist) == {"groups"}
    kept = reference.reduced(run, {"groups"})
    assert {name: (tuple(of.shape), of.dtype) for name, of in kept.items()} == {"groups": ((4, 10), torch.uint8)}
    assert Run(generalist, kept, run.history).confused_groups(4) == run.confused_groups(4)
    with pytest.raises(ValueError, match="scores are kept at T = 1, 2, 4, 8, not 3"):
        run.confused_groups(3)


def test_errors_are_counted_by_class(digits, generalist, specialist):
    asked.pop(specialist, None)
    runs = kd.train([generalist, specialist], store=None)
    labels, predicted = digits.test.labels, runs[0].predictions()
    counted = kd.Runs(runs[:1]).class_error_counts()
    assert counted.tolist() == [[int(((labels == c) & (predicted != c)).sum()) for c in range(10)]]
    assert counted.sum() == kd.Runs(runs[:1]).error_counts().item() > 0
    own = kd.Runs(runs[1:])
    before = own.class_error_counts()
    assert before.shape == (1, 4) and asked.pop(specialist) == {"class_error_counts"}
    kept = reference.reduced(runs[1], {"class_error_counts"})
    assert torch.equal(kd.Runs([Run(specialist, kept, {})]).class_error_counts(), before)


def test_a_student_of_generalist_and_specialists_is_taught_their_one_answer(digits, generalist, specialist):
    others = [specialist, specialist.replace(data=digits.specialise([1, 2]).description)]
    student = generalist.replace(objective=SpecialistTargets((generalist, *others), temperature=2), seed=3)
    first, *rest = kd.train([generalist, *others], store=None)
    shares = [0.3 * 0 + digits.specialise(GROUP).own_share, digits.specialise([1, 2]).own_share]
    answers = [without_oversampling(run.logits("train"), share) for run, share in zip(rest, shares, strict=True)]
    joined = with_specialists(first.logits("train"), answers, [[3, 5, 8], [1, 2]])
    given = student.replace(objective=kd.SoftTargets(joined.float(), temperature=2))
    assert_close(kd.train(student, store=None).logits(), kd.train(given, store=None).logits(), atol=1e-4, rtol=1e-4)


def test_students_of_other_specialists_train_together(digits, generalist, specialist):
    other = specialist.replace(data=digits.specialise([1, 2]).description)
    students = [generalist.replace(objective=SpecialistTargets((generalist, each))) for each in (specialist, other)]
    both = kd.train(students, store=None)
    assert both[0].facts["trained_together"] == 2
    for run, recipe in zip(both, students, strict=True):
        assert_close(run.logits(), kd.train(recipe, store=None).logits(), atol=1e-3, rtol=1e-3)


def test_who_can_be_a_teacher_of_that_kind(generalist, specialist):
    for teachers in (
        (generalist,),
        (generalist, generalist),
        (specialist, specialist),
        generalist,
        (specialist, generalist),
    ):
        with pytest.raises(ValueError, match="learns from a generalist and specialists"):
            SpecialistTargets(teachers)


# The explorer


def voting(**changes):
    generator = torch.Generator().manual_seed(0)
    nets = 3 * torch.randn(3, 6, 10, generator=generator)
    experts = {"odd ones": (torch.randn(6, 3, generator=generator), [1, 3])}
    given = (torch.rand(6, 1, 8, 8, generator=generator), torch.arange(6), nets, experts, kd.load("digits").classes)
    return nets, experts, kd.explorers.votes(*given, **changes)


@pytest.mark.parametrize("shown", ["nets", "specialists"])
def test_the_explorer_draws_what_it_is_asked(shown):
    nets, experts, view = voting(count=2, image=4, shown=shown)
    assert view.state == {"count": 2, "image": 4, "shown": shown} and view.picture()
    figure = matplotlib.figure.Figure()
    view.still(figure, **view.state)
    bars, right = figure.axes[1], figure.axes[2]
    heights = [patch.get_height() for patch in bars.patches]
    if shown == "nets":
        assert_close(heights, nets[:2, 4].double().softmax(-1).mean(0).tolist())
    else:
        joint = with_specialists(nets[0], [experts["odd ones"][0]], [[1, 3]]).exp()[4]
        assert len(heights) == 10 + 2 + 10
        assert_close(heights[12:], joint.tolist())
    counts = [(nets[:n].softmax(-1).mean(0).argmax(-1) == torch.arange(6)).sum().item() for n in (1, 2, 3)]
    assert right.lines[0].get_ydata().tolist() == counts


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"count": 4}, "there are 3 nets"),
        ({"image": 6}, "images 0 to 5"),
        ({"shown": "all"}, "shown is 'nets' or 'specialists'"),
        ({"count": 0}, "at least 1"),
    ],
)
def test_the_explorer_says_what_it_cannot_show(changes, said):
    with pytest.raises(ValueError, match=said):
        voting(**changes)


# The figures


def test_errors_by_nets_has_a_line_for_both_and_one_for_each_control():
    nets, students = torch.tensor([[20.0, 16.0], [22.0, 18.0]]), torch.tensor([[18.0, 15.0], [19.0, 17.0]])
    ax = kd.figures.errors_by_nets([1, 5], nets, students, {"labels alone": [21.0, 23.0]}, ax=plt.figure().subplots())
    said = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    assert [*said] == ["labels alone", "the nets, asked together", "one student of them"]
    assert {*said["labels alone"].get_ydata()} == {22.0} and ax.get_xscale() == "log"
    assert said["one student of them"].lines[0].get_ydata().tolist() == [18.5, 16.0]
    with pytest.raises(ValueError, match="'labels alone' of controls must be finite"):
        kd.figures.errors_by_nets([1, 5], nets, students, {"labels alone": [torch.nan, 1.0]})


def test_what_is_kept_stands_beside_what_was_reported():
    shares = torch.tensor([[39.0, 79.0], [40.0, 80.0], [41.0, 81.0]])
    ax = kd.figures.gain_kept([1, 5], shares, 86.4, ax=plt.figure().subplots())
    assert {*ax.lines[0].get_ydata()} == {86.4} and ax.get_ylim()[0] == 0
    assert ax.containers[0].lines[0].get_ydata().tolist() == [40, 80]
    ax = kd.figures.gain_kept([1, 5], torch.tensor([[-30.0, 70.0]]), 86.4, ax=plt.figure().subplots())
    assert ax.get_ylim()[0] < -30


def test_maps_of_predictions_end_at_the_largest_number_off_the_diagonal():
    matrix = torch.tensor([[9.0, 1.0, -2.0], [1.0, 9.0, 0.5], [-2.0, 0.5, 9.0]])
    axes = plt.figure().subplots(1, 2)
    kd.figures.prediction_maps({"cold": matrix, "hot": matrix / 10}, "abc", [2, 0, 1], axes=axes)
    assert [ax.images[0].get_clim() for ax in axes] == [(-2, 2), pytest.approx((-0.2, 0.2))]
    assert [label.get_text() for label in axes[0].get_xticklabels()] == ["c", "a", "b"]
    assert axes[0].images[0].get_array()[0].tolist() == [9, -2, 0.5]
    with pytest.raises(ValueError, match="2 matplotlib Axes"):
        kd.figures.prediction_maps({"cold": matrix, "hot": matrix}, "abc", [2, 0, 1], axes=axes[:1])


def test_a_hundred_pairs_are_a_square_and_who_is_alone_is_white():
    rows = [[10 * a + b for b in range(10)] for a in range(9)]
    groups = [*rows, *([90 + b] for b in range(10))]
    axes = plt.figure().subplots(1, 2)
    kd.figures.groups_of_pairs({"rows": groups, "$all$": [list(range(100))]}, axes=axes)
    square = axes[0].images[0].get_array()
    assert [text.get_text() for text in axes[0].texts] == [str(1 + c // 10) for c in range(90)]
    assert square.shape == (10, 10, 3) and (square[9] == 1).all() and (square[:9] == square[:9, :1]).all()
    assert len({tuple(row) for row in square[:, 0].tolist()}) == 10
    assert [ax.get_title() for ax in axes] == ["rows", "$all$"] and axes[0].get_ylabel() == "first digit"
    with pytest.raises(ValueError, match="'few' of maps must hold each of the 100 pairs in one group"):
        kd.figures.groups_of_pairs({"few": rows}, axes=axes[:1])
    pairs = [[c, c + 1] for c in range(0, 100, 2)]
    with pytest.raises(ValueError, match="50 groups are more than the colours, 20"):
        kd.figures.groups_of_pairs({"two": pairs}, axes=axes[:1])


def test_the_key_of_a_network_written_in_a_notebook_outlives_the_next_notebook(tmp_path):
    """Functions of its cells keep the names that they use when another notebook is executed."""
    sources = [
        "from torch import nn\nimport kdviz as kd",
        "def body(classes):\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))",
        "made = kd.Recipe(kd.load('digits'), kd.network(body, 10), kd.HardLabels())",
    ]
    cells = [new_code_cell(source, metadata={"tags": ["recipes"]}) for source in sources]
    for name, some in (("first", cells), ("second", cells[:0])):
        nbformat.write(new_notebook(cells=some), tmp_path / f"{name}.ipynb")
    (recipe,) = reference.recipes_of(tmp_path / "first.ipynb")
    before = recipe.key
    assert reference.recipes_of(tmp_path / "second.ipynb") == [] and recipe.key == before


def test_random_groups_have_the_sizes_and_share_no_class():
    groups = random_groups(10, [5, 3], seed=4)
    assert [len(group) for group in groups] == [5, 3] and all(group == sorted(group) for group in groups)
    drawn = [c for group in groups for c in group]
    assert len({*drawn}) == 8 and {*drawn} <= {*range(10)}
    assert random_groups(10, [5, 3], seed=4) == groups and random_groups(10, [10], seed=1) == [list(range(10))]
    often = torch.zeros(10)
    for seed in range(400):
        often[random_groups(10, [5, 3], seed)[1]] += 1
    assert (often / 400 - 0.3).abs().max() < 0.1  # each class as often, by 4 standard errors
    with pytest.raises(ValueError, match="groups of 6, 5 need more than 10 classes"):
        random_groups(10, [6, 5], seed=0)
    with pytest.raises(ValueError, match="the size of a group must be at least 1"):
        random_groups(10, [0], seed=0)


def test_groups_stand_apart_and_their_limits_are_those_of_the_values():
    values = torch.tensor([[20.0, 16.0], [22.0, 18.0], [21.0, 17.0]])
    both, colours = {"one": values, "other": values}, {"one": "C0", "other": "C1"}
    apart, alike = (kd.figures.by_setting([1, 5], both, colours, apart=of, ax=plt.figure().subplots()) for of in (8, 0))
    assert apart.get_xlim() == alike.get_xlim() and apart.get_ylim() == alike.get_ylim()
    places = [box.lines[0].get_transform().transform((1, 20))[0] for box in apart.containers]
    assert places[1] - places[0] == pytest.approx(8 / 72 * apart.figure.dpi)
