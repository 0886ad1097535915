"""Checks of *The loss*: soft targets, the loss itself, its gradient and the limit of that."""

from collections.abc import Callable
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz import measures, objectives
from kdviz.checks.deciding import Mistake, as_tensor, combined, decide, finite, normal, passed, same
from kdviz.checks.which import recognised

PAIRS = [(normal(1, 6, 10), normal(2, 6, 10), 4.0), (normal(3, 5, 7), normal(4, 5, 7), 2.5)]
SURE = (torch.tensor([[0.0, 3000.0, 0.0]]).double(), torch.tensor([[3000.0, 0.0, 0.0]]).double(), 1.0)


def soft_targets(function: Callable[[Tensor, float], Tensor]) -> None:
    """Check ``function(logits, temperature)``: softmax(logits / T) over the classes, shape (N, C)."""
    name, cases = "The soft targets", [(v, T) for _, v, T in PAIRS]
    decide(name, function, lambda v, T: (v / T).softmax(-1), cases, TARGETS, hint="Look at one row: it must sum to 1.")
    finite(name, function, SURE[1:], "exp overflows for large logits: take torch.softmax, which subtracts the largest.")
    passed("Soft targets: each row a distribution, flatter as T grows, the classes in the order they had.")


def _targets(v: Tensor, T: float, logits: str, over: str, then: str) -> Tensor:
    scaled = {"divided": v / T, "multiplied": v * T, "left": v}[logits]
    p = scaled.softmax(0 if over == "examples" else -1)
    return {"": p, "log": p.log(), "divided": p / T, "exp": scaled.exp(), "again": p.softmax(-1)}[then]


TARGETS = [*combined(
    _targets,
    then={
        "": "",
        "log": "These are log-probabilities: a soft target is the softmax, not the log_softmax.",
        "divided": "You divide the probabilities by T: divide the logits, before the softmax.",
        "exp": "Your rows do not sum to 1: divide exp(v/T) by its sum over the classes.",
        "again": "You take the softmax twice.",
    },
    logits={
        "divided": "",
        "multiplied": "You multiply the logits by T, which sharpens: divide them.",
        "left": "T is forgotten: divide the logits by it.",
    },
    over={"classes": "", "examples": "Your columns sum to 1, not your rows: the softmax is over classes, dim=-1."},
)]  # fmt: skip


