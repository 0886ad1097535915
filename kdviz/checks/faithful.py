"""Checks of *Is it faithful?*: agreement, its bounds, the controls, calibration."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from kdviz import measures
from kdviz.checks.deciding import combined, decide, draws, normal, one_of, passed

BATCHES = (16, 32, 50, 64, 100, 128, 256)
BATCHED = "This is a mean over batches of {}: the last, smaller one counts too much. Average over the examples."

DROPPED = "Only whole batches of {} are counted, the last, smaller one is dropped: average over all examples."


def _alike(seed: int, n: int, classes: int) -> tuple[Tensor, Tensor]:
    first = normal(seed, n, classes)
    return first, first + normal(seed + 1, n, classes) / 2


def agreement(function: Callable[[Tensor, Tensor], float]) -> None:
    """Check ``function(logits_a, logits_b)``: :func:`kdviz.measures.agreement`."""
    cases = [_alike(10, 330, 10), _alike(12, 498, 4)]
    decide("The agreement", function, measures.agreement, cases, AGREEMENTS, hint="A net agrees with itself: 1.")
    passed("Agreement: the share of examples where the two argmaxes coincide.")


def _same_answer(a: Tensor, b: Tensor, dim: int = -1) -> Tensor:
    return (a.argmax(dim) == b.argmax(dim)).double()


def _of_batches(values: Tensor, size: int) -> Tensor:
    return torch.stack([part.mean() for part in values.split(size)]).mean()


AGREEMENTS = [
    ("You count the examples: divide by their number.", lambda a, b: _same_answer(a, b).sum()),
    ("A share lies between 0 and 1: yours is a percentage.", lambda a, b: 100 * _same_answer(a, b).mean()),
    ("This is the disagreement: 1 less the agreement.", lambda a, b: 1 - _same_answer(a, b).mean()),
    ("Your argmax runs over the examples: it is over the classes, dim=-1.", lambda a, b: _same_answer(a, b, 0).mean()),
    ("You return a value for each example: average them.", _same_answer),
    ("You compare the logits or their largest values, which are never equal: compare the argmaxes, not the max.",
     lambda a, b: (a.amax(-1) == b.amax(-1)).double().mean()),
    ("This is the correlation of the logits: compare their argmaxes.",
     lambda a, b: torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]),
    ("This is the overlap of the probabilities: agreement looks at the two answers alone, their argmaxes.",
     lambda a, b: torch.minimum(a.softmax(-1), b.softmax(-1)).sum(-1).mean()),
    *((BATCHED.format(size), lambda a, b, size=size: _of_batches(_same_answer(a, b), size)) for size in BATCHES),
    *((DROPPED.format(size), lambda a, b, size=size: _same_answer(a, b)[: len(a) // size * size].mean())
      for size in BATCHES),
]  # fmt: skip


def agreement_bounds(function: Callable[[float, float], tuple[float, float]]) -> None:
    """Check ``function(accuracy_a, accuracy_b)``: (low, high) of :func:`kdviz.measures.agreement_bounds`."""
    cases = [(one_of(80, 0.9, 0.85, 0.95), 0.75), (0.3, one_of(81, 0.45, 0.4, 0.35)), (0.625, 0.5), (0.2, 0.95)]
    decide("(low, high)", function, measures.agreement_bounds, cases, BOUNDS, hint="Draw 10 images in a row for each.")
    passed("The bounds: from max(0, a + b − 1) to 1 − |a − b|.")


def _bounds(a: float, b: float, order: str, low: str, high: str) -> tuple[float, float]:
    least = {"": max(0.0, a + b - 1), "negative": a + b - 1, "two": abs(a + b - 1), "product": a * b, "zero": 0.0,
             "least": min(a, b), "chance": a * b + (1 - a) * (1 - b)}[low]  # fmt: skip
    most = {"": 1 - abs(a - b), "both": min(a, b), "one": 1.0, "signed": 1 - (a - b), "larger": max(a, b)}[high]
    return (least, most) if order == "" else (most, least)


BOUNDS = [*combined(
    _bounds,
    order={"": "", "turned": "The order is wrong: return the lower bound first, then the upper."},
    low={
        "": "",
        "negative": "Your lower bound falls below 0 where a + b < 1: no share does.",
        "two": "Your lower bound |a + b − 1| is that of two classes, where two wrong answers agree. "
               "With three or more they need not.",
        "product": "a · b is how often two nets are both right if their errors are independent: that is no bound.",
        "zero": "Your lower bound is 0: two nets that are often right cannot avoid to agree. How often are both right?",
        "least": "min(a, b) is the most that both can be right together, not the least that they agree.",
        "chance": "a · b + (1 − a)(1 − b) takes the errors as independent: that is no bound.",
    },
    high={
        "": "",
        "both": "Your upper bound min(a, b) counts only images where both are right: they may make the same errors.",
        "one": "Your upper bound is 1: where one is right and the other wrong, they differ. How often, at least?",
        "signed": "Your upper bound is above 1 where b > a: take the absolute difference.",
        "larger": "max(a, b) is no bound: where one is right and the other wrong they differ. How often, at least?",
    },
)]  # fmt: skip


def controls(function: Callable[[list[Tensor], list[Tensor]], tuple[float, float, float]]) -> None:
    """Check ``function(teachers, students)``, logits of both: (own, stranger, teachers).

    Mean agreement of student s with teacher s, of students with the teachers that did not teach them, and of pairs of
    different teachers.
    """
    cases = []
    for seed, n, classes, several in ((20, 200, 10, 3), (40, 90, 5, 4)):
        teachers = [normal(seed, n, classes) + normal(seed + 1 + s, n, classes) / 3 for s in range(several)]
        students = [logits + normal(seed + 9 + s, n, classes) / 4 for s, logits in enumerate(teachers)]
        cases.append((teachers, students))
    decide("(own, stranger, teachers)", function, _controls, cases, CONTROLS, hint="Which pairs is each a mean of?")
    passed("The controls: a student with its own teacher, with a stranger, and teachers that never met.")


def _controls(teachers, students, own: str = "", stranger: str = "", among: str = "", order: str = "") -> tuple:
    table = torch.tensor([[measures.agreement(s, t) for t in teachers] for s in students])
    pairs = torch.tensor([[measures.agreement(s, t) for t in teachers] for s in teachers])
    peers = torch.tensor([[measures.agreement(s, t) for t in students] for s in students])
    apart = ~torch.eye(len(teachers), dtype=torch.bool)
    first = {"": table.diag().mean(), "first": table[0, 0], "all": table.mean()}[own]
    second = {"": table[apart].mean(), "all": table.mean(), "first": table[1:, 0].mean()}[stranger]
    third = {"": pairs[apart].mean(), "itself": pairs.mean(), "students": peers[apart].mean(), "first": pairs[0, 1]}
    found = first, second, third[among]
    return found if not order else (found[1], found[0], found[2])


CONTROLS = [*combined(
    _controls,
    own={
        "": "",
        "first": "Your `own` is that of the first student alone: average over the students.",
        "all": "Your `own` averages over all students and all teachers: student s belongs to teacher s.",
    },
    stranger={
        "": "",
        "all": "Your `stranger` includes each student's own teacher: leave the pairs (s, s) out.",
        "first": "Your `stranger` asks the first teacher alone: average over all that did not teach the student.",
    },
    among={
        "": "",
        "itself": "Your `teachers` includes each teacher with itself, which agrees always: leave those pairs out.",
        "students": "Your `teachers` is the agreement among students.",
        "first": "Your `teachers` is that of the first two alone: average over all pairs.",
    },
    order={"": "", "turned": "`own` and `stranger` stand in the wrong order."},
)]  # fmt: skip


def expected_calibration_error(function: Callable[[Tensor, Tensor, int], float]) -> None:
    """Check ``function(confidence, right, bins)``: :func:`kdviz.measures.calibration_error`."""
    cases = [_sure(50, 330, 8), _sure(51, 498, 4)]
    hint = "Print confidence, accuracy and count of each bin."
    decide("The ECE", function, measures.calibration_error, cases, ECES, hint=hint)
    passed("The ECE: bins (lo, hi], each gap weighted by its count, empty bins skipped.")


def _sure(seed: int, n: int, bins: int) -> tuple[Tensor, Tensor, int]:
    """Confidences of which many lie on a bin's edge, exactly, none in the lowest bin; too sure in every second bin."""
    draw = draws(seed)
    sure = torch.rand(n, generator=draw, dtype=torch.float64) * (1 - 1 / bins) + 1 / bins
    sure[::3] = ((sure[::3] * bins).round() / bins).clamp(2 / bins, 1)
    bin_of = torch.bucketize(sure, torch.linspace(0, 1, bins + 1, dtype=torch.float64)[1:-1])
    chance = (sure + 0.35 * (1 - 2 * (bin_of % 2))).clamp(0.05, 0.95)
    return sure, torch.rand(n, generator=draw, dtype=torch.float64) < chance, bins


