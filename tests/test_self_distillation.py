"""Self-distillation in closed form, held against a fit by search and against what the paper states."""

import math

import pytest
import torch
from matplotlib.figure import Figure
from scipy.optimize import minimize

from kdviz import explorers, figures
from kdviz import measures as m


def problem(seed, count=8, targets=(), condition=50.0):
    """A random kernel's matrix of that condition number, and targets that are no function of 0."""
    draw = torch.Generator().manual_seed(seed)
    turned, _ = torch.linalg.qr(torch.randn(count, count, generator=draw, dtype=torch.float64))
    exponents = torch.cat([torch.tensor([0.0, 1.0]), torch.rand(count - 2, generator=draw)])
    gram = (turned * condition ** -exponents.double()) @ turned.T
    return (gram + gram.T) / 2, torch.randn(count, *targets, generator=draw, dtype=torch.float64)


def distilled(gram, y, tolerance, most=60):
    d, v = m.spectrum(gram)
    strengths, factors = m.self_distilled(d, v.T @ y, tolerance, most)
    return d, v, strengths, factors


@pytest.mark.parametrize("targets", [(), (3,)])
def test_a_round_is_the_smoothest_function_within_the_tolerance(targets):
    """Found by another way: the constrained problem itself, by SLSQP, over the weights of the kernel."""
    gram, y = problem(0, 6, targets)
    tolerance = 0.2 * y.square().sum().item() / 6
    g = gram.numpy()

    def weights(flat):
        return torch.from_numpy(flat).reshape(6, -1).numpy()

    own = y.reshape(6, -1).numpy()
    found = minimize(
        lambda a: (weights(a) * (g @ weights(a))).sum(),
        own.ravel(),
        jac=lambda a: 2 * (g @ weights(a)).ravel(),
        constraints={"type": "ineq", "fun": lambda a: tolerance - ((g @ weights(a) - own) ** 2).sum() / 6},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 2000},
    )
    _, v, _, factors = distilled(gram, y, tolerance, 1)
    fitted = v @ (factors[0].reshape(6, -1) * (v.T @ y.reshape(6, -1)))
    torch.testing.assert_close(torch.from_numpy(g @ weights(found.x)), fitted, rtol=0, atol=2e-5)


@pytest.mark.parametrize("seed", range(20))
def test_rounds_are_ridge_regressions_on_the_answers_before(seed):
    """Each round solved as a linear system of its own, without eigenvectors."""
    gram, y = problem(seed, 9, (2,) if seed % 2 else ())
    tolerance = 0.05 * y.square().sum().item() / 9
    _, v, strengths, factors = distilled(gram, y, tolerance)
    targets = y.clone()
    for c, left in zip(strengths, factors, strict=True):
        fitted = gram @ torch.linalg.solve(gram + c * torch.eye(9, dtype=torch.float64), targets)
        assert math.isclose((fitted - targets).square().sum() / 9, tolerance, rel_tol=1e-9)
        torch.testing.assert_close(fitted, v @ torch.diag(left) @ v.T @ y, rtol=0, atol=1e-10)
        targets = fitted


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("condition", [1.2, 3.0, 1e4])
def test_what_the_paper_states_holds_of_random_problems(seed, condition):
    gram, y = problem(seed, 3 + seed % 9, condition=condition)
    tolerance = (0.001 + 0.3 * (seed % 4) / 4) * y.square().mean().item()
    d, v, strengths, factors = distilled(gram, y, tolerance, 5000)
    sizes = torch.cat([y.norm()[None], (factors * (v.T @ y)).norm(dim=-1)])
    assert (sizes.diff() < 0).all()  # norms fall
    ratios = factors / factors[:, :1]  # to the smoothest function's: fewer and fewer are left
    assert (ratios.diff(dim=0) <= 1e-12).all() and (m.in_use(factors).diff() <= 0).all()
    bound = m.rounds_before_collapse(d, v.T @ y, tolerance)
    assert bound <= len(strengths) < 5000  # not before the bound, and at last
    assert sizes[-1] ** 2 <= len(y) * tolerance
    near = sizes[:-1] - math.sqrt(len(y) * tolerance)
    low, high = (edge * math.sqrt(len(y) * tolerance) / near for edge in (d.min(), d.max()))
    c = torch.tensor(strengths, dtype=torch.float64)
    assert (c >= low * (1 - 1e-9)).all() and (c <= high * (1 + 1e-9)).all()


def test_targets_within_the_tolerance_collapse_at_once():
    _, _, strengths, factors = distilled(*problem(1), tolerance=100.0)
    assert strengths == [] and factors.shape == (0, 8) and m.in_use(factors).shape == (0,)


def test_the_rods_kernel_is_its_sum_of_sines():
    at = torch.tensor([0.0, 0.1, 0.35, 0.8, 1.0], dtype=torch.float64)
    k = torch.arange(1, 4001, dtype=torch.float64) * math.pi
    sines = torch.sin(at[:, None] * k)
    torch.testing.assert_close(m.bending_kernel(at, at), (2 * sines / k**4) @ sines.T, rtol=0, atol=1e-12)
    assert m.bending_kernel(at, at[:2]).shape == (5, 2)


@pytest.mark.parametrize("steps", [1, 7, 500])
def test_stopped_early_is_gradient_descent_after_so_many_steps(steps):
    gram, y = problem(3)
    d, v = m.spectrum(gram)
    weights = torch.zeros(8, dtype=torch.float64)
    for _ in range(steps):
        weights += (y - gram @ weights) / d.max()
    torch.testing.assert_close(gram @ weights, v @ (m.stopped_early(d, steps) * (v.T @ y)), rtol=0, atol=1e-10)


