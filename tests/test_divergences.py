"""Reverse KL, generalised JSD, hard distillation, class weights, several contrasts: by formula, and as trained."""

import math

import pytest
import torch
import torch.nn.functional as F
from plain import trained_alone

import kdviz as kd
from kdviz import recipes
from kdviz.objectives import jsd_terms

GENERATOR = torch.Generator().manual_seed(0)
Z, V = (3 * torch.randn(6, 5, generator=GENERATOR, dtype=torch.float64) for _ in range(2))
Y = torch.tensor([0, 1, 2, 3, 4, 0])


def probabilities(logits, temperature):
    rows = [[math.exp(x / temperature) for x in row] for row in logits.tolist()]
    return [[x / sum(row) for x in row] for row in rows]


def by_hand(first, second):
    """Mean KL(first ‖ second) with Python floats."""
    rows = zip(first, second, strict=True)
    return sum(a * math.log(a / b) for row in rows for a, b in zip(*row, strict=True)) / len(first)


def mixture_by_hand(p, q, beta):
    m = [[beta * a + (1 - beta) * b for a, b in zip(*rows, strict=True)] for rows in zip(p, q, strict=True)]
    return (beta * by_hand(p, m) + (1 - beta) * by_hand(q, m)) / (beta * (1 - beta))


def loss(objective, logits=Z, taught=V, **numbers):
    given = {name: torch.tensor([float(getattr(objective, name))], dtype=Z.dtype) for name in objective.numbers}
    return objective.losses(
        {"logits": logits[None]}, Y[None] % logits.shape[-1], {"logits": taught[None]}, {}, **given
    ).squeeze(0)


@pytest.mark.parametrize("temperature", [0.5, 1, 4])
def test_reverse_kl_is_the_students_own_expectation_times_t_squared(temperature):
    q, p = probabilities(Z, temperature), probabilities(V, temperature)
    found = loss(kd.ReverseKL("teacher", temperature=temperature))
    assert found.item() == pytest.approx(temperature**2 * by_hand(q, p), rel=1e-12)
    assert found.item() != pytest.approx(temperature**2 * by_hand(p, q), rel=1e-3)
    mixed = loss(kd.ReverseKL("teacher", temperature=temperature, hard_weight=2, soft_weight=3))
    assert mixed.item() == pytest.approx(2 * F.cross_entropy(Z, Y).item() + 3 * found.item(), rel=1e-12)


def test_a_reverse_kl_worked_out_on_paper():
    # q = (1/2, 1/2) and p = (2/3, 1/3) at T = 2: 4 (1/2 ln 3/4 + 1/2 ln 3/2)
    taught = torch.tensor([[2 * math.log(2), 0.0]], dtype=torch.float64).expand(6, 2)
    found = loss(kd.ReverseKL("teacher", temperature=2), torch.zeros_like(taught), taught)
    assert found.item() == pytest.approx(2 * math.log(9 / 8), rel=1e-12)


