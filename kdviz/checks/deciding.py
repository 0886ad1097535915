"""How a check decides: an answer is compared with the reference, then with what each known mistake would give.

A mistake is named only if its value, computed, is the answer in every case. Cases differ in their numbers of
examples and classes and in their temperatures, so that no two mistakes give the same. Inside :func:`hidden` they are
drawn anew.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from itertools import product

import torch
from torch import Tensor

from kdviz.arguments import told
from kdviz.checks.calling import Mistake as Mistake
from kdviz.checks.calling import by_formula, called
from kdviz.checks.calling import check_takes as check_takes

Named = tuple[str, Callable]  # a mistake: the sentence that names it, and the function that makes it
CLOSE = dict(rtol=1e-4, atol=1e-6)


SALT: ContextVar[str] = ContextVar("salt", default="")


@contextmanager
def hidden(salt: object) -> Iterator[None]:
    """Inside, checks ask about other inputs than outside, which follow from ``salt`` alone."""
    before = SALT.set(str(salt))
    try:
        yield
    finally:
        SALT.reset(before)


def draws(seed: int) -> torch.Generator:
    """What cases are drawn from: the same at every call, and another inside :func:`hidden`."""
    salt = SALT.get()
    digest = hashlib.sha256(f"{salt} {seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big") if salt else seed)


def one_of(seed: int, *options):
    """The first option; inside :func:`hidden` any of them."""
    return options[int(torch.randint(len(options), (), generator=draws(seed)))] if SALT.get() else options[0]


def combined(formula: Callable, at_most: int = 3, **choices: Mapping[str, str]) -> Iterator[Named]:
    """Every way to go wrong in up to ``at_most`` choices, the fewest first.

    Parameters
    ----------
    formula : callable
        Takes a case, and the option chosen for each of ``choices``.
    **choices : mapping of option to sentence
        The first option is the right one, and its sentence empty.
    """
    ways = [[*zip(choices, way, strict=True)] for way in product(*(choice.items() for choice in choices.values()))]
    for way in sorted(ways, key=lambda way: sum(bool(said) for _, (_, said) in way)):
        sentences = [said for _, (_, said) in way if said]
        if 0 < len(sentences) <= at_most:
            yield " And: ".join(sentences), partial(formula, **{name: option for name, (option, _) in way})


def decide(
    name: str,
    function: Callable,
    reference: Callable,
    cases: Sequence[tuple],
    mistakes: Iterable[Named] = (),
    facts: Iterable[Named] = (),
    hint: str = "",
    close: Mapping[str, float] = CLOSE,
    autograd: bool = True,
) -> None:
    """Raise :class:`Mistake` unless ``function`` answers every case as ``reference`` does.

    Parameters
    ----------
    name : str
        What the function is called in sentences.
    cases : sequence of tuple
        The arguments of each call.
    mistakes : iterable of (sentence, function)
        The first that gives the answers names the mistake.
    facts : iterable of (sentence, predicate)
        Asked last, of a case's arguments and the answer: the first that is true of every case is told.
    hint : str
        Told where no mistake is recognised.
    autograd : bool
        Whether the function may call it.
    """
    wanted = [reference(*case) for case in cases]
    expected = [as_tensor(right) for right in wanted]
    with nullcontext() if autograd else by_formula():
        answers = [answer(name, function, case, like(right)) for case, right in zip(cases, wanted, strict=True)]
    if same(answers, expected, close):
        return
    for sentence, mistaken in mistakes:
        if same(answers, [as_tensor(mistaken(*case)) for case in cases], close):
            raise Mistake(sentence)
    for sentence, true_of in facts:
        if all(true_of(*case, given) for case, given in zip(cases, answers, strict=True)):
            raise Mistake(sentence)
    raise Mistake(f"{_difference(name, answers, expected, close)} It is none of the mistakes we know. {hint}".strip())


def answer(name: str, function: Callable, case: tuple, wanted: str = "a tensor") -> Tensor:
    """What ``function`` says to copies of the arguments, as float64.

    One that changes its arguments is told so, and one whose answer is no number or tensor, what is ``wanted``.
    """
    copies = [part.clone() if isinstance(part, Tensor) else part for part in case]
    given = called(name, function, copies)
    if given is None:
        raise Mistake(f"{name} returns nothing: its last line must be a `return`.")
    for part, copy in zip(case, copies, strict=True):
        if isinstance(part, Tensor) and not torch.equal(part, copy):
            raise Mistake(f"{name} changes the tensor it is given: work on a `.clone()`.")
    try:
        return as_tensor(given)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise Mistake(f"{name} must be {wanted}, and your function returns {told(given)}.") from None


def like(right) -> str:
    """What a right answer is, in words."""
    if isinstance(right, tuple):
        return f"a tuple of {len(right)} numbers"
    shape = tuple(getattr(right, "shape", ()))
    return f"a tensor of shape {shape}" if shape else "a number"


def as_tensor(value) -> Tensor:
    if isinstance(value, tuple | list):
        return torch.stack([as_tensor(part) for part in value])
    tensor = torch.as_tensor(value).detach()
    if tensor.is_complex():
        raise TypeError("complex numbers")
    return tensor.to(torch.float64)


def same(answers: Sequence[Tensor], expected: Sequence[Tensor], close: Mapping[str, float] = CLOSE) -> bool:
    try:
        torch.testing.assert_close([*answers], [*expected], equal_nan=True, **close)
    except AssertionError:
        return False
    return True


def hard(name: str, function: Callable, case: tuple, right: Tensor, overflows: str, wrong: str) -> None:
    """Raise :class:`Mistake` where the answer to a hard case is no finite number, or another than ``right``."""
    given = answer(name, function, case)
    if not given.isfinite().all():
        raise Mistake(overflows)
    if not same([given], [right]):
        raise Mistake(wrong)


def passed(sentence: str) -> None:
    print(f"✓ {sentence}")


def normal(seed: int, *shape: int) -> Tensor:
    """Logits to ask about, of a standard deviation of 3, the same at every call."""
    return 3 * torch.randn(shape, generator=draws(seed), dtype=torch.float64)


def _difference(name: str, answers: Sequence[Tensor], expected: Sequence[Tensor], close: Mapping[str, float]) -> str:
    wrong = [pair for pair in zip(answers, expected, strict=True) if not same(*([part] for part in pair), close)]
    given, right = wrong[0]
    if given.shape != right.shape:
        return f"{name} should have shape {tuple(right.shape)}, yours has {tuple(given.shape)}."
    at = (given - right).abs().nan_to_num(torch.inf).argmax()
    numbers = f"should be {right.flatten()[at]:.6g} where yours is {given.flatten()[at]:.6g}"
    return f"{name} {numbers} (wrong in {len(wrong)} of {len(answers)} cases)."
