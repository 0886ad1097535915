"""Which loss is this? A function of logits compared with published definitions, up to a factor in T, C and N.

Each definition is summed over classes and averaged over examples. The loss of a name is the definition times
``c · T^a · C^b · N^d``: the exponents are read off settings that differ in one of T, C, N alone, whatever the logits,
and then the whole is compared on other logits.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from inspect import signature
from math import isfinite, log2

import torch.nn.functional as F
from torch import Tensor

from kdviz.checks.calling import Mistake
from kdviz.checks.deciding import normal

Loss = Callable[[Tensor, Tensor, float], Tensor]
CLOSE = 1e-6  # relative, in float64
FIRST = (6, 5, 2.0)  # examples, classes, T
DOUBLED = {"T": (6, 5, 4.0), "C": (6, 10, 2.0), "N": (12, 5, 2.0)}
FRESH = [(7, 4, 1.0), (5, 11, 2.0), (9, 6, 5.0), (3, 8, 1.5)]
POWERS = {1: "", 2: "²", 3: "³", 4: "⁴"}
UNKNOWN = "unknown: none of the definitions we know, up to a factor in T, C and N"


def which_loss(function: Loss) -> str:
    """Which published definition a loss equals, and by which factor.

    Parameters
    ----------
    function : callable
        Takes the student's logits and the teacher's, both of shape (N, C), and T; gives one number. It is called with
        float64 logits, none of them −∞, and only its value is looked at, not its gradient.

    Returns
    -------
    str
        As ``"T² · KL(teacher ‖ student) at T: …"``, with the code it is found in where we read it; or ``"unknown: …"``,
        which other sums of two definitions are, too.

    Raises
    ------
    Mistake
        The function cannot be called so, fails, or gives no finite number: said in a sentence.
    """
    values = {setting: _value(function, setting) for setting in (FIRST, *DOUBLED.values(), *FRESH)}
    for name, definition in DEFINITIONS.items():
        factor = _factor({setting: value / _right(definition, setting) for setting, value in values.items()})
        if factor is not None:
            found = f"{factor} · {name}"
            return f"{found}: {FOUND_IN[found]}" if found in FOUND_IN else found
    return UNKNOWN


def recognised(function: Loss) -> Iterator[tuple[str, Loss]]:
    """For :func:`kdviz.checks.deciding.decide`: the definition a wrong loss equals, if it is one we know."""
    try:
        found = which_loss(function)
    except Mistake:
        return
    if found != UNKNOWN:
        why = [sentence for name, sentence in APART.items() if name in found]
        yield " ".join([f"It is none of the mistakes we know, but another loss: {found}.", *why]), function


def _logits(setting: tuple[int, int, float]) -> tuple[Tensor, Tensor, float]:
    n, classes, T = setting
    seed = 1000 * n + 10 * classes + int(10 * T)
    return normal(seed, n, classes), normal(seed + 1, n, classes), T


def _right(definition: Loss, setting: tuple[int, int, float]) -> float:
    return definition(*_logits(setting)).item()


def _value(function: Loss, setting: tuple[int, int, float]) -> float:
    if not callable(function):
        raise Mistake(f"A loss is a function of (student logits, teacher logits, T), not {type(function).__name__}.")
    case = _logits(setting)
    try:
        signature(function).bind(*case)
    except TypeError:
        raise Mistake("The loss must take three arguments: student logits, teacher logits, T.") from None
    except ValueError:  # a function without a signature that can be read
        pass
    try:
        given = function(*case)
    except Exception as problem:
        said = f"{type(problem).__name__}: {problem}"
        raise Mistake(f"The loss fails on logits of shape {tuple(case[0].shape)}: {said}") from problem
    if isinstance(given, Tensor) and given.numel() != 1:
        raise Mistake(f"The loss gives a tensor of shape {tuple(given.shape)}: sum or average to one number.")
    try:
        number = float(given)
    except (TypeError, ValueError):
        raise Mistake(f"The loss must give one number, and gives {type(given).__name__}.") from None
    if not isfinite(number):
        raise Mistake(f"The loss is {number} on ordinary logits: is a log taken of a log, or of what is negative?")
    return number


def _factor(ratios: dict[tuple[int, int, float], float]) -> str | None:
    """The factor as a formula, if one of the form c · T^a · C^b · N^d gives every ratio."""
    if not all(ratios.values()) or len({ratio > 0 for ratio in ratios.values()}) > 1:
        return None
    powers = {letter: log2(ratios[setting] / ratios[FIRST]) for letter, setting in DOUBLED.items()}
    whole = {letter: round(power) for letter, power in powers.items()}
    if any(abs(whole[letter] - power) > CLOSE or abs(whole[letter]) > 4 for letter, power in powers.items()):
        return None

    def factor(setting: tuple[int, int, float]) -> float:
        n, classes, T = setting
        return T ** whole["T"] * classes ** whole["C"] * n ** whole["N"]

    constant = ratios[FIRST] / factor(FIRST)
    if any(abs(ratio / (constant * factor(setting)) - 1) > CLOSE for setting, ratio in ratios.items()):
        return None
    return _formula(constant, whole)


def _formula(constant: float, powers: dict[str, int]) -> str:
    """As 1, T², T²/C, 0.9 · T², N/(2 · C)."""
    simple = abs(Fraction(constant)).limit_denominator(8)
    if abs(simple / abs(Fraction(constant)) - 1) < CLOSE:
        above, below = ([str(number)] * (number != 1) for number in simple.as_integer_ratio())
    else:
        above, below = [f"{abs(constant):.6g}"], []
    above += [letter + POWERS[power] for letter, power in powers.items() if power > 0]
    below += [letter + POWERS[-power] for letter, power in powers.items() if power < 0]
    under = " · ".join(below) if len(below) < 2 else f"({' · '.join(below)})"
    return ("−" if constant < 0 else "") + (" · ".join(above) or "1") + (f"/{under}" if below else "")


def _mean(terms: Tensor) -> Tensor:
    return terms.sum(-1).mean()


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """KL of two distributions that are given as logits."""
    p, q = p.log_softmax(-1), q.log_softmax(-1)
    return _mean(p.exp() * (p - q))


def _jsd(z: Tensor, v: Tensor, T: float) -> Tensor:
    middle = (((z / T).softmax(-1) + (v / T).softmax(-1)) / 2).log()
    return (_kl(v / T, middle) + _kl(z / T, middle)) / 2


def _standard(logits: Tensor) -> Tensor:
    return (logits - logits.mean(-1, keepdim=True)) / logits.std(-1, keepdim=True)


def _dist(z: Tensor, v: Tensor, T: float) -> Tensor:
    def apart(a: Tensor, b: Tensor) -> Tensor:
        a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
        return 1 - ((a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1) + 1e-8)).mean()

    q, p = (z / T).softmax(-1), (v / T).softmax(-1)
    return apart(q, p) + apart(q.T, p.T)


DEFINITIONS: dict[str, Loss] = {
    "KL(teacher ‖ student) at T": lambda z, v, T: _kl(v / T, z / T),
    "KL(student ‖ teacher) at T": lambda z, v, T: _kl(z / T, v / T),
    "cross entropy with soft targets at T": lambda z, v, T: -_mean((v / T).softmax(-1) * (z / T).log_softmax(-1)),
    "cross entropy with the teacher's argmax": lambda z, v, T: F.cross_entropy(z, v.argmax(-1)),
    "KL(teacher at T ‖ student at 1)": lambda z, v, T: _kl(v / T, z),
    "KL(teacher ‖ student) at 1": lambda z, v, T: _kl(v, z),
    "JSD(teacher, student) at T": _jsd,
    "KL both ways, summed, at T": lambda z, v, T: _kl(v / T, z / T) + _kl(z / T, v / T),
    "squared difference of probabilities at T": lambda z, v, T: _mean(((v / T).softmax(-1) - (z / T).softmax(-1)) ** 2),
    "squared difference of logits": lambda z, v, T: _mean((v - z) ** 2),
    "kl_div of the student's probabilities, no logs, at T": lambda z, v, T: F.kl_div(
        (z / T).softmax(-1), (v / T).softmax(-1), reduction="batchmean"
    ),
    "kl_div of the teacher's probabilities, no logs, swapped, at T": lambda z, v, T: F.kl_div(
        (v / T).softmax(-1), (z / T).softmax(-1), reduction="batchmean"
    ),
    "KL(teacher ‖ student) at T of standardised logits": lambda z, v, T: _kl(_standard(v) / T, _standard(z) / T),
    "correlation loss (DIST) at T": _dist,
}

# What sets a loss that is often handed in apart from the one that is asked for.
APART = {
    "squared difference of logits": "It compares logits, to which a constant may be added without changing any "
    "probability: take the KL divergence of the softmaxes.",
    "JSD": "It compares both with their mean: take KL(teacher ‖ student) alone.",
    "KL both ways": "It is symmetric: take KL(teacher ‖ student) alone, weighted by the teacher.",
}

# Where a definition with its factor stands in public code.
FOUND_IN = {
    "T² · KL(teacher ‖ student) at T": "the soft-target loss, as in RepDistiller and mdistiller",
    "1 · KL(teacher ‖ student) at T": "without the factor T², as torchdistill's where its labels have no weight",
    "T²/C · KL(teacher ‖ student) at T": "C times too small, as of KLDivLoss's default mean in "
    "haitongli/knowledge-distillation-pytorch",
    "1/C · KL(teacher ‖ student) at T": "T²C times too small: KLDivLoss's default mean, and no T²",
    "T² · N · KL(teacher ‖ student) at T": "summed over the batch",
    "1 · KL(student ‖ teacher) at T": "the reverse, as TRL's generalised JSD at β = 1",
    "T² · cross entropy with soft targets at T": "its gradient is that of the KL, as in gnosis",
    "T²/C · cross entropy with soft targets at T": "averaged over classes, as in poperson1205's",
    "1 · cross entropy with the teacher's argmax": "hard distillation, as in gnosis",
    "1 · KL(teacher at T ‖ student at 1)": "as TeacherStudentKLLoss of gnosis, which tempers the teacher alone",
    "T² · KL(teacher at T ‖ student at 1)": "the student is not divided by T, as in mkieffer's",
    "1 · JSD(teacher, student) at T": "as TRL's generalised JSD at β = 1/2",
    "4 · JSD(teacher, student) at T": "divided by β(1 − β) at β = 1/2",
    "T²/C · squared difference of probabilities at T": "as VanillaKD of KD_Lib by default",
    "1/C · squared difference of logits": "as Logits of Knowledge-Distillation-Zoo (Ba and Caruana 2014)",
    "T²/C · kl_div of the teacher's probabilities, no logs, swapped, at T": "negative, as VanillaKD of KD_Lib with "
    "nn.KLDivLoss()",
    "T² · KL(teacher ‖ student) at T of standardised logits": "as in logit-standardization-KD (Sun et al. 2024)",
    "T² · correlation loss (DIST) at T": "as DIST_KD's (Huang et al. 2022)",
}