@pytest.mark.parametrize("beta", [0.01, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("temperature", [1, 4])
def test_jsd_is_the_formula_divided_by_beta_and_one_less_beta(beta, temperature):
    expected = mixture_by_hand(probabilities(V, temperature), probabilities(Z, temperature), beta)
    found = loss(kd.JSD("teacher", temperature=temperature, beta=beta))
    assert found.item() == pytest.approx(temperature**2 * expected, rel=1e-10)


def test_at_one_half_jsd_is_four_times_scipys_jensen_shannon():
    from scipy.spatial.distance import jensenshannon

    expected = 4 * (jensenshannon(Z.softmax(-1), V.softmax(-1), axis=-1) ** 2).mean()
    assert loss(kd.JSD("teacher")).item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_jsd_has_no_cliff_at_either_end(dtype):
    """At 0 and 1 forward and reverse KL, value and gradient; near them near those, in single precision, too."""
    z, v = Z.to(dtype), V.to(dtype)
    near = 1e-12 if dtype == torch.float64 else 1e-6
    forward = lambda q, p: (p.exp() * (p - q)).sum(-1)  # noqa: E731
    ends = {}
    for beta in (0.0, 1.0):
        student = z.clone().requires_grad_()
        q, p = student.log_softmax(-1), v.log_softmax(-1)
        expected = forward(q, p) if beta == 0 else forward(p, q)
        (slope,) = torch.autograd.grad(expected.sum(), student)
        found = jsd_terms(student, v, beta)
        torch.testing.assert_close(found, expected, rtol=near, atol=near)
        torch.testing.assert_close(torch.autograd.grad(found.sum(), student)[0], slope, rtol=near, atol=10 * near)
        ends[beta] = expected.detach()
    for beta in (1e-30, 1e-12, 1e-8, 1e-6):
        torch.testing.assert_close(jsd_terms(z, v, beta), ends[0.0], rtol=3e-4, atol=1e-5)
    for beta in (1 - 1e-6, 1 - 1e-7):
        torch.testing.assert_close(jsd_terms(z, v, beta), ends[1.0], rtol=3e-4, atol=1e-5)


def test_jsd_is_smooth_in_beta_and_falls_as_trl_writes_it_only_without_the_division():
    betas = [0.001, 0.01, 0.5, 0.99, 0.999]
    ours = [jsd_terms(Z / 4, V / 4, beta).mean().item() for beta in betas]
    forward, reverse = (jsd_terms(Z / 4, V / 4, beta).mean().item() for beta in (0.0, 1.0))
    assert all(0.9 * min(forward, reverse) < value < 1.1 * max(forward, reverse) for value in ours)
    as_trl = [value * beta * (1 - beta) for value, beta in zip(ours, betas, strict=True)]
    assert as_trl[0] < 0.01 * as_trl[2] and as_trl[-1] < 0.01 * as_trl[2]


@pytest.mark.parametrize("beta", [0.0, 1e-30, 1e-3, 0.5, 1.0])
def test_extreme_logits_give_no_nan(beta):
    z = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 3.0]], requires_grad=True)
    v = torch.tensor([[-1e4, 1e4, 0.0], [-1e4, 1e4, 3.0]])
    terms = jsd_terms(z, v, beta)
    (slope,) = torch.autograd.grad(terms.sum(), z)
    assert terms.isfinite().all() and slope.isfinite().all() and terms[1] == 0
    assert beta not in (0, 1) or terms[0] == 20_000


@pytest.mark.parametrize("temperature", [100.0, 10_000.0])
def test_at_high_temperature_single_precision_is_not_lost(temperature):
    """T² KL tends to half the variance of z − v over the classes, whichever way round."""
    limit = ((Z - V).var(-1, correction=0) / 2).mean().item()
    for objective in (kd.ReverseKL("t", temperature=temperature), kd.JSD("t", temperature=temperature, beta=0.3)):
        single = loss(objective, Z.float(), V.float()).item()
        assert single == pytest.approx(loss(objective).item(), rel=1e-3) == pytest.approx(limit, rel=0.03)


