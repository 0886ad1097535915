"""A teacher known by its k largest logits, and what can be said of its divergence from a student."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from kdviz.measures.checks import check_temperature, checked_logits
from kdviz.measures.mixture import kl_to_mixture

ROUNDING = 1e-2  # nats: what values kept in half precision may differ by


@dataclass(frozen=True, eq=False)
class TopK:
    """The k largest logits of each example, and what is left of the probability for the other classes.

    Parameters
    ----------
    values : Tensor, shape (N, k)
    indices : Tensor, shape (N, k), int64
        Their classes; k is less than the number of classes.
    lse : mapping of temperature T to Tensor of shape (N,)
        Each row's log-sum-exp of v/T over *all* classes. Without it the mass of the others is not known.

    Raises
    ------
    ValueError
        Shapes that do not fit, numbers that are not finite, a class twice in a row, a log-sum-exp below that of the k
        values alone.
    """

    values: Tensor
    indices: Tensor
    lse: Mapping[float, Tensor] = field(default_factory=dict)

    def __post_init__(self):
        values, indices = (torch.as_tensor(given).detach().cpu().clone() for given in (self.values, self.indices))
        lse = {check_temperature(T): torch.as_tensor(each).detach().cpu().clone() for T, each in self.lse.items()}
        if values.ndim != 2 or not values.numel() or indices.shape != values.shape or indices.is_floating_point():
            raise ValueError(
                "values and indices, which are whole, need one shape (examples, k), not "
                f"{tuple(values.shape)} and {tuple(indices.shape)} of {indices.dtype}"
            )
        if not values.isfinite().all() or (indices < 0).any() or (indices.sort(-1).values.diff() == 0).any():
            raise ValueError("each row's k values must be finite and of k different classes, from 0 on")
        for T, each in lse.items():
            if each.shape != values.shape[:1] or not each.isfinite().all():
                raise ValueError(f"the log-sum-exp at T = {T:g} must be finite, one an example: {tuple(each.shape)}")
            if ((values.double() / T).logsumexp(-1) > each.double() + ROUNDING).any():
                raise ValueError(f"the log-sum-exp at T = {T:g} is less than that of the k values: is it of v/T?")
        for name, value in (("values", values), ("indices", indices.long()), ("lse", lse)):
            object.__setattr__(self, name, value)

    @cached_property
    def digest(self) -> str:
        tables = [self.values.float(), self.indices, *(self.lse[T].float() for T in sorted(self.lse))]
        said = f"top k {tuple(self.values.shape)} {sorted(self.lse)}".encode()
        return hashlib.sha256(said + b"".join(table.contiguous().numpy().tobytes() for table in tables)).hexdigest()

    def __eq__(self, other) -> bool:
        return isinstance(other, TopK) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __len__(self) -> int:
        return len(self.values)

    def at(self, *temperatures: float) -> "TopK":
        """The same with the log-sum-exp at these temperatures alone; ValueError where one is missing."""
        for T in temperatures:
            if T not in self.lse:
                raise ValueError(
                    f"the mass of the other classes is known at T = {sorted(self.lse)}, not at {T:g}: give the "
                    f"log-sum-exp of v/{T:g} over all classes, or take the divergence renormalised over the k, "
                    "kdviz.objectives.RenormalisedTopK, which is another one"
                )
        return _restricted(self, temperatures)

    def spread(self, classes: int, temperature: float | None = None) -> Tensor:
        """As a table (N, classes) with −∞ for the others: the values or, at a temperature, their log-probabilities."""
        if self.values.shape[1] >= classes or self.indices.max() >= classes:
            raise ValueError(
                f"{self.values.shape[1]} values a row, of classes up to {self.indices.max()}, are no top k of "
                f"{classes} classes: give all logits as one tensor where k is the number of classes"
            )
        kept = self.values
        if temperature is not None:
            kept = kept.double() / temperature - self.lse[temperature].double()[:, None]
        return torch.full((len(kept), classes), -math.inf, dtype=kept.dtype).scatter(-1, self.indices, kept)

    def log_rest(self, temperature: float) -> Tensor:
        """Logarithm of the probability of all other classes at a temperature, shape (N,), float64."""
        inside = (self.values.double() / temperature).logsumexp(-1) - self.lse[temperature].double()
        return torch.log(-torch.expm1(inside.clamp(max=0))).clamp(min=-1e4)  # where nothing is left, as good as 0


@lru_cache(maxsize=8)
def _restricted(top_k: TopK, temperatures: tuple[float, ...]) -> TopK:
    return TopK(top_k.values, top_k.indices, {T: top_k.lse[T] for T in temperatures})


def bucketed_terms(student_logits: Tensor, log_p: Tensor, log_rest: Tensor, temperature: float | Tensor) -> Tensor:
    """T² KL of each example with one bucket for the classes that the teacher's top k leaves out, shape (..., N).

    Unchecked. ``log_p`` (..., N, C) is −∞ in the bucket, ``log_rest`` (..., N) is the bucket's; ``temperature``
    broadcasts to (..., N, 1).
    """
    log_q, kept = (student_logits / temperature).log_softmax(-1), log_p > -math.inf
    rest = log_q.masked_fill(kept, torch.finfo(log_q.dtype).min).logsumexp(-1, keepdim=True)
    p, q = torch.cat([log_p.masked_fill(~kept, 0.0), log_rest[..., None]], -1), torch.cat([log_q, rest], -1)
    terms = kl_to_mixture(p, q, torch.ones((), dtype=q.dtype, device=q.device))
    counted = torch.cat([kept, torch.ones_like(kept[..., :1])], -1)
    return (torch.where(counted, terms, 0.0) * temperature**2).sum(-1)


def renormalised_terms(student_logits: Tensor, values: Tensor, temperature: float | Tensor) -> Tensor:
    """T² KL of each example between both nets' softmaxes over the top k alone, shape (..., N), unchecked.

    ``values`` (..., N, C) are −∞ but for the k; ``temperature`` broadcasts to (..., N, 1).
    """
    kept = values > -math.inf
    p, q = (
        (logits.masked_fill(~kept, -math.inf) / temperature).log_softmax(-1).masked_fill(~kept, 0.0)
        for logits in (values, student_logits)
    )
    terms = kl_to_mixture(p, q, torch.ones((), dtype=q.dtype, device=q.device))
    return (torch.where(kept, terms, 0.0) * temperature**2).sum(-1)


def kl_lower_bound(student_logits: Tensor, teacher: TopK, temperature: float = 1.0) -> float:
    r"""A lower bound of the mean KL(teacher ‖ student) at T, in nats, without a factor T².

    .. math:: \sum_{i \in k} p_i \ln \frac{p_i}{q_i} + p_r \ln \frac{p_r}{q_r}

    where r stands for all other classes of either net together: putting classes together never raises a KL (the
    log-sum inequality). It is the KL itself where both nets share the rest out alike.

    Parameters
    ----------
    student_logits : Tensor, shape (N, C), finite
    teacher : TopK
        With the log-sum-exp at T.
    temperature : float
        T, above 0.

    Raises
    ------
    ValueError
        No log-sum-exp at T, other examples or classes, or logits that are not finite.
    """
    logits, T = _fitting(student_logits, teacher), check_temperature(temperature)
    known = teacher.at(T)
    terms = bucketed_terms(logits, known.spread(logits.shape[1], T), known.log_rest(T), T)
    return terms.mean().item() / T**2


def kl_renormalised(student_logits: Tensor, teacher: TopK, temperature: float = 1.0) -> float:
    """Mean KL at T between teacher and student, both renormalised over the teacher's k classes, in nats.

    Neither the KL nor a bound of it: it does not see how much of either net lies outside.

    Parameters
    ----------
    student_logits : Tensor, shape (N, C), finite
    teacher : TopK
    temperature : float
        T, above 0.

    Raises
    ------
    ValueError
        Other examples or classes, or logits that are not finite.
    """
    logits, T = _fitting(student_logits, teacher), check_temperature(temperature)
    return renormalised_terms(logits, teacher.spread(logits.shape[1]).double(), T).mean().item() / T**2


def _fitting(student_logits: Tensor, teacher: TopK) -> Tensor:
    logits = checked_logits(student_logits).detach().cpu().double()
    if len(logits) != len(teacher) or not logits.isfinite().all():
        raise ValueError(f"{len(logits)} examples of the student, {len(teacher)} of the teacher: finite, and the same")
    return logits
