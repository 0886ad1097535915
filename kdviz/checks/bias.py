"""Checks of *Omit your own digit*: the recipes, and the bias that is fitted without labels."""

from collections.abc import Callable, Sequence

import torch
from scipy.optimize import brentq
from torch import Tensor

from kdviz import measures
from kdviz.arguments import several, told
from kdviz.checks.calling import Mistake, called, check_takes
from kdviz.checks.deciding import decide, normal, one_of, passed
from kdviz.data import Description, load, load_described
from kdviz.objectives import HardLabels, SoftTargets

CLOSE = dict(rtol=0.0, atol=1e-3)  # logits: a bisection may stop early


def own_digit(function: Callable[[], int], asked: int | None = None) -> None:
    """Check that ``function()`` is the digit that is asked for; where none is, any but 3."""
    digit = called("Your digit", function, ())
    if digit is None:
        raise Mistake("Your function returns nothing: `return` a digit.")
    if isinstance(digit, bool) or not isinstance(digit, int) or not 0 <= digit <= 9:
        raise Mistake(f"A digit is a whole number from 0 to 9, not {digit!r}.")
    if asked is not None and digit != asked:
        raise Mistake(f"The digit that is yours is {asked}, not {digit}.")
    if asked is None and digit == 3:
        raise Mistake("3 is the digit of notebook 02: choose another.")
    passed(f"You leave out {digit}.")


def blind_student(function: Callable, teacher) -> None:
    """Check ``function(digit, seed)``: the recipe of a student that learns from ``teacher`` and sees no ``digit``."""
    for digit, seed in _asked():
        recipe = called("The student's recipe", function, (digit, seed))
        _check_data(recipe, digit, seed)
        objective = recipe.objective
        if not isinstance(objective, SoftTargets):
            raise Mistake("The student learns from labels: give it kd.SoftTargets(teacher, temperature=...).")
        if objective.hard_weight:
            raise Mistake("The student reads labels: hard_weight must be 0, its default.")
        if any(getattr(one, "data", None) and one.data.missing for one in objective.teachers):
            raise Mistake("The digit is gone from the teacher's images: the teacher knows it, the student does not.")
        if objective.teachers != (teacher,):
            raise Mistake("The student must learn from the teacher that the notebook defines.")
    passed("The student: none of its images shows the digit; all it hears of it is its teacher's opinion.")


def control_student(function: Callable, student: Callable) -> None:
    """Check ``function(digit, seed)``: ``student(digit, seed)``'s recipe, on labels alone."""
    for each in (function, student):
        check_takes(each, (1, 0))
    for digit, seed in _asked():
        recipe, taught = (called("A recipe", each, (digit, seed)) for each in (function, student))
        _check_data(recipe, digit, seed)
        _check_data(taught, digit, seed)
        if not isinstance(recipe.objective, HardLabels):
            raise Mistake("The control hears of the digit through its teacher: it learns from kd.HardLabels() alone.")
        if recipe.replace(objective=taught.objective) != taught:
            raise Mistake("The control differs from the student in more than its objective: .replace(objective=...).")
    passed("The control: the same net, images and steps, with labels and no teacher.")


def _asked() -> tuple[tuple[int, int], tuple[int, int]]:
    """Digits and seeds."""
    return (one_of(70, 1, 0, 2, 4), one_of(71, 0, 1, 3)), (one_of(72, 6, 5, 7, 9), one_of(73, 2, 4, 8))


def _check_data(recipe, digit: int, seed: int) -> None:
    if recipe is None:
        raise Mistake("Your function returns nothing: `return` a kd.Recipe.")
    if not isinstance(getattr(recipe, "data", None), Description):
        raise Mistake(f"Your function returns {told(recipe)}: `return` a kd.Recipe, which is not trained yet.")
    missing = recipe.data.missing
    if not missing:
        raise Mistake(f"The training images still show every digit: data.without({digit}) leaves one out.")
    if len(missing) > 1:
        raise Mistake(f"Only {[d for d in range(10) if d not in missing]} are left: .without, not .only.")
    if missing != [digit]:
        raise Mistake(f"Asked to leave out {digit}, you leave out {missing[0]}: use the argument `digit`.")
    if recipe.seed != seed:
        raise Mistake(f"Asked for seed {seed}, the recipe has {recipe.seed}: pass `seed` on.")


def label_free_bias(function: Callable[[Tensor, int, float], float]) -> None:
    """Check ``function(logits, omitted, frequency)``: :func:`kdviz.measures.label_free_bias` of the log-odds."""
    cases = []
    for seed, n, classes, omitted, frequency in (
        (60, 400, 10, one_of(62, 8, 1, 5), 0.13),
        (61, 150, 6, 0, one_of(63, 0.25, 0.3)),
    ):
        logits = normal(seed, n, classes)
        logits[:, omitted] -= 4
        cases.append((logits, omitted, frequency))
    decide("The bias", function, _bias, cases, BIASES, [(COUNTED, _counted)], "Compute the mean at your b.", CLOSE)
    passed("The bias: at it the mean probability of the digit is its frequency. No label was read.")


def _bias(logits: Tensor, omitted: int, frequency: float) -> float:
    return measures.label_free_bias(measures.log_odds(logits, [omitted]), frequency)


