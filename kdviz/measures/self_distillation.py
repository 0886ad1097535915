"""Self-distillation in closed form: kernel regression, refitted on its own answers (Mobahi et al. 2020)."""

import math

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from kdviz.arguments import finite, number, whole

IN_USE = 0.01  # of the largest factor: a function with less is counted as gone


def bending_kernel(a: Tensor, b: Tensor) -> Tensor:
    r"""The kernel of a rod that lies free on its two ends at 0 and 1: the less it bends, the better.

    It is the Green's function of the fourth derivative, :math:`2\sum_k \sin(k\pi a)\sin(k\pi b)/(k\pi)^4`, which is
    :math:`a(1-b)(2b-a^2-b^2)/6` for :math:`a \le b`.

    Parameters
    ----------
    a, b : Tensor, shape (M,) and (N,)
        In [0, 1].

    Returns
    -------
    Tensor, shape (M, N), float64

    Raises
    ------
    ValueError
        Points that are not in [0, 1].
    """
    a, b = (_inside(name, points)[..., None] for name, points in (("a", a), ("b", b)))
    low, high = torch.minimum(a, b.T), torch.maximum(a, b.T)
    return low * (1 - high) * (2 * high - low**2 - high**2) / 6


def spectrum(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, the largest first, and eigenvectors of a symmetric matrix without negative eigenvalues.

    Parameters
    ----------
    gram : Tensor, shape (N, N)
        Entry (m, n) is the kernel of examples m and n, divided by N.

    Returns
    -------
    eigenvalues : Tensor, shape (N,), float64
    vectors : Tensor, shape (N, N), float64
        One a column.

    Raises
    ------
    ValueError
        A matrix that is not symmetric, or has a negative eigenvalue.
    """
    gram = finite("gram", gram, "N N").double()
    if not torch.allclose(gram, gram.T, rtol=0, atol=1e-9 * gram.abs().max()):
        raise ValueError("gram must be symmetric: entry (m, n) is the kernel of examples m and n")
    eigenvalues, vectors = torch.linalg.eigh(gram)
    if eigenvalues[0] < -1e-9 * eigenvalues[-1].abs():
        raise ValueError(f"gram has the eigenvalue {eigenvalues[0]:.3g}: a kernel's matrix has none below 0")
    return eigenvalues.clamp_min(0).flip(0), vectors.flip(1)


def self_distilled(
    eigenvalues: Tensor, coefficients: Tensor, tolerance: float, most: int = 20
) -> tuple[list[float], Tensor]:
    r"""Rounds of self-distillation, each fitted to the answers of the one before, until nothing is left.

    A round finds the smoothest function whose mean squared distance from its targets is ε. On the examples it is
    :math:`V D (cI + D)^{-1} V^\top y`, with the one c for which the distance is ε (sections 2 and 3 of the paper). So
    round t multiplies the coefficient of eigenvector k by :math:`d_k/(c_t + d_k)`. Where targets are within ε of 0 the
    smoothest function is 0: it has collapsed, and no round follows.

    Parameters
    ----------
    eigenvalues : Tensor, shape (N,)
        D, of the kernel's matrix divided by N.
    coefficients : Tensor, shape (N,) or (N, C)
        :math:`V^\top y`, of one target or several, which share c.
    tolerance : float
        ε, above 0: the mean over examples of the squared distance, summed over targets.
    most : int
        Rounds at most.

    Returns
    -------
    strengths : list of R numbers
        c of each round; R = 0 where the targets themselves are within ε of 0.
    factors : Tensor, shape (R, N), float64
        What is left of each coefficient after each round: the products of :math:`d_k/(c_t + d_k)`.

    Raises
    ------
    ValueError
        A tolerance that is not above 0; eigenvalues below 0; or targets that no function of this kernel comes within ε
        of.
    """
    d = finite("eigenvalues", eigenvalues, "N").double().numpy()  # of a few numbers numpy is several times faster
    power = _powers(coefficients, len(d)).numpy()
    tolerance, most = number("tolerance", tolerance), whole("most", most, 1)
    if not tolerance > 0 or d.min() < 0:
        raise ValueError(f"tolerance must be above 0, not {tolerance:g}, and eigenvalues not below 0: {d.min():g}")
    strengths, factors, left = [], [], np.ones_like(d)
    while len(strengths) < most and (power * left**2).sum() > len(d) * tolerance:
        strengths.append(_strength(d, power * left**2, len(d) * tolerance))
        left = left * d / (strengths[-1] + d)
        factors.append(left)
    return strengths, torch.from_numpy(np.reshape(factors, (-1, len(d))))


def self_distilled_curves(
    at: Tensor, targets: Tensor, tolerance: float, line: Tensor, most: int = 20
) -> tuple[Tensor, Tensor]:
    """The curve of each round with the rod's kernel, and what each leaves of the eigenvectors.

    Parameters
    ----------
    at, targets : Tensor, shape (N,)
        Points in [0, 1], and what is given there.
    tolerance, most
        As of :func:`self_distilled`.
    line : Tensor, shape (M,)
        Where the curves are wanted, in [0, 1].

    Returns
    -------
    curves : Tensor, shape (R, M), float64
    factors : Tensor, shape (R, N), float64
    """
    d, vectors = spectrum(bending_kernel(at, at) / len(at))
    coefficients = vectors.T @ finite("targets", targets, "N", {"N": len(at)}).double()
    strengths, factors = self_distilled(d, coefficients, tolerance, most)
    given = torch.cat([torch.ones(1, len(at), dtype=torch.float64), factors])[:-1]  # what a round was fitted to
    weights = given / (torch.tensor(strengths, dtype=torch.float64)[:, None] + d) * coefficients
    return weights @ (bending_kernel(line, at) @ vectors / len(at)).T, factors


def _strength(d: np.ndarray, power: np.ndarray, distance: float) -> float:
    """The c at which the squared distance from the targets, which grows with c, is ``distance``."""

    def gap(log_c: float) -> float:
        kept_back = (c := math.exp(log_c)) / (c + d)
        return kept_back @ (kept_back * power) - distance

    if (out_of_reach := power[d == 0].sum()) >= distance:
        raise ValueError(
            f"no function of this kernel comes within {distance / len(d):.3g} of these targets, in the mean square: "
            f"the tolerance must be above {out_of_reach / len(d):.3g}"
        )
    low, high = math.log(d[d > 0].min()), math.log(d.max())
    while gap(low) > 0:
        low -= 5
    while gap(high) < 0:
        high += 5
    return math.exp(brentq(gap, low, high, xtol=1e-15, rtol=1e-15))


def in_use(factors: Tensor) -> Tensor:
    """How many eigenvectors keep at least a hundredth of the largest factor, in each round.

    Parameters
    ----------
    factors : Tensor, shape (R, N)

    Returns
    -------
    Tensor, shape (R,), int64
    """
    factors = factors if not len(factors) else finite("factors", factors, "R N")
    return (factors >= IN_USE * factors.amax(-1, keepdim=True)).sum(-1)


def rounds_before_collapse(eigenvalues: Tensor, coefficients: Tensor, tolerance: float) -> float:
    r"""A number of rounds that surely does not collapse: :math:`(\|y\|/\sqrt{N\epsilon} - 1)/\kappa`.

    κ is the largest eigenvalue over the smallest; parameters as those of :func:`self_distilled`. Read in a restatement
    of Mobahi et al. 2020, not in the paper itself.
    """
    d = finite("eigenvalues", eigenvalues, "N").double()
    size = _powers(coefficients, len(d)).sum().item()
    return (math.sqrt(size / (len(d) * number("tolerance", tolerance))) - 1) * (d.min() / d.max()).item()


def stopped_early(eigenvalues: Tensor, steps: float) -> Tensor:
    r"""What gradient descent has of each coefficient after so many steps: :math:`1 - (1 - d_k/d_1)^{s}`.

    From 0, on the squared error of the kernel's function, with the largest step that is safe for every eigenvector.

    Parameters
    ----------
    eigenvalues : Tensor, shape (N,)
    steps : float
        Above 0.

    Returns
    -------
    Tensor, shape (N,), float64
    """
    d = finite("eigenvalues", eigenvalues, "N").double()
    if not (steps := number("steps", steps)) > 0:
        raise ValueError(f"steps must be above 0, not {steps:g}")
    return -torch.expm1(steps * torch.log1p(-d / d.max()))


def _powers(coefficients: Tensor, count: int) -> Tensor:
    """The squared size of each coefficient, over all targets, shape (N,)."""
    values = torch.as_tensor(coefficients)
    found = finite("coefficients", values, "N" if values.ndim == 1 else "N C", {"N": count}).double()
    return found.square().reshape(count, -1).sum(-1)


def _inside(name: str, points: Tensor) -> Tensor:
    found = finite(name, points, "N").double()
    if found.min() < 0 or found.max() > 1:
        raise ValueError(f"{name} must be points in [0, 1], not in {found.min():g}..{found.max():g}")
    return found