def test_hard_distillation_is_cross_entropy_with_the_teachers_answers():
    log_q = Z.log_softmax(-1).tolist()
    answers = [max(range(5), key=row.__getitem__) for row in V.tolist()]
    expected = -sum(row[answer] for row, answer in zip(log_q, answers, strict=True)) / 6
    assert loss(kd.HardDistillation("teacher")).item() == pytest.approx(expected, rel=1e-12)
    deit = loss(kd.HardDistillation("teacher", hard_weight=0.5, soft_weight=0.5)).item()
    assert deit == pytest.approx((expected + F.cross_entropy(Z, Y).item()) / 2, rel=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_class_weights_are_torchs_weighted_mean(smoothing):
    weights = torch.tensor([[1.0, 2.0, 0.5, 4.0, 3.0], [1.0, 1.0, 1.0, 1.0, 7.0]], dtype=torch.float64)
    found = kd.HardLabels.losses(
        {"logits": torch.stack([Z, V])}, torch.stack([Y, Y]), {}, {}, torch.tensor([smoothing] * 2), weights
    )
    for value, logits, weight in zip(found, (Z, V), weights, strict=True):
        torch.testing.assert_close(value, F.cross_entropy(logits, Y, weight, label_smoothing=smoothing))
    by_numbers = sum(
        w * -math.log(p[y]) for w, p, y in zip(weights[0][Y].tolist(), probabilities(Z, 1), Y, strict=True)
    )
    if not smoothing:
        assert found[0].item() == pytest.approx(by_numbers / weights[0][Y].sum().item(), rel=1e-12)


NEW = [
    lambda teacher: kd.ReverseKL(teacher, temperature=3, hard_weight=0.2),
    lambda teacher: kd.JSD(teacher, temperature=2, beta=0.3),
    lambda teacher: kd.JSD(teacher, beta=0),
    lambda teacher: kd.JSD(teacher, beta=1, hard_weight=0.5),
    lambda teacher: kd.HardDistillation(teacher, hard_weight=0.5, soft_weight=0.5),
    lambda teacher: kd.HardLabels(smoothing=0.1, class_weights=range(1, 11)),
]


@pytest.mark.parametrize("objective", NEW)
def test_arrays_train_as_modules_and_autograd_do(double, teacher, student, objective, one_array):
    """Two seeds and two teachers in one array, against each trained alone in plain torch: 1e-9 in float64."""
    teachers = {s: teacher.replace(seed=s) for s in (5, 6)}
    several = [student.replace(objective=objective(teachers[5 + s % 2]), seed=s, epochs=3) for s in range(3)]
    networks = {t: kd.train(t, store=None).network() for t in teachers.values()}
    for run in one_array(several):
        (taught,) = run.recipe.objective.teachers or (teachers[5],)
        alone = trained_alone(run.recipe, networks[taught])
        for name, weight in alone.state_dict().items():
            torch.testing.assert_close(run.arrays[f"weights/{name}"], weight, atol=1e-9, rtol=0)
        by_itself = kd.train(run.recipe, store=None)
        for name, weight in by_itself.arrays.items():
            torch.testing.assert_close(run.arrays[name], weight, atol=1e-9, rtol=0)


def test_contrasts_with_several_teachers_are_summed(double, digits, teacher, student, one_array):
    """Two teachers of two widths, each with maps of its own (Tian et al. 2019, ensemble distillation)."""
    pair = (teacher, teacher.replace(model=kd.mlp(9), seed=1))
    networks = [kd.train(one, store=None).network() for one in pair]
    objective = kd.Contrastive(list(pair), dimensions=5, tau=0.3)
    for run in one_array(kd.grid(student.replace(objective=objective, epochs=2), seed=range(2))):
        for name, weight in trained_alone(run.recipe, networks).state_dict().items():
            torch.testing.assert_close(run.arrays[f"weights/{name}"], weight, atol=1e-9, rtol=0)
    with_jitter = student.replace(objective=objective, augment=kd.Jitter(1))
    assert not torch.equal(
        kd.train(with_jitter, store=None).logits(),
        kd.train(with_jitter.replace(teacher=(pair[1], pair[1])), store=None).logits(),
    )


def test_students_of_other_betas_and_class_weights_train_together(teacher, student, one_array):
    betas = [student.replace(objective=kd.JSD(teacher, beta=beta)) for beta in (0, 0.2, 1)]
    assert len({run.key for run in one_array(betas)}) == 3
    weighted = [teacher.replace(objective=kd.HardLabels(class_weights=[w] + 9 * [1]), epochs=8) for w in (1, 30)]
    plain, favoured = (run.predictions() for run in one_array(weighted))
    assert (favoured == 0).sum() > (plain == 0).sum()
    unweighted = kd.train([teacher, *weighted], store=None)
    assert [run.facts["trained_together"] for run in unweighted] == [1, 2, 2]


@pytest.mark.parametrize("objective", NEW)
def test_descriptions_come_back_whole_and_keys_differ(teacher, student, objective):
    recipe = student.replace(objective=objective(teacher))
    assert recipes.restored(recipes.describe(recipe)) == recipe
    assert recipe.key != student.key and type(recipe.objective).__name__ in str(recipe)


def test_nothing_new_is_in_the_key_of_labels_alone():
    assert recipes.describe(kd.HardLabels()) == {"kind": "HardLabels"}
    assert recipes.describe(kd.HardLabels(class_weights=[1, 2]))["class_weights"] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: kd.JSD("t", beta=1.5), "beta is a share"),
        (lambda: kd.JSD("t", beta=math.nan), "beta is a share"),
        (lambda: kd.JSD("t", temperature=0), "temperature must be finite"),
        (lambda: kd.ReverseKL("t", soft_weight=0), "not both 0"),
        (lambda: kd.HardDistillation("t", soft_weight=-1), "at least 0"),
        (lambda: kd.HardLabels(class_weights=[1, 0]), "finite and above 0"),
        (lambda: kd.HardLabels(class_weights=[1, math.inf]), "finite and above 0"),
    ],
)
def test_what_cannot_be_meant_is_said(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_class_weights_are_one_for_each_class(teacher):
    with pytest.raises(ValueError, match="class_weights are 3, the classes 10"):
        kd.train(teacher.replace(objective=kd.HardLabels(class_weights=[1, 2, 3])), store=None)
