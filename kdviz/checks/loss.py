"""Checks of *The loss*: soft targets, the loss itself, and a number by hand."""

from collections.abc import Callable
from functools import partial
from itertools import chain
from math import log

import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz import measures, objectives
from kdviz.checks.calling import Mistake, called
from kdviz.checks.deciding import as_tensor, combined, decide, hard, normal, one_of, passed, same
from kdviz.checks.which import recognised

ROWS = torch.tensor([[0.0, 3000.0, 0.0], [-3000.0, -3001.0, -3002.0]]).double()
FAR = torch.tensor([[3000.0, 0.0, 0.0], [-3001.0, -3000.0, -3002.0]]).double()


def pairs() -> list[tuple[Tensor, Tensor, float]]:
    """Student's logits, teacher's, and a temperature."""
    first, second = one_of(5, 4.0, 3.0, 5.0, 6.0), one_of(6, 2.5, 1.5, 2.0, 8.0)
    return [(normal(1, 6, 10), normal(2, 6, 10), first), (normal(3, 5, 7), normal(4, 5, 7), second)]


def soft_targets(function: Callable[[Tensor, float], Tensor]) -> None:
    """Check ``function(logits, temperature)``: softmax(logits / T) over the classes, shape (N, C)."""
    name, cases = "The soft targets", [(v, T) for _, v, T in pairs()]
    decide(name, function, lambda v, T: (v / T).softmax(-1), cases, TARGETS, hint="Look at one row: it must sum to 1.")
    overflows = "exp overflows for large logits: take torch.softmax, which subtracts the largest."
    for logits, sentence in ((FAR[:1], overflows), (FAR, GLOBAL)):
        hard(name, function, (logits, 1.0), logits.softmax(-1), sentence, f"For large logits: {overflows}")
    passed("Soft targets: each row a distribution, flatter as T grows, the classes in the order they had.")


GLOBAL = (
    "You subtract one largest logit of all examples: one whose logits lie far below becomes 0/0. Subtract each row's "
    "own largest, or take torch.softmax."
)


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
    decide(name, function, reference, pairs(), chain(LOSSES, recognised(function)),
           hint="Compute one example with two classes by hand.")  # fmt: skip
    for rows, overflows in ((slice(1), UNDERFLOWS), (slice(None), GLOBAL)):
        case = ROWS[rows], FAR[rows], 1.0
        hard(name, function, case, as_tensor(reference(*case)), overflows, CAPPED)
    _check_gradient(function)
    passed("The loss: value and gradient are right, no nan, and the teacher is left alone.")


UNDERFLOWS = (
    "The loss is not finite where a probability underflows to 0: there 0 · log 0 is nan. Take log_softmax of the "
    "logits, not the log of a softmax."
)
CAPPED = (
    "The loss is finite and wrong where a probability is nearly 0: a small number added inside the log, or a clamp, "
    "caps it. Take log_softmax of the logits, which needs neither."
)


def _check_gradient(function: Callable) -> None:
    for z, v, T in pairs():
        right = measures.soft_target_gradient(z, v, T) / len(z)  # before the function can change what it is given
        z, v = z.clone().requires_grad_(), v.clone().requires_grad_()
        loss = called("The loss of logits that ask for a gradient", function, (z, v, T))
        if not (isinstance(loss, Tensor) and loss.requires_grad):
            raise Mistake("The loss carries no gradient: return a tensor, without .item(), .detach() or no_grad.")
        of_student, of_teacher = torch.autograd.grad(loss, (z, v), allow_unused=True)
        if of_teacher is not None and of_teacher.any():
            raise Mistake("The gradient flows into the teacher, which would move to its student: detach its logits.")
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


def _transposed(z: Tensor, v: Tensor, T: float, mean: str, factor: str) -> Tensor:
    q, p = (z / T).log_softmax(0), (v / T).log_softmax(0)
    total = (p.exp() * (p - q)).sum() * {"T²": T**2, "1": 1.0, "T": T}[factor]
    return total / {"examples": len(z), "both": z.numel(), "none": 1}[mean]


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

DOWN = "Your softmax runs over the examples: it is over the classes, dim=-1."
LOSSES += [
    (f"{DOWN} And: {sentence}", partial(_transposed, mean=mean, factor=factor)) if sentence else
    (DOWN, partial(_transposed, mean=mean, factor=factor))
    for mean in ("examples", "both", "none") for factor, sentence in
    (("T²", ""), ("1", "The factor T² is missing."), ("T", "The factor is T², you have T."))
]  # fmt: skip


def own_number(function: Callable[[], float], temperature: float, odds: float) -> None:
    """Check that ``function()`` is the loss of a teacher's logits (T ln odds, 0) and a student's (0, 0)."""
    z, v = torch.zeros(1, 2).double(), torch.tensor([[temperature * log(odds), 0.0]]).double()

    def loss(form: str = "", factor: str = "T²") -> float:
        return _loss(z, v, temperature, "", "", form, factor, "examples").item()

    decide("Your number", function, loss, [()], [
        ("The factor T² is missing.", lambda: loss(factor="1")),
        ("The factor is T², you have T.", lambda: loss(factor="T")),
        ("Your logarithm is to the base 2: take the natural one.", lambda: loss() / log(2)),
        ("This is KL(student ‖ teacher), the other direction.", lambda: loss("swapped")),
        ("This is the cross entropy: subtract the entropy of the soft targets.",
         lambda: loss("cross entropy")),
    ], hint="The soft targets are odds/(odds + 1) and 1/(odds + 1).", close=dict(rtol=0.0, atol=6e-4))  # fmt: skip
    passed("Your number.")
