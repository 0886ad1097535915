"""Checks of *The loss*: its gradient, and the limit of that for high temperatures."""

from collections.abc import Callable

from torch import Tensor

from kdviz import measures
from kdviz.checks.deciding import combined, decide, hard, passed
from kdviz.checks.loss import pairs

LARGE = 1e12  # logits and temperature so large that a small step of a logit is rounded away


def soft_target_gradient(function: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Check ``function(student_logits, teacher_logits, temperature)``: T (q − p) of each example, shape (N, C)."""
    reference, name, cases = measures.soft_target_gradient, "The gradient", pairs()
    decide(name, function, reference, cases, GRADIENTS, hint="Its rows sum to 0.", autograd=False)
    z, v, T = cases[0]
    large = tuple(LARGE * part for part in (z, v, T))
    hard(name, function, large, LARGE * reference(z, v, T), STEPPED, STEPPED)
    passed("The gradient: T (q − p) for each example, pushing z towards v.")


STEPPED = (
    "Your gradient is right for ordinary logits, and not where logits and T are a trillion times as large, though q "
    "and p are the same there: a finite difference? Write the formula you derived."
)


def _gradient(z: Tensor, v: Tensor, T: float, sign: str, factor: str, at: str, over: str) -> Tensor:
    q = (z if at in ("student", "both") else z / T).softmax(-1)
    p = (v if at in ("teacher", "both") else v / T).softmax(-1)
    size = {"T": T, "1/T": 1 / T, "1": 1, "T²": T**2}[factor] / {"": 1, "N": len(z), "C": z.shape[-1]}[over]
    return (q - p if sign == "q − p" else p - q) * size


GRADIENTS = [*combined(
    _gradient,
    factor={
        "T": "",
        "1/T": "This is the gradient of KL without its factor: the loss has T² before it.",
        "1": "A T is missing: T² from the loss, and one 1/T from the chain rule.",
        "T²": "You have T²: the chain rule brings one 1/T, for z is divided by T inside.",
    },
    sign={"q − p": "", "p − q": "The sign is wrong: where the student gives too much, the gradient is positive."},
    over={
        "": "",
        "N": "You divide by the number of examples: here each example has a gradient of its own, before the mean.",
        "C": "You divide by the number of classes: the loss is summed over them.",
    },
    at={
        "": "",
        "student": "The student's probabilities are taken at T = 1.",
        "teacher": "The teacher's probabilities are taken at T = 1.",
        "both": "T is forgotten inside the softmax: q and p are probabilities at T.",
    },
)]  # fmt: skip


def gradient_limit(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Check ``function(student_logits, teacher_logits)``: the gradient for T → ∞, shape (N, C)."""
    name, cases = "The limit", [(z + 1, v - 2) for z, v, _ in pairs()]
    decide(name, function, _limit, cases, LIMITS, hint="Compare with the gradient at T = 1000.")
    large = tuple(LARGE * part for part in cases[0])
    hard(name, function, large, _limit(*large), AT_ONE_T, AT_ONE_T)
    passed("The limit: (z − v)/C, less what the softmax does not see.")


AT_ONE_T = (
    "Right for ordinary logits, and not for very large ones: is this the gradient at one large T? The limit knows no "
    "T: write its formula."
)


def _limit(z: Tensor, v: Tensor, mean: str = "row", size: str = "C", sign: str = "z − v") -> Tensor:
    d = z - v if sign == "z − v" else v - z
    d = d - {"row": d.mean(-1, keepdim=True), "": 0, "column": d.mean(0), "all": d.mean()}[mean]
    return d / {"C": d.shape[-1], "1": 1, "C/2": d.shape[-1] / 2, "N": len(d), "NC": d.numel()}[size]


LIMITS = [*combined(
    _limit,
    mean={
        "row": "",
        "": "The softmax does not see a constant added to all logits of an example, your limit does: "
            "subtract each example's mean over the classes from both logits first.",
        "column": "You subtract the mean over examples: it is each example's own mean, over its classes (dim=-1).",
        "all": "You subtract one mean of everything: it is each example's own mean, over its classes (dim=-1).",
    },
    size={
        "C": "",
        "1": "The limit is too large by the number of classes: at T → ∞ every probability is near 1/C.",
        "C/2": "Your limit is twice too large: it is the gradient of *half* the squared differences, divided by C.",
        "N": "You divide by the number of examples: it is the number of classes.",
        "NC": "You divide by the number of examples, too: each example has a gradient of its own, before the mean.",
    },
    sign={"z − v": "", "v − z": "The sign is wrong: z above v gives a positive gradient."},
)]  # fmt: skip