def _ece(confidence: Tensor, right: Tensor, bins: int, edge: str, weight: str, gap: str, scale: str, at: str) -> Tensor:
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    bin_of = torch.bucketize(confidence, edges[1:-1], right=edge != "")  # right=True: on an edge falls into the upper
    kept = confidence < 1 if edge == "lost" else torch.ones_like(right)
    inside = [kept & (bin_of == place) for place in range(bins)]
    middles = (edges[1:] + edges[:-1]) / 2
    told = middles[bin_of] if at == "middle" else confidence
    gaps = torch.stack([(right[rows].double() - told[rows]).mean() for rows in inside])
    share = torch.stack([rows.double().mean() for rows in inside])
    size = {"": gaps.abs(), "signed": gaps, "squares": gaps**2, "surer": (-gaps).clamp(min=0)}[gap]
    found = {"": (size * share).nansum(), "bins": size.nanmean(), "all": size.nansum() / bins, "sum": size.nansum(),
             "worst": size.nan_to_num().max(), "empty": (size * share).sum()}[weight]  # fmt: skip
    return found * (100 if scale else 1)


def _batched(confidence: Tensor, right: Tensor, bins: int, size: int) -> Tensor:
    parts = zip(confidence.split(size), right.split(size), strict=True)
    return torch.tensor([measures.calibration_error(*part, bins) for part in parts], dtype=torch.float64).mean()


