"""Specialists: which classes go together, and the answer of a generalist and its specialists (Hinton et al. 2015)."""

import math
from collections.abc import Sequence
from itertools import islice

import torch
from sklearn.cluster import KMeans
from torch import Tensor

from kdviz.measures.checks import as_tensor, check_count, check_temperature, checked_logits

STEPS, NEAR = 2000, 1e-10  # of the search for the best answer: at most so many, until it moves by less


def prediction_covariance(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """The covariance of a net's probabilities at T over examples, shape (C, C), float64.

    Two classes have a positive one where the net tends to give both some probability at once.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        Of at least two examples.
    """
    tensor, T = checked_logits(logits), check_temperature(temperature)
    if len(tensor) < 2:
        raise ValueError("a covariance needs at least two examples")
    return torch.cov((tensor.double() / T).softmax(-1).T)


def confused_groups(logits: Tensor, n: int, temperature: float = 1.0) -> list[list[int]]:
    """Classes that a net confuses, in ``n`` groups, without labels: the largest first, each in the order of classes.

    k-means on the columns of :func:`prediction_covariance` (Hinton et al. 2015, section 5.3, there online and of
    predictions at T = 1), best of 20 starts with fixed seeds.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        Of images that the net was not trained on: on those it was it is sure.
    n : int
        From 1 to C.
    temperature : float
        T: a higher one lets classes count that get little probability.
    """
    columns, n = prediction_covariance(logits, temperature).T, check_count(n, "the number of groups")
    if n > len(columns):
        raise ValueError(f"{len(columns)} classes make 1 to {len(columns)} groups, not {n}")
    of = KMeans(n, n_init=20, random_state=0).fit_predict(columns.numpy())
    groups = [(of == group).nonzero()[0].tolist() for group in range(n)]
    return sorted(groups, key=lambda group: (-len(group), group))


def random_groups(classes: int, sizes: Sequence[int], seed: int) -> list[list[int]]:
    """Groups of classes drawn at random, of the given sizes, none in two: a control of :func:`confused_groups`.

    Parameters
    ----------
    classes : int
        How many there are, numbered from 0.
    sizes : sequence of int
        Of each group, at least 1; together at most ``classes``.
    seed : int

    Returns
    -------
    list of list of int
        As many as sizes, each in the order of classes.
    """
    sizes = [check_count(size, "the size of a group") for size in sizes]
    if sum(sizes) > check_count(classes, "the number of classes"):
        raise ValueError(f"groups of {', '.join(map(str, sizes))} need more than {classes} classes: none is in two")
    order = iter(torch.randperm(classes, generator=torch.Generator().manual_seed(seed)).tolist())
    return [sorted(islice(order, size)) for size in sizes]


def without_oversampling(logits: Tensor, own_share: float) -> Tensor:
    """A specialist's logits as if it had seen its own classes as often as they come, shape (N, S + 1).

    Half of its examples were of its own classes, so that the odds of the rest were (1 − s)/s times too low, and the
    last logit, the rest's, is raised by the logarithm of that (Hinton et al. 2015, section 5.2).

    Parameters
    ----------
    logits : Tensor, shape (N, S + 1)
        Of its S classes, and of the rest.
    own_share : float
        s, the share of its own classes among all examples, between 0 and 1.
    """
    tensor = checked_logits(logits)
    if not 0 < own_share < 1:
        raise ValueError(f"own_share lies between 0 and 1, not {own_share}: it is the share of a specialist's classes")
    shift = torch.zeros(tensor.shape[-1], dtype=tensor.dtype)
    shift[-1] = math.log((1 - own_share) / own_share)
    return tensor + shift


def with_specialists(
    generalist: Tensor, specialists: Sequence[Tensor], groups: Sequence[Sequence[int]], top: int | None = 1
) -> Tensor:
    r"""Log-probabilities of a generalist and specialists together, shape (N, C), float64.

    For each example, the q that minimises

    .. math:: \mathrm{KL}(p_g \,\|\, q) + \sum_m \mathrm{KL}(p_m \,\|\, q_m)

    (Hinton et al. 2015, equation 5). The sum is over the specialists that are asked, and :math:`q_m` is q with all
    classes but the specialist's own added up. With one specialist, q is on its classes the mean of both; the mean of
    what both give to the rest is shared out among the rest as the generalist does. With several, q is found by steps
    that never raise the sum: each specialist's rest is shared out as q does, and q becomes the mean of all
    (expectation maximisation, Dempster et al. 1977; the paper takes gradient steps on logits).

    Parameters
    ----------
    generalist : Tensor, shape (N, C)
        Logits.
    specialists : sequence of Tensor, each of shape (N, S + 1)
        Logits of each one's classes, in the order of its group, and of the rest: :func:`without_oversampling`.
    groups : sequence of sequences of int
        The classes of each: some of the C, not all.
    top : int or None
        A specialist is asked where one of its classes is among the generalist's ``top`` likeliest; all are, if None.

    Raises
    ------
    ValueError
        As many groups as specialists are needed, of classes that there are, and logits of the same examples.
    """
    own = checked_logits(generalist, "generalist").double()
    inside = _members(groups, own.shape[-1])
    given = _log_probabilities(specialists, groups, len(own), inside)
    if not len(given):
        return own.log_softmax(-1)
    asked = torch.ones(len(own), len(inside), dtype=torch.bool)
    if top is not None:
        best = own.topk(min(check_count(top, "top"), own.shape[-1]), -1).indices
        asked = inside[:, best].any(-1).T
    found, some = own.log_softmax(-1), asked.any(-1)
    if some.any():
        found[some] = _nearest(found[some], given[:, some], inside, asked[some])
    return found


def _nearest(own: Tensor, given: Tensor, inside: Tensor, asked: Tensor) -> Tensor:
    """The log of the best q, shape (N, C), from log p_g, and of each specialist (M, N, C) log p_m, the rest's outside.

    All in logarithms: a class that the generalist all but rules out keeps its share of the rest.
    """
    never = torch.tensor(-math.inf, dtype=own.dtype)
    parts = torch.where(asked.T.unsqueeze(-1), given, never)
    count, found = (1 + asked.sum(-1, keepdim=True)).log(), own.clone()
    left, q = torch.arange(len(own)), own  # the examples whose q still moves
    for _ in range(STEPS):
        outside = torch.where(inside.unsqueeze(1), never, q)  # (M, N, C)
        shared = torch.where(inside.unsqueeze(1), parts, parts + outside - outside.logsumexp(-1, keepdim=True))
        before, q = q, torch.cat([own.unsqueeze(0), shared]).logsumexp(0) - count
        found[left] = q
        moves = (q.exp() - before.exp()).abs().amax(-1) >= NEAR
        left, q, own, parts, count = left[moves], q[moves], own[moves], parts[:, moves], count[moves]
        if not len(left):
            break
    return found


def _members(groups: Sequence[Sequence[int]], classes: int) -> Tensor:
    """Whether a class is of a group, shape (M, C)."""
    inside = torch.zeros(len(groups), classes, dtype=torch.bool)
    for row, group in zip(inside, groups, strict=True):
        if not 0 < len({*group}) == len(group) < classes or not {*group} <= {*range(classes)}:
            raise ValueError(f"a specialist has some of the classes 0..{classes - 1}, each once, not {list(group)}")
        row[list(group)] = True
    return inside


def _log_probabilities(specialists: Sequence[Tensor], groups: Sequence[Sequence[int]], n: int, inside: Tensor):
    """Each specialist's log-probability of its classes, and outside of them that of its rest, shape (M, N, C)."""
    if len(specialists) != len(groups):
        raise ValueError(f"{len(specialists)} specialists need as many groups of classes, not {len(groups)}")
    spread = []
    for i, (logits, group) in enumerate(zip(specialists, groups, strict=True)):
        tensor = checked_logits(as_tensor(logits, f"specialist {i}"), f"specialist {i}").double()
        if tensor.shape != (n, len(group) + 1):
            wanted = (n, len(group) + 1)
            raise ValueError(f"specialist {i} has logits of shape {wanted}, the last the rest's: {tuple(tensor.shape)}")
        log_p = tensor.log_softmax(-1)
        full = log_p[:, -1:].expand(-1, inside.shape[1]).clone()
        full[:, list(group)] = log_p[:, :-1]
        spread.append(full)
    return torch.stack(spread) if spread else torch.empty(0, n, inside.shape[1], dtype=torch.float64)
