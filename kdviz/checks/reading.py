"""Checks of *Read a paper against its code*: two definitions in code, and two tables of what sets them apart."""

from collections.abc import Callable, Mapping
from numbers import Real

import torch
from torch import Tensor

from kdviz import measures
from kdviz.arguments import told
from kdviz.checks.deciding import Mistake, check_takes, combined, decide, normal, passed
from kdviz.objectives import soft_target_loss


def paper_loss(function: Callable) -> None:
    """Check ``function(z, v, y, T, soft_weight, hard_weight)``: the loss of Hinton et al. (2015, section 2), a number.

    Its soft term may be the cross entropy with the soft targets, as in the paper, or the KL divergence.
    """
    cases = [
        (normal(140, 6, 10), normal(141, 6, 10), torch.arange(6), 4.0, 0.9, 0.1),
        (normal(142, 9, 5), normal(143, 9, 5), torch.arange(9) % 5, 2.0, 1.0, 0.3),
    ]
    check_takes(function, cases[0])
    form = ["kl"]

    def either(*case) -> Tensor:
        return _paper(*case, form=form[0])

    try:
        decide("The loss", function, either, cases, LOSSES)
    except Mistake as mistake:
        form[0] = "ce"
        try:
            decide("The loss", function, either, cases)
        except Mistake:
            raise mistake from None
    passed("The paper's loss: soft targets at T with the factor T², labels at 1, a weight for each.")


def _paper(z, v, y, T, soft, hard, form="kl", factor="T²", mean="examples", at="1", weights=""):
    own = z.log_softmax(-1) if at == "1" else (z / T).log_softmax(-1)
    on_labels = -own[torch.arange(len(y)), y].mean()
    term = soft_target_loss(z, v, T) / T**2
    if form != "kl":
        p, log_q = (v / T).softmax(-1), (z / T).log_softmax(-1)
        term = -(p * log_q).sum(-1).mean()
        if form == "reverse":
            term = soft_target_loss(v, z, T) / T**2
    term = term * {"T²": T**2, "1": 1, "T": T}[factor] / (z.shape[-1] if mean == "both" else 1)
    total = soft + hard if weights == "mean" else 1
    if weights == "turned":
        soft, hard = hard, soft
    if weights == "soft alone":
        hard = 0
    return (soft * term + hard * on_labels) / total


LOSSES = [*combined(
    _paper,
    at_most=2,
    factor={
        "T²": "",
        "1": "The factor T² is missing: the paper multiplies by it where both terms are used.",
        "T": "The factor is T², you have T.",
    },
    mean={"examples": "", "both": "You average over the classes as well: the paper sums over them."},
    at={"1": "", "T": "The labels' term is taken at T: the paper takes it at 1."},
    weights={
        "": "",
        "turned": "The weights are exchanged: the first is the teacher's.",
        "mean": "You divide by the sum of the weights: they are given as they are.",
        "soft alone": "The labels' term is missing.",
    },
    form={
        "kl": "",
        "ce": "Your soft term is the cross entropy.",
        "reverse": "This is KL(student ‖ teacher): the teacher's probabilities weigh the logs.",
    },
)]  # fmt: skip


def given_weight(function: Callable[[float, float, int], float]) -> None:
    """Check ``function(soft_weight, hard_weight, classes)``: the alpha that gives the code the paper's balance."""
    cases = [(0.9, 0.1, 10), (1.0, 1.0, 100), (0.5, 0.25, 4)]
    hint = "alpha / C stands to 1 − alpha as the one weight to the other."
    decide("alpha", function, _alpha, cases, ALPHAS, hint=hint)
    passed("The repaired weight: near 1 for many classes, which is why such code likes a large alpha.")


def _alpha(soft: float, hard: float, classes: int) -> float:
    return classes * soft / (classes * soft + hard)


ALPHAS = [
    ("You leave the classes out: the code divides the teacher's term by C.", lambda s, h, c: s / (s + h)),
    ("You divide by C once more, where you must multiply.", lambda s, h, c: s / (s + c * h)),
    ("This is the weight of the *labels*, 1 − alpha.", lambda s, h, c: h / (c * s + h)),
    ("This is not between 0 and 1: divide by the sum of both.", lambda s, h, c: c * s),
    ("This is the ratio of the two weights, alpha / (1 − alpha): solve for alpha.", lambda s, h, c: c * s / h),
    ("C comes in once, not squared.", lambda s, h, c: c * c * s / (c * c * s + h)),
]  # fmt: skip