def _whole(confidence: Tensor, right: Tensor, bins: int, size: int) -> float:
    kept = len(confidence) // size * size
    return measures.calibration_error(confidence[:kept], right[:kept], bins)


EQUAL_MASS = "Your bins hold equally many examples: here they have equal width, (m − 1)/M to m/M."


ORDERS = (  # of equal confidences each has its own
    Tensor.argsort, partial(Tensor.argsort, stable=True), lambda c: torch.from_numpy(c.numpy().argsort()),
)  # fmt: skip


def _of_groups(confidence: Tensor, right: Tensor, groups: Sequence[Tensor]) -> Tensor:
    gaps = [(right[rows].double().mean() - confidence[rows].mean()).abs() * len(rows) for rows in groups if len(rows)]
    return torch.stack(gaps).sum() / len(confidence)


def _between(confidence: Tensor, right: Tensor, edges: Tensor) -> Tensor:
    bin_of = torch.bucketize(confidence, edges[1:-1])
    return _of_groups(confidence, right, [(bin_of == place).nonzero().flatten() for place in range(len(edges) - 1)])


ECES = [
    *combined(
        _ece,
        edge={
            "": "",
            "upper": "Your bins are [lo, hi): a confidence on an edge belongs to the lower bin, (lo, hi].",
            "lost": "Your bins are [lo, hi), and a confidence of exactly 1 falls out of them all: take (lo, hi].",
        },
        weight={
            "": "",
            "bins": "You average over bins: a bin of two examples then counts as much as one of a hundred. "
                    "Weight each by its share of the examples.",
            "all": "You average over bins, empty ones included: weight each by its share of the examples.",
            "sum": "You add up the gaps: weight each bin by its share of the examples.",
            "worst": "This is the largest gap (the *maximum* calibration error): weight the gaps by the bins' shares.",
            "empty": "Your ECE is nan: a bin is empty, and its mean is 0/0. Skip it.",
        },
        gap={
            "": "",
            "signed": "Your gaps have signs, and cancel: take the absolute value of each bin's gap.",
            "squares": "You square the gaps: take their absolute values.",
            "surer": "You count only bins that are too sure: take the absolute value of each gap.",
        },
        scale={"": "", "percent": "Yours is a percentage: give a share between 0 and 1."},
        at={"": "", "middle": "You compare a bin's accuracy with its middle: take its mean confidence."},
    ),
    *((EQUAL_MASS, lambda c, r, bins, order=order: _of_groups(c, r, order(c).tensor_split(bins))) for order in ORDERS),
    (EQUAL_MASS, lambda c, r, bins: _between(c, r, c.quantile(torch.linspace(0, 1, bins + 1, dtype=c.dtype)))),
    ("There are no bins here: this is the mean of |right − confidence| over the examples.",
     lambda confidence, right, bins: (right.double() - confidence).abs().mean()),
    ("This is the Brier score of the top class: the ECE is of means in bins.",
     lambda confidence, right, bins: ((right.double() - confidence) ** 2).mean()),
    ("This is a single gap, mean confidence against accuracy: take it in each bin.",
     lambda confidence, right, bins: (right.double().mean() - confidence.mean()).abs()),
    *((BATCHED.format(size), lambda c, r, bins, size=size: _batched(c, r, bins, size)) for size in BATCHES),
    *((DROPPED.format(size), lambda c, r, bins, size=size: _whole(c, r, bins, size)) for size in BATCHES),
]  # fmt: skip
