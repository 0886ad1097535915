"""Correlation as the loss, hints in one stage, contrast beside soft targets: against plain loops."""

import math

import numpy as np
import pytest
import torch
from plain import trained_alone

import kdviz as kd
from kdviz.objectives import DIST, ContrastiveSoftTargets, OneStageHints, dist_terms
from kdviz.objectives.dist import pearson
from kdviz.recipes.descriptions import describe
from kdviz.recipes.restoring import restored

NEW = [
    lambda teacher: DIST(teacher),
    lambda teacher: DIST(teacher, temperature=3, hard_weight=0.5, inter_weight=2, intra_weight=0.7),
    lambda teacher: OneStageHints(teacher, "map 1", hint_weight=7),
    lambda teacher: ContrastiveSoftTargets(teacher, dimensions=5, tau=0.2, soft_weight=0.6, temperature=2),
]


def rho(a, b):
    """Pearson's correlation with Python floats."""
    ma, mb = sum(a) / len(a), sum(b) / len(b)
    top = sum((x - ma) * (y - mb) for x, y in zip(a, b, strict=True))
    return top / math.sqrt(sum((x - ma) ** 2 for x in a) * sum((y - mb) ** 2 for y in b))


def soft(row, T):
    powers = [math.exp(z / T) for z in row]
    return [p / sum(powers) for p in powers]


@pytest.mark.parametrize("T", [0.5, 1, 4])
def test_dist_is_the_formula(double, T):
    z, v = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    q, p = ([soft(row, T) for row in logits.tolist()] for logits in (z, v))
    inter = T**2 * (1 - sum(map(rho, q, p)) / 6)
    intra = T**2 * (1 - sum(map(rho, zip(*q, strict=True), zip(*p, strict=True))) / 4)
    assert [each.item() for each in dist_terms(z, v, T)] == pytest.approx([inter, intra], rel=1e-5)
    both = dist_terms(torch.stack([z, v]), torch.stack([v, v]), torch.tensor([T, 2.0])[:, None, None])
    assert both[0].tolist() == pytest.approx([inter, 0], rel=1e-5, abs=1e-4)
    assert both[1].tolist() == pytest.approx([intra, 0], rel=1e-5, abs=1e-4)


def test_pearson_is_numpys_and_rows_without_spread_have_none():
    a, b = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1))
    for dim in (0, 1):
        rows = zip(*((x if dim else x.T).numpy() for x in (a, b)), strict=True)
        assert pearson(a, b, dim).tolist() == pytest.approx([np.corrcoef(x, y)[0, 1] for x, y in rows], abs=1e-5)
    level = torch.full((5, 3), 0.5, requires_grad=True)
    found = pearson(level, b, 1)
    found.sum().backward()
    assert (found == 0).all() and level.grad.isfinite().all()


def test_dist_does_not_ask_for_the_teachers_probabilities_themselves(double):
    """Halfway between the teacher and level answers every row is as correlated as the teacher's own."""
    v = torch.randn(8, 5, generator=torch.Generator().manual_seed(2))
    halfway = (v.softmax(-1) / 2 + 0.1).log()
    inter, intra = dist_terms(halfway, v, 1.0)
    assert inter.item() == pytest.approx(0, abs=1e-6) and intra.item() == pytest.approx(0, abs=1e-5)
    assert kd.objectives.soft_target_loss(halfway, v, 1.0) > 0.05


def test_one_stage_hints_are_labels_and_a_mean_square():
    objective = OneStageHints("teacher", hard_weight=2, hint_weight=6)
    extra = {
        "regressor.weight": torch.tensor([[[1.0, 1.0], [-1.0, 0.0], [0.0, 0.0]]]),
        "regressor.bias": torch.zeros(1, 3),
    }
    outputs = {"map 2": torch.tensor([1.0, 2.0]).view(1, 1, 2, 1, 1), "logits": torch.zeros(1, 1, 4)}
    teacher = {"map 2": torch.tensor([1.0, 1.0, 5.0]).view(1, 1, 3, 1, 1)}
    loss = objective.losses(outputs, torch.tensor([[1]]), teacher, extra, torch.tensor([2.0]), torch.tensor([6.0]))
    assert loss.item() == pytest.approx(2 * math.log(4) + 6 * (2**2 + 1 + 5**2) / 3)


@pytest.mark.parametrize("objective", NEW)
def test_arrays_train_as_modules_and_autograd_do(double, big, small, objective, one_array):
    """Two seeds and two teachers in one array, against each trained alone in plain torch: 1e-9 in float64."""
    teachers = {s: big.replace(seed=s) for s in (5, 6)}
    recipes = [small.replace(objective=objective(teachers[5 + s % 2]), seed=s, epochs=4) for s in range(3)]
    networks = {t: kd.train(t, store=None).network() for t in teachers.values()}
    for run in one_array(recipes):
        alone = trained_alone(run.recipe, networks[run.recipe.objective.teacher])
        for name, weight in alone.state_dict().items():
            torch.testing.assert_close(run.arrays[f"weights/{name}"], weight, atol=1e-9, rtol=0)


@pytest.mark.parametrize("objective", NEW)
def test_a_recipe_says_all_of_it(big, small, objective):
    recipe = small.replace(objective=objective(big))
    assert restored(describe(recipe)) == recipe
    assert recipe.key != small.replace(objective=kd.Contrastive(big)).key


@pytest.mark.parametrize("made, said", [
    (lambda t: DIST((t, t)), "one teacher"),
    (lambda t: DIST(t, temperature=0), "temperature"),
    (lambda t: DIST(t, hard_weight=0, inter_weight=0, intra_weight=0), "at least 0"),
    (lambda t: DIST(t, intra_weight=-1), "at least 0"),
    (lambda t: OneStageHints(t, hint_weight=-1), "at least 0"),
    (lambda t: OneStageHints(t, "logits"), "channels first"),
    (lambda t: ContrastiveSoftTargets((t, t)), "one teacher"),
    (lambda t: ContrastiveSoftTargets(t, temperature=-1), "temperature"),
    (lambda t: ContrastiveSoftTargets(t, soft_weight=-1), "at least 0"),
])  # fmt: skip
def test_what_cannot_be_is_said(big, made, said):
    with pytest.raises(ValueError, match=said):
        made(big)


def test_without_weight_on_the_labels_none_are_needed(big):
    assert not DIST(big, hard_weight=0).needs_labels and DIST(big).needs_labels
    assert not OneStageHints(big, hard_weight=0).needs_labels and OneStageHints(big).needs_labels
