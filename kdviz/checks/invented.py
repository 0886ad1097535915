"""Checks of *Write a loss*: a loss of one's own, a rival as well tuned, and the interval that decides."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from math import isfinite, sqrt
from numbers import Real

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from kdviz.arguments import told
from kdviz.checks.deciding import Mistake, check_takes, decide, normal, passed
from kdviz.checks.which import DEFINITIONS
from kdviz.objectives import HardLabels, SoftTargets, objective

SIZES = ((12, 10), (16, 6))
TEMPERATURES = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 16.0, 20.0)


def own_loss(function: Callable) -> None:
    """Check ``function(student, teacher, labels, …)``: a loss that can be learnt from, and not a published one alone.

    ``student`` and ``teacher`` are mappings with ``"logits"``, shape (N, C); ``labels``, shape (N,), may be left out.
    """
    try:
        objective(function)
    except ValueError as problem:
        raise Mistake(f"kd.objective cannot take it: {problem}.") from None
    if "teacher" not in signature(function).parameters:
        raise Mistake("Your loss does not ask the teacher: the second argument must be `teacher`.")
    for size in SIZES:
        _check_value(function, *_case(90, *size))
    _check_is_new(function)
    passed("A loss: one number, learnable, it hears the teacher, and it is none of the published ones that we know.")


def _case(seed: int, n: int, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    v = normal(seed, n, classes)
    return (
        normal(seed + 1, n, classes),
        v,
        torch.where(torch.arange(n) % 3 > 0, v.argmax(-1), torch.arange(n) % classes),
    )


def _value(function: Callable, z: Tensor, v: Tensor, labels: Tensor) -> Tensor:
    given = {"student": {"logits": z}, "teacher": {"logits": v}, "labels": labels}
    found = function(**{name: given[name] for name in given if name in signature(function).parameters})
    if found is None:
        raise Mistake("Your loss returns nothing: its last line must be a `return`.")
    if not isinstance(found, Tensor):
        raise Mistake(f"A loss is a tensor, through which a gradient flows, and yours is {told(found)}.")
    if found.ndim:
        raise Mistake(f"Your loss has shape {tuple(found.shape)}: take its mean over the examples.")
    return found


def _check_value(function: Callable, z: Tensor, v: Tensor, labels: Tensor) -> None:
    z = z.clone().requires_grad_()
    loss = _value(function, z, v, labels)
    if not loss.isfinite():
        raise Mistake(f"Your loss is {loss.item()} on ordinary logits: is a log taken of what is 0 or negative?")
    if not loss.requires_grad:
        raise Mistake("Your loss carries no gradient: no .item(), .detach(), argmax of the student or no_grad.")
    (slope,) = torch.autograd.grad(loss, z)
    if not slope.isfinite().all():
        raise Mistake("The gradient is not finite: is there a square root of 0, or a division by 0?")
    if not slope.any():
        raise Mistake("The gradient is 0 everywhere: an argmax or a comparison passes none on.")
    with torch.no_grad():
        if torch.allclose(_value(function, z, v.roll(1, 0), labels), loss):
            raise Mistake("Your loss does not change when the teacher does: it is a loss of labels alone.")
        turned = torch.arange(len(z)).flip(0)
        if not torch.allclose(_value(function, z[turned], v[turned], labels[turned]), loss):
            raise Mistake("Your loss changes with the order of the examples in a batch, which is random.")
        twice = [torch.cat([each, each]) for each in (z, v, labels)]
        if torch.allclose(_value(function, *twice), 2 * loss):
            raise Mistake("Your loss grows with the number of examples: average over them.")
        rate = 1e-4 / slope.norm()
        if _value(function, z - rate * slope, v, labels) >= loss:
            raise Mistake("A small step against the gradient does not lower your loss: is a part of it detached?")
        extreme = _value(function, 300 * z, 300 * v, labels)
    if not extreme.isfinite():
        raise Mistake(f"Your loss is {extreme.item()} for large logits: take log_softmax, not the log of a softmax.")


def _check_is_new(function: Callable) -> None:
    """Raise Mistake where it is a published definition times a number, at a temperature we try."""
    cases = [_case(seed, *SIZES[0]) for seed in (110, 120, 130)]
    values = [_value(function, *case).item() for case in cases]
    others = [_value(function, z, v, (y + 1) % SIZES[0][1]).item() for z, v, y in cases]
    if not np.allclose(values, others):
        return  # it reads the labels, which no definition does
    for name, definition in DEFINITIONS.items():
        for T in TEMPERATURES:
            ratios = [value / definition(z, v, T).item() for value, (z, v, _) in zip(values, cases, strict=True)]
            if np.allclose(ratios, ratios[0], rtol=1e-5) and ratios[0] > 0:
                raise Mistake(
                    f"This is {ratios[0]:.3g} times a published loss: {name}{f' = {T:g}' if 'T' in name else ''}. As a "
                    "rival it is welcome. Change something."
                )


def fair_rival(mine: Callable[[int], object], rival: Callable[[int], object], teacher) -> None:
    """Check two functions of a seed: recipes that differ in their objective alone; the rival has soft targets."""
    for each in (mine, rival):
        check_takes(each, (0,))
    for seed in (3, 7):
        ours, theirs = mine(seed), rival(seed)
        for recipe in (ours, theirs):
            if not hasattr(recipe, "objective"):
                raise Mistake(f"Return a kd.Recipe, which is not trained yet, and not {told(recipe)}.")
            if recipe.seed != seed:
                raise Mistake(f"Asked for seed {seed}, the recipe has {recipe.seed}: pass `seed` on.")
            if any(verb == "split" for verb, *_ in recipe.data.narrowed):
                raise Mistake("Chosen is on held-out images, decided on the test set: here, the data are whole.")
        if isinstance(ours.objective, SoftTargets | HardLabels):
            raise Mistake("Your own student must learn from your loss.")
        if not isinstance(theirs.objective, SoftTargets):
            raise Mistake("The rival learns from kd.SoftTargets: labels alone are on the card anyhow.")
        if {*ours.objective.teachers} != {teacher} or {*theirs.objective.teachers} != {teacher}:
            raise Mistake("Both students must learn from the teacher that the notebook defines.")
        if ours.replace(objective=theirs.objective) != theirs:
            differs = [n for n in ("model", "data", "epochs", "learning_rate", "batch_size", "weight_decay", "augment")
                       if getattr(ours, n, None) != getattr(theirs, n, None)]  # fmt: skip
            raise Mistake(f"The two differ in more than their objective: {', '.join(differs) or 'see their recipes'}.")
    passed("A fair rival: the same net, images, steps and seeds, another loss.")


def tried(function: Callable[[], Mapping[str, Mapping[str, float]]]) -> None:
    """Check ``function()``: held-out accuracies by setting, of ``"mine"`` and of the ``"rival"``, as many of each."""
    check_takes(function, ())
    found = function()
    if not isinstance(found, Mapping) or {*found} != {"mine", "rival"}:
        raise Mistake(f"Return {{'mine': …, 'rival': …}}, and not {'nothing' if found is None else told(found)}.")
    for name, scores in found.items():
        if not isinstance(scores, Mapping) or not scores:
            raise Mistake(f"{name!r} must be a mapping of each setting to its held-out accuracy, not {told(scores)}.")
        if any(not isinstance(s, Real) or not isfinite(s) or not 0 <= s <= 1 for s in scores.values()):
            raise Mistake(f"The accuracies of {name!r} must be shares between 0 and 1.")
    mine, rival = (len(found[name]) for name in ("mine", "rival"))
    if rival < 2:
        raise Mistake("The rival was not tuned at all: try at least two temperatures.")
    if rival < mine:
        raise Mistake(f"Yours was tried in {mine} settings, the rival in {rival}: whoever is tuned more often wins.")
    passed(f"The search: {mine} settings of yours, {rival} of the rival's, on held-out images.")


def paired_difference(function: Callable[[Sequence[float], Sequence[float]], tuple[float, float]]) -> None:
    """Check ``function(ours, theirs)``: mean difference paired by seed, and half of its 95 % t-interval."""
    cases = [
        ([0.91, 0.93, 0.90, 0.95, 0.92], [0.90, 0.91, 0.90, 0.92, 0.91]),
        ([0.50, 0.61, 0.55], [0.52, 0.66, 0.54]),
        ([3.0, 4.5, 1.0, 2.0, 2.5, 7.0], [1.0, 4.0, 1.5, 1.0, 2.0, 4.0]),
    ]
    hint = "scipy.stats.t.ppf(0.975, n − 1) times the standard error of the differences."
    decide("(mean, half)", function, _paired, cases, PAIRED, hint=hint)
    passed("The interval: differences seed by seed, their mean, and Student's t for so few.")


def _paired(
    a, b, spread: str = "paired", quantile: str = "t", error: str = "mean", ddof: int = 1, sign: int = 1, of: int = 1
) -> tuple[float, float]:
    a, b = np.asarray(a), np.asarray(b)
    n, apart = len(a), a - b
    std = apart.std(ddof=ddof) if spread == "paired" else sqrt(a.var(ddof=ddof) + b.var(ddof=ddof))
    free = n - 1 if spread == "paired" else 2 * (n - 1)
    by = {"t": stats.t.ppf(0.975, free), "normal": stats.norm.ppf(0.975), "1.96": 1.96, "two": 2.0, "one": 1.0,
          "one-sided": stats.t.ppf(0.95, free), "99": stats.t.ppf(0.995, free), "n": stats.t.ppf(0.975, n)}  # fmt: skip
    return sign * apart.mean(), of * by[quantile] * std / (sqrt(n) if error == "mean" else 1)


PAIRED = [
    ("The sign is wrong: ours minus theirs.", lambda a, b: _paired(a, b, sign=-1)),
    ("You give the whole width of the interval: half of it is asked.", lambda a, b: _paired(a, b, of=2)),
    ("You compare the two groups as if their seeds had nothing in common: take the differences seed by seed first.",
     lambda a, b: _paired(a, b, spread="apart")),
    ("You compare the two groups as if their seeds had nothing in common: take the differences seed by seed first.",
     lambda a, b: _paired(a, b, spread="apart", quantile="1.96")),
    ("Your interval holds the single differences, not their mean: divide by the root of their number.",
     lambda a, b: _paired(a, b, error="one")),
    ("The spread is divided by n: of so few take n − 1 (ddof=1).", lambda a, b: _paired(a, b, ddof=0)),
    ("1.96 is for hundreds of seeds: of so few take Student's t.", lambda a, b: _paired(a, b, quantile="1.96")),
    ("1.96 is for hundreds of seeds: of so few take Student's t.", lambda a, b: _paired(a, b, quantile="normal")),
    ("1.96 is for hundreds of seeds, and the spread is divided by n: take Student's t and ddof=1.",
     lambda a, b: _paired(a, b, quantile="1.96", ddof=0)),
    ("2 is for some sixty seeds: of so few take Student's t.", lambda a, b: _paired(a, b, quantile="two")),
    ("That is one standard error: 95 % takes Student's t of them.", lambda a, b: _paired(a, b, quantile="one")),
    ("This is a one-sided quantile: for 95 % between two sides take t.ppf(0.975).",
     lambda a, b: _paired(a, b, quantile="one-sided")),
    ("This is the interval of 99 %.", lambda a, b: _paired(a, b, quantile="99")),
    ("Student's t has n − 1 degrees of freedom here, one less than seeds.", lambda a, b: _paired(a, b, quantile="n")),
]  # fmt: skip
