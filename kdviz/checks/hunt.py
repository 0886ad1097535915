"""Checks of *Bug hunt*: six parts of a program are wrong as public code was; each is recognised when it is mended."""

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout

import torch
from torch import Tensor, nn

from kdviz import measures
from kdviz.arguments import told
from kdviz.checks.deciding import Mistake, combined, decide, normal, passed
from kdviz.checks.loss import soft_target_loss
from kdviz.checks.pairs import check_batches

RATE = 3e-3  # of the program's optimizer

# What each planted mistake is, and where it stood.
STORIES = {
    "soft_target_loss": "it averaged over the classes as well, so the teacher spoke 10 times too softly for 10 classes "
    "(KLDivLoss's default mean, as in haitongli's and peterliht's)",
    "teacher_logits": "the teacher was asked in training mode, so its dropout made its targets noisy (AditMeh)",
    "batches": "the images were shuffled and the teacher's logits were not: opinions about other images "
    "(haitongli, until 2021)",
    "train": "measuring puts the net into evaluation mode, and only the first epoch trained in training mode (KD_Lib)",
    "nll": "a table of all examples by all labels was averaged, not each example's own label (gnosis)",
    "reported": "the best epoch by *test* accuracy was reported, not the last (as a best_acc does)",
}


def mended(function: Callable[[], Mapping[str, Callable]], program: Mapping[str, Callable], at_least: int) -> None:
    """Check that ``function()``, a mapping of names to functions, mends ``at_least`` planted mistakes of ``program``.

    What is given under a name must be right, whether that part was wrong or not. Nothing is said of the parts that
    are not given.
    """
    given = function()
    if not isinstance(given, Mapping):
        kind = "nothing" if given is None else told(given)
        raise Mistake(f"Return your functions by name, {{'nll': nll, …}}, and not {kind}.")
    for name, part in given.items():
        if name not in program:
            raise Mistake(f"No part of the program is called {name!r}: there are {', '.join(program)}.")
        if not callable(part):
            raise Mistake(f"`{name}` must be a function, and is {told(part)}.")
    parts = {**program, **given}
    found = [name for name in STORIES if _is_mended(name, parts, program, given)]
    for name in given:
        if name not in STORIES:
            _said(name, parts, f"`{name}` was right as it stood, and yours is not. ")
    if len(found) < at_least:
        known = f": {', '.join(f'`{name}`' for name in found)}" if found else ""
        raise Mistake(
            f"{len(found)} of the six are mended{known}. For the next: give a part something so small that you know "
            "its answer, and call it twice."
        )
    passed(f"{at_least} of 6. `{found[at_least - 1]}`: {STORIES[found[at_least - 1]]}.")


def _is_mended(name: str, parts: Mapping, program: Mapping, given: Mapping) -> bool:
    """Whether a guilty part is right now. One that is given and wrong is told; ``train`` may be mended elsewhere."""
    if name in given:
        _said(name, parts, f"`{name}`: ")
        return True
    if name == "train" and "accuracy" in given:
        try:
            CHECKS[name](parts)
        except Mistake:
            return False
        return True
    return False


def _said(name: str, parts: Mapping, before: str) -> None:
    try:
        with redirect_stdout(io.StringIO()):
            CHECKS[name](parts)
    except Mistake as mistake:
        raise Mistake(f"{before}{mistake}") from None
    except NotImplementedError:
        raise
    except Exception as problem:
        raise Mistake(f"{before}it fails with {type(problem).__name__}: {problem}") from problem