def test_what_cannot_be_fitted_is_said():
    gram, y = problem(2)
    d, v = m.spectrum(gram)
    for wrong, said in ((0, "tolerance must be above 0"), (math.nan, "tolerance must be above 0")):
        with pytest.raises(ValueError, match=said):
            m.self_distilled(d, v.T @ y, wrong)
    with pytest.raises(ValueError, match="the tolerance must be above"):
        m.self_distilled(torch.where(d > d.median(), d, 0.0), v.T @ y, 1e-3)
    with pytest.raises(ValueError, match="gram must be symmetric"):
        m.spectrum(gram + torch.eye(8).roll(1, 0))
    with pytest.raises(ValueError, match="none below 0"):
        m.spectrum(-gram)
    with pytest.raises(ValueError, match=r"points in \[0, 1\]"):
        m.bending_kernel(torch.tensor([2.0]), torch.tensor([0.5]))
    with pytest.raises(ValueError, match="steps must be above 0"):
        m.stopped_early(d, 0)


@pytest.mark.parametrize("wide", [4, 30])
def test_a_probe_of_one_round_is_ridge_regression(wide):
    """Against the primal solution, with an intercept that is not penalised; also where features are more than rows."""
    draw = torch.Generator().manual_seed(wide)
    x, others = (torch.randn(n, wide, generator=draw, dtype=torch.float64) + 3 for n in (12, 5))
    y = torch.nn.functional.one_hot(torch.arange(12) % 3).double()
    d, coefficients = m.probe_spectrum(x, y)
    strengths, factors = m.self_distilled(d, coefficients, 0.9 * (y - y.mean(0)).square().sum().item() / 12, 3)
    c, centred = strengths[0], x - x.mean(0)
    weights = torch.linalg.solve(
        centred.T @ centred / 12 + c * torch.eye(wide, dtype=torch.float64), centred.T @ (y - y.mean(0)) / 12
    )
    expected = (others - x.mean(0)) @ weights + y.mean(0)
    torch.testing.assert_close(m.probe_answers(x, y, factors[:1], others)[0], expected, rtol=0, atol=1e-10)


def test_smoothed_labels_change_no_answer_of_a_probe():
    draw = torch.Generator().manual_seed(5)
    x, others = (torch.randn(n, 6, generator=draw) for n in (20, 50))
    y = torch.nn.functional.one_hot(torch.arange(20) % 4).double()
    d, coefficients = m.probe_spectrum(x, y)
    kept = (d / (0.1 + d))[None]
    plain, smoothed = (m.probe_answers(x, of, kept, others)[0].argmax(-1) for of in (y, 0.7 * y + 0.3 / 4))
    assert torch.equal(plain, smoothed)
    torch.testing.assert_close(m.probe_spectrum(x, 0.7 * y + 0.3 / 4)[1], 0.7 * coefficients)


def test_curves_are_those_of_the_rounds_at_the_points_and_between():
    at = torch.arange(1, 8).double() / 8
    y = torch.sin(6 * at)
    curves, factors = m.self_distilled_curves(at, y, 0.02, at, 3)
    _, v = m.spectrum(m.bending_kernel(at, at) / 7)
    torch.testing.assert_close(curves, factors * (v.T @ y) @ v.T, rtol=0, atol=1e-10)
    line = torch.tensor([0.0, 0.3, 1.0])
    first = m.self_distilled_curves(at, y, 0.02, line, 1)[0][0]
    assert first[0] == 0 == first[2] and m.self_distilled_curves(at, y, 9.0, line)[0].shape == (0, 3)
    torch.testing.assert_close(m.self_distilled_curves(at, y, 0.02, line, 2)[0][0], first)


def test_the_explorer_opens_where_it_is_asked_to_and_says_what_it_cannot_show():
    view = explorers.self_distillation(rounds=3, tolerance=0.1, noise=0.25, points=30, draw=2)
    assert view.state == {"round": 3, "tolerance": 0.1, "noise": 0.25, "points": 30, "draw": 2}
    assert view.data["noise"]["shape"] == [12, 30] and len(view.picture()) > 10_000
    view.choose(round=12, tolerance=0.2)  # collapsed long before
    assert view.picture() != explorers.self_distillation().picture()
    for wrong, said in (
        (dict(rounds=0), "rounds must be a whole number, at least 1|rounds turns from 1 to 12"),
        (dict(points=31), "points turns from 5 to 30, not 31"),
        (dict(noise=2), "noise turns from 0 to 1, not 2"),
        (dict(tolerance=0.5), "tolerance is one of"),
    ):
        with pytest.raises(ValueError, match=said):
            explorers.self_distillation(**wrong)


def test_figures_of_rounds_draw_a_line_a_round_and_end_where_it_collapses():
    ax = figures.by_round({"a": [torch.ones(3), torch.ones(5)]}, colours={"a": "black"}, ax=Figure().subplots())
    assert [len(line.get_xdata()) for line in ax.lines] == [3, 5, 3]
    ax = figures.factors_by_round(torch.rand(4, 6), ax=Figure().subplots())
    assert [line.get_label() for line in ax.lines] == [f"round {i}" for i in range(1, 5)]
    at = torch.linspace(0, 1, 5)
    ax = figures.fitted_rounds(at, torch.empty(0, 5), at, (at, at), ax=Figure().subplots())
    assert [line.get_label() for line in ax.lines] == ["truth", "given"]