def _solve(share: Callable[[float], float], frequency: float) -> float:
    return brentq(lambda bias: share(bias) - frequency, -100, 100)


def _logit(share: float) -> float:
    return torch.tensor(share, dtype=torch.float64).logit().item()


def _without_softmax(logits: Tensor, omitted: int, frequency: float) -> float:
    return _solve(lambda b: (logits[:, omitted] + b).sigmoid().mean().item(), frequency)


def _of_all(logits: Tensor, omitted: int, frequency: float) -> float:
    """The bias added to the probability instead of the logit."""
    return frequency - logits.softmax(-1)[:, omitted].mean().item()


COUNTED = (
    "At your bias the *number* of images called the digit is right: you count answers (argmax). "
    "It is the mean probability that must equal the frequency."
)


def _counted(logits: Tensor, omitted: int, frequency: float, bias: Tensor) -> bool:
    if bias.ndim or not bias.isfinite():
        return False
    called = measures.shifted(logits, [omitted], bias.item()).argmax(-1) == omitted
    return abs(int(called.sum()) - frequency * len(logits)) <= 1


BIASES = [
    ("Your bias makes the mean probability 1/C: use the frequency you are given, which may be far from it.",
     lambda logits, omitted, f: _bias(logits, omitted, 1 / logits.shape[-1])),
    ("The sign is wrong: the bias is what must be *added* to the logit.", lambda *case: -_bias(*case)),
    ("You average the log-odds: average the probabilities, which is another thing.",
     lambda logits, omitted, f: _logit(f) - measures.log_odds(logits, [omitted]).mean().item()),
    ("You take the sigmoid of the digit's logit: its probability is the softmax over all classes.", _without_softmax),
    ("You fit the mean of the raw logit: average the probabilities.",
     lambda logits, omitted, f: _logit(f) - logits[:, omitted].mean().item()),
    ("You take the difference of the mean probability and the frequency: b is added to the logit, inside the softmax.",
     _of_all),
    ("Your bias makes the mean probability of the *other* digits equal the frequency.",
     lambda logits, omitted, f: _bias(logits, omitted, 1 - f)),
    ("Your bias is the log-odds of the frequency alone: it does not look at the net.", lambda *case: _logit(case[2])),
]  # fmt: skip


def fitted_bias(function: Callable, runs: Sequence) -> None:
    """Check ``function(run)``: the label-free bias of students that saw no example of one digit."""
    if strange := [run for run in several("runs", runs, "runs") if not getattr(run, "shifted_classes", None)]:
        raise ValueError(f"runs must be of students that saw no example of a digit, not {told(strange[0])}")
    name = "The bias of a run"
    decide(name, function, _fitted, [(run,) for run in runs], FITS, FACTS, "Which images? Which frequency?", CLOSE)
    passed("The fitted biases: all training images, their labels unread, the digit's known frequency, T = 1.")


def _fitted(run, split="train", temperature=1.0, share=None, images="all") -> float:
    full, (digit,) = load(run.recipe.data.name), run.shifted_classes
    labels = full.train.labels if split == "train" else full.test.labels
    frequency = (full.train.labels == digit).double().mean().item() if share is None else share(full, digit)
    odds = measures.log_odds(run.logits(split) / temperature, [digit])
    return measures.label_free_bias(odds if images == "all" else odds[labels != digit], frequency)


def _of_test(full, digit: int) -> float:
    return (full.test.labels == digit).double().mean().item()


FITS = [
    ("You used 1/C for the frequency: take the digit's share of the training labels.",
     lambda run: _fitted(run, share=lambda full, digit: 1 / len(full.classes))),
    ("You fitted on the test images: take the training images, run.logits('train').",
     lambda run: _fitted(run, "test")),
    ("You fitted on the test images, with the test set's frequency: take the training images and theirs.",
     lambda run: _fitted(run, "test", share=_of_test)),
    ("You used the test set's frequency: that is looking. Take the training set's.",
     lambda run: _fitted(run, share=_of_test)),
    ("You fitted on the images that the student saw: the frequency is that of *all* training images, so take them all.",
     lambda run: _fitted(run, images="others")),
    ("You divided the logits by the student's temperature: its answers are at T = 1, and so is the bias.",
     lambda run: _fitted(run, temperature=run.recipe.objective.temperature)),
]  # fmt: skip


def _fewest(split: str) -> Callable:
    """Whether no bias gives fewer errors on a split's labels than the answer."""

    def holds(run, bias: Tensor) -> bool:
        labels, logits = getattr(load_described(run.recipe.data), f"full_{split}").labels, run.logits(split)
        if bias.ndim:
            return False
        margin, inside, outside = measures.rivals(logits, run.shifted_classes)
        tried = torch.cat([-margin.double() - 1e-6, -margin.double() + 1e-6, bias[None]])
        answers = torch.where(margin + tried[:, None] > 0, inside, outside)
        errors = (answers != labels).sum(-1)
        return bool(errors[-1] == errors.min())

    return holds


FACTS = [
    ("Your biases have the fewest errors on the *test labels*: that is looking. Fit the mean probability on the "
     "training images, and read no label.", _fewest("test")),
    ("Your biases have the fewest errors on the *training labels*: the bias must be found without labels.",
     _fewest("train")),
]  # fmt: skip