def two_ties(function: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
    """Check ``function(logits, labels)``: (correlation of the logits, mean logits by true class), both C × C."""
    cases = [(normal(150, 80, 6) + torch.arange(6), torch.arange(80) % 6), (normal(151, 45, 4), torch.arange(45) % 4)]
    decide("(correlation, class means)", function, _ties, cases, TIES, hint="Both have a row and a column a class.")
    passed("Two tables of ten by ten classes: one is a correlation, the other a mean.")


def _ties(z: Tensor, y: Tensor, first: str = "", second: str = "", order: str = "") -> tuple[Tensor, Tensor]:
    classes = z.shape[-1]
    apart = z - z.mean(0)
    one = {
        "": lambda: measures.logit_correlation(z),
        "centred": lambda: measures.logit_correlation(z, center=True),
        "covariance": lambda: apart.T @ apart / (len(z) - 1),
        "population": lambda: apart.T @ apart / len(z),
        "cosine": lambda: (z / z.norm(dim=0)).T @ (z / z.norm(dim=0)),
        "probabilities": lambda: torch.corrcoef(z.softmax(-1).T),
    }[first]()
    means = torch.stack([z[y == label].mean(0) for label in range(classes)])
    other = {"": means, "turned": means.T, "probabilities": torch.stack(
        [z.softmax(-1)[y == label].mean(0) for label in range(classes)]), "sum": torch.stack(
        [z[y == label].sum(0) for label in range(classes)]), "answers": torch.stack(
        [z[z.argmax(-1) == label].mean(0) for label in range(classes)])}[second]  # fmt: skip
    return (other, one) if order else (one, other)


TIES = [*combined(
    _ties,
    at_most=2,
    first={
        "": "",
        "centred": "You take each image's mean out of its logits first: sensible, and another definition. "
                   "Here, the logits as they are.",
        "covariance": "This is the covariance: divide by both standard deviations.",
        "population": "This is the covariance: divide by both standard deviations.",
        "cosine": "This is the cosine of the columns: take each class's mean out first.",
        "probabilities": "This is the correlation of the probabilities: take the logits.",
    },
    second={
        "": "",
        "turned": "Rows and columns of the class means are exchanged: a row a true class.",
        "probabilities": "You average probabilities: the code averages logits.",
        "sum": "You add the logits of a class's images up: take their mean.",
        "answers": "You sort the images by what the net answers: the code sorts them by their label.",
    },
    order={"": "", "turned": "The two tables stand in the wrong order."},
)]  # fmt: skip

# Row: the right answer, and what is said of an answer that is another one (None: of any).
LOSS_ROWS = {
    "direction": ("teacher first", {None: "which net's probabilities stand before the logs?"}),
    "alpha weighs": ("teacher", {None: "set alpha to 0 and see which term is left."}),
    "student's T in the soft term": ("T", {None: "what is z divided by?"}),
    "averaged over": ("examples and classes", {None: "repeat the classes, or count what .mean() divides by."}),
    "soft term, code / paper": (0.1, {
        10: "that is paper / code.", 1: "measure it: both soft terms, of the same logits.",
        0.01: "C comes in once.", None: "C = 10: by what does the code's mean divide once more?"}),
    "teacher's weight / labels' weight": (0.9, {
        9: "that is what the author meant: the code divides the teacher's term by C.", 0.09: "and the labels have 0.1.",
        None: "alpha = 0.9 and C = 10: what stands before each term of the paper's?"}),
    "changes with the teacher's entropy": ("value alone", {
        None: "the paper's term is a cross entropy, the code's a KL: does their difference have a gradient?"}),
}  # fmt: skip
TIE_ROWS = {  # paper, code
    "symmetric": ((True, False), "compare each table with its transpose."),
    "reads labels": ((False, True), "which of the two needs `labels`?"),
    "no entry above 1": ((True, False), "look at the largest entries."),
    "same when all logits are doubled": ((True, False), "double them."),
    "same when one class's logit is raised on all images": ((True, False), "add 5 to a column."),
    "same when each image's logits are raised by a number of its own": ((False, False), "add a random column vector."),
}


def loss_table(function: Callable[[], Mapping], at_least: int) -> None:
    """Check ``function()``, a mapping: ``at_least`` rows on the two losses are right, and none is wrong."""
    right = {name: answer for name, (answer, _) in LOSS_ROWS.items()}

    def why(name: str, given) -> str:
        said = LOSS_ROWS[name][1]
        number = isinstance(given, Real) and not isinstance(given, bool)
        return next((s for v, s in said.items() if v is not None and number and abs(given - v) < 1e-9), said[None])

    _table(function, right, why, at_least)


def ties_table(function: Callable[[], Mapping], at_least: int) -> None:
    """Check ``function()``, a mapping of row to (paper, code): ``at_least`` rows are right, and none is wrong."""
    _table(function, {n: a for n, (a, _) in TIE_ROWS.items()}, lambda name, given: TIE_ROWS[name][1], at_least)


def _table(function: Callable, right: Mapping, why: Callable, at_least: int) -> None:
    check_takes(function, ())
    given = function()
    if not isinstance(given, Mapping):
        raise Mistake(f"Return the table as {{row: answer}}, and not {'nothing' if given is None else told(given)}.")
    if strange := [name for name in given if name not in right]:
        raise Mistake(f"No row is called {strange[0]!r}: there are {', '.join(map(repr, right))}.")
    for name, said in given.items():
        if said is not None and not _same(said, right[name]):
            raise Mistake(f"{name!r}: {said!r} is not right. Try it: {why(name, said)}")
    filled = sum(said is not None for said in given.values())
    if filled < at_least:
        empty = [name for name in right if given.get(name) is None]
        raise Mistake(f"{filled} rows are right, {at_least} are asked. Still empty: {', '.join(map(repr, empty))}.")
    passed(f"{filled} of {len(right)} rows, and all of them right.")


def _same(said, right) -> bool:
    if isinstance(right, tuple):
        return isinstance(said, tuple | list) and len(said) == len(right) and all(map(_same, said, right))
    if isinstance(right, bool) or isinstance(said, bool):
        return said is right
    if isinstance(right, str):
        return isinstance(said, str) and said.strip().lower() == right.lower()
    return isinstance(said, Real) and abs(said - right) <= 0.01 * abs(right)