class _Watched(nn.Module):
    """A net with dropout that remembers in which mode it answered, with gradient and without."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers, self.learning, self.asked = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5)), [], []

    def forward(self, images: Tensor) -> Tensor:
        (self.learning if torch.is_grad_enabled() else self.asked).append(self.training)
        return self.layers(images)


def _check_teacher_logits(parts: Mapping) -> None:
    teacher, images = _Watched().train(), normal(70, 9, 4).float()
    right = teacher.layers[0](images).detach()
    given = parts["teacher_logits"](teacher, images)
    if not isinstance(given, Tensor) or given.shape != right.shape:
        raise Mistake(f"it must return logits of shape {tuple(right.shape)}, not {told(given)}.")
    if given.requires_grad:
        raise Mistake("the answers carry a gradient into the teacher: ask it under torch.no_grad().")
    if any(teacher.learning + teacher.asked):
        raise Mistake("the teacher still answers in training mode: its dropout makes every answer another one.")
    if torch.allclose(given, right.softmax(-1)):
        raise Mistake("these are probabilities: the loss divides *logits* by T.")
    if not torch.allclose(given, right):
        raise Mistake("the teacher's answers are changed: return what it says, no more.")


def _learn(student: nn.Module, epoch: Callable, loss: Callable, measure: Callable, epochs: int, zero: bool = True):
    optimizer, history = torch.optim.Adam(student.parameters(), lr=RATE), []
    for _ in range(epochs):
        student.train()
        for images, labels, v in epoch():
            if zero:
                optimizer.zero_grad()
            loss(student(images), v, labels).backward()
            optimizer.step()
        history.append(measure(student))
    return history


def _check_train(parts: Mapping) -> None:
    images, labels, v = normal(71, 12, 4).float(), torch.arange(12) % 3, normal(72, 12, 3).float()

    def epoch():
        return zip(images.split(5), labels.split(5), v.split(5), strict=True)

    def distance(z: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        return (z - v).square().mean() + nn.functional.cross_entropy(z, labels)

    def trained(by: Callable, epochs: int = 3) -> tuple[_Watched, list]:
        student = _Watched()
        torch.manual_seed(1)
        return student, by(student, epoch, distance, lambda net: parts["accuracy"](net, images, labels), epochs)

    student, history = trained(parts["train"])
    if not isinstance(history, list | tuple) or len(history) != 3:
        raise Mistake("it must return a list with what `measure` says after each epoch.")
    flags = student.learning
    if not any(flags):
        raise Mistake("the student never trains in training mode: its dropout is off.")
    if not all(flags):
        raise Mistake("only the first epoch trains in training mode: `measure` puts the student into evaluation mode.")
    (right, _), (summed, _) = trained(_learn), trained(lambda *a: _learn(*a, zero=False))
    weight, *others = (net.layers[0].weight for net in (student, right, summed))
    if torch.allclose(weight, others[1], atol=1e-6) and not torch.allclose(*others, atol=1e-6):
        raise Mistake("gradients are never set to zero: each step repeats all steps before it.")
    if not torch.allclose(weight, others[0], atol=1e-6):
        raise Mistake(f"it trains otherwise than asked: Adam at {RATE}, a step a batch, the loss as it is given.")


def _check_accuracy(parts: Mapping) -> None:
    images = normal(73, 40, 4).float()
    net = _Watched().train()
    right = net.layers[0](images).argmax(-1)
    labels = torch.where(torch.arange(40) % 4 == 0, (right + 1) % 3, right)
    given = parts["accuracy"](net, images, labels)
    if any(net.learning + net.asked):
        raise Mistake("it asks the net in training mode: dropout is on, and the answers are others each time.")
    decide("the accuracy", lambda _: given, lambda _: 0.75, [(0,)], hint="Of 40 answers here 30 are right.")


def _check_without(parts: Mapping) -> None:
    labels = torch.arange(30) % 10
    images = labels.float()[:, None]
    for digit in (7, 0):
        kept, said = parts["without"](images, labels, digit)
        if not torch.equal(said, labels[labels != digit]) or not torch.equal(kept[:, 0].long(), said):
            raise Mistake(
                f"asked to take out {digit}, it keeps the labels {sorted({*said.tolist()})}, or moves images."
            )


def _nll(logits: Tensor, labels: Tensor, over: str, sign: str, mean: str) -> Tensor:
    log_q = logits.log_softmax(-1)
    one = {
        "own": log_q.gather(-1, labels[:, None]), "all": log_q[..., labels], "answer": log_q.amax(-1), "sum": log_q,
    }[over]  # fmt: skip
    said = one.sum() if mean == "sum" else one.mean()
    return said if sign == "+" else -said


NLLS = [*combined(
    _nll,
    over={
        "own": "",
        "all": "each example is still asked for the labels of all examples: a table of N × N is averaged.",
        "answer": "this is the log probability of the net's own answer: the label's is wanted, right or wrong.",
        "sum": "this is the mean over all classes: only the label's probability counts.",
    },
    sign={"-": "", "+": "the sign is lost: the *negative* log likelihood is above 0."},
    mean={"mean": "", "sum": "it grows with the number of examples: average over them."},
)]  # fmt: skip


def _check_nll(parts: Mapping) -> None:
    cases = [(normal(74, 20, 10), torch.arange(20) % 7), (normal(76, 9, 4), torch.arange(9) % 3)]
    decide("it", parts["nll"], measures.nll, cases, NLLS, hint="Two examples with two classes, by hand.")


BEST = "the best epoch of the *test* curve is still reported: it was chosen by the labels it is judged by."
REPORTS = [
    (BEST, lambda history: max(history)),
    ("the first epoch is reported: the program has trained since.", lambda history: history[0]),
    ("the mean over all epochs is reported: say what the net that you hand over does.",
     lambda history: sum(history) / len(history)),
    ("the worst epoch is reported: chosen by the test labels, too.", lambda history: min(history)),
    ("the place of the best epoch is returned, and it is chosen on test labels.",
     lambda history: history.index(max(history))),
    ("the epoch before the last is reported.", lambda history: history[-2]),
]  # fmt: skip


def _check_reported(parts: Mapping) -> None:
    cases = [([0.5, 0.9, 0.7, 0.8],), ([0.2, 0.6, 0.3],), ([0.1, 0.3, 0.95, 0.4, 0.6],)]
    decide("it", parts["reported"], lambda history: history[-1], cases, REPORTS, hint="Choose no epoch by test labels.")


def _check_agreement(parts: Mapping) -> None:
    cases = [(normal(77, 50, 10), normal(77, 50, 10) + normal(78, 50, 10) / 2)]
    decide("the agreement", parts["agreement"], measures.agreement, cases)


def _check_mixed(parts: Mapping) -> None:
    cases = [(1.5, 0.4, 0.9), (0.3, 2.0, 0.25)]
    decide("the mixture", parts["mixed"], lambda soft, hard, weight: weight * soft + (1 - weight) * hard, cases)


CHECKS: dict[str, Callable[[Mapping], None]] = {
    "soft_target_loss": lambda parts: soft_target_loss(parts["soft_target_loss"]),
    "mixed": _check_mixed,
    "teacher_logits": _check_teacher_logits,
    "batches": lambda parts: check_batches(parts["batches"]),
    "accuracy": _check_accuracy,
    "train": _check_train,
    "agreement": _check_agreement,
    "nll": _check_nll,
    "without": _check_without,
    "reported": _check_reported,
}