def soft_target_loss(function: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Check ``function(student_logits, teacher_logits, temperature)``: :func:`kdviz.objectives.soft_target_loss`."""
    name, reference = "The loss", objectives.soft_target_loss
    mistakes = chain(LOSSES, recognised(function))
    decide(name, function, reference, PAIRS, mistakes, hint="Compute one example with two classes by hand.")
    finite(name, function, SURE, "The loss is not finite where a probability underflows to 0: there 0 · log 0 is nan. "
           "Take log_softmax of the logits, not the log of a softmax.")  # fmt: skip
    _check_gradient(function)
    passed("The loss: value and gradient are right, no nan, and the teacher is left alone.")


def _check_gradient(function: Callable) -> None:
    for z, v, T in PAIRS:
        z, v = z.clone().requires_grad_(), v.clone().requires_grad_()
        loss = function(z, v, T)
        if not (isinstance(loss, Tensor) and loss.requires_grad):
            raise Mistake("The loss carries no gradient: return a tensor, without .item(), .detach() or no_grad.")
        of_student, of_teacher = torch.autograd.grad(loss, (z, v), allow_unused=True)
        if of_teacher is not None and of_teacher.any():
            raise Mistake("The gradient flows into the teacher, which would move to its student: detach its logits.")
        right = measures.soft_target_gradient(z.detach(), v.detach(), T) / len(z)
        if of_student is None or not same([as_tensor(of_student)], [right]):
            raise Mistake("The loss is right and its gradient is not: is a part of the student's logits detached?")


def _loss(z: Tensor, v: Tensor, T: float, student: str, teacher: str, form: str, factor: str, mean: str) -> Tensor:
    seen = {"": z / T, "T = 1": z, "twice": (z / T).softmax(-1), "early": z.softmax(-1) / T}
    told = {"": v / T, "T = 1": v, "twice": (v / T).softmax(-1), "early": v.softmax(-1) / T, "itself": z / T}
    q, p = seen[student].log_softmax(-1), told[teacher].log_softmax(-1)
    terms = {
        "": lambda: p.exp() * (p - q),
        "swapped": lambda: q.exp() * (q - p),
        "negative": lambda: p.exp() * (q - p),
        "cross entropy": lambda: -p.exp() * q,
        "probabilities": lambda: F.kl_div(q.exp(), p.exp(), reduction="none"),
        "probabilities, swapped": lambda: F.kl_div(p.exp(), q.exp(), reduction="none"),
        "logs": lambda: F.kl_div(q, p, reduction="none"),
        "log_target": lambda: F.kl_div(q, p.exp(), reduction="none", log_target=True),
        "squares": lambda: (p.exp() - q.exp()) ** 2,
    }[form]()  # fmt: skip
    terms = terms * {"T²": T**2, "1": 1.0, "T": T}[factor]
    kinds = {"examples": lambda: terms.sum() / len(z), "both": terms.mean, "none": terms.sum}
    return (kinds | {"rows": lambda: terms.sum(-1), "table": lambda: terms})[mean]()


LOSSES = [*combined(
    _loss,
    mean={
        "examples": "",
        "both": "Your loss is 10 times too small for 10 classes: are you averaging over classes as well as examples? "
                "Sum over the classes (reduction='batchmean', not 'mean').",
        "none": "Your loss grows with the number of examples: sum over classes, but average over examples.",
        "rows": "Your loss has a value for each example: average over them.",
        "table": "Your loss has a value for each example and class: sum over classes, average over examples.",
    },
    factor={
        "T²": "",
        "1": "Your loss is T² times too small: the factor T² is missing.",
        "T": "Your loss is T times too small: the factor is T², you have T.",
    },
    student={
        "": "",
        "T = 1": "The student's logits are not divided by T: both are compared at the same temperature.",
        "twice": "The student's softmax is taken twice: log_softmax and cross_entropy want logits, not probabilities.",
        "early": "The student's probabilities are divided by T and normalised again: divide its logits by T.",
    },
    teacher={
        "": "",
        "T = 1": "The teacher's logits are not divided by T: both are compared at the same temperature.",
        "twice": "The teacher's softmax is taken twice.",
        "early": "The teacher's probabilities are divided by T and normalised again: divide its logits by T.",
        "itself": "Your loss does not change when the teacher does: the student is compared with itself.",
    },
    form={
        "": "",
        "swapped": "This is KL(student ‖ teacher), the other direction: the teacher's probabilities weigh the logs. "
                   "F.kl_div takes the student's log-probabilities first.",
        "negative": "Your loss has the wrong sign: it should be 0 for a perfect copy and above 0 for any other.",
        "cross entropy": "This is the cross entropy with the soft targets, which is not 0 for a perfect copy: "
                         "subtract their entropy. (Its gradient is the same.)",
        "probabilities": "F.kl_div is given the student's probabilities: it wants log-probabilities first.",
        "probabilities, swapped": "Student and teacher are swapped in F.kl_div, and given as probabilities: the loss "
                                  "is negative. It wants the student's log-probabilities, then the teacher's softmax.",
        "logs": "Your loss is nan, as of log-probabilities given to F.kl_div as a target: pass the softmax, or "
                "log_target=True.",
        "log_target": "log_target=True is for a target of log-probabilities: yours are probabilities.",
        "squares": "These are squared differences of the probabilities: the loss is a KL divergence.",
    },
)]  # fmt: skip


def soft_target_gradient(function: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Check ``function(student_logits, teacher_logits, temperature)``: T (q − p) of each example, shape (N, C)."""
    reference = measures.soft_target_gradient
    decide("The gradient", function, reference, PAIRS, GRADIENTS, hint="Its rows sum to 0. Compare with autograd.")
    passed("The gradient: T (q − p) for each example, pushing z towards v.")


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
    cases = [(z + 1, v - 2) for z, v, _ in PAIRS]
    decide("The limit", function, _limit, cases, LIMITS, hint="Compare with the gradient at T = 1000.")
    passed("The limit: (z − v)/C, less what the softmax does not see.")


def _limit(z: Tensor, v: Tensor, mean: str = "row", size: str = "C", sign: str = "z − v") -> Tensor:
    d = z - v if sign == "z − v" else v - z
    d = d - {"row": d.mean(-1, keepdim=True), "": 0, "column": d.mean(0), "all": d.mean()}[mean]
    return d / {"C": d.shape[-1], "1": 1, "N": len(d), "NC": d.numel()}[size]


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
        "N": "You divide by the number of examples: it is the number of classes.",
        "NC": "You divide by the number of examples, too: each example has a gradient of its own, before the mean.",
    },
    sign={"z − v": "", "v − z": "The sign is wrong: z above v gives a positive gradient."},
)]  # fmt: skip
