"""What a student takes over from the teacher that taught it, beyond what it shares with others: answers, confidence."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from kdviz.arguments import finite, tensor, whole
from kdviz.measures.fidelity import ensemble_logits

SURE = 8.0  # log-odds above which a probability in half precision no longer tells one from another


def likeness(students: Sequence[Tensor], teachers: Sequence[Tensor], labels: Tensor) -> pd.DataFrame:
    """How often students answer as their own teacher does, and as strangers do: everywhere, where it errs, where not.

    Strangers of teacher i are the other students: both are compared on the very same images.

    Parameters
    ----------
    students : sequence of S Tensors, shape (N,), S ≥ 2
        Predicted classes; student i was taught by teacher i.
    teachers : sequence of S Tensors, shape (N,)
    labels : Tensor, shape (N,)

    Returns
    -------
    DataFrame
        A row a teacher, in %: ``accuracy`` (the student's), ``own``, ``own, wrong``, ``own, right`` (agreement of its
        student on all images, on those where it is wrong, where it is right), and the same of ``other``, averaged over
        the other students (Stanton et al. 2021, section 3, call one an independent student).

    Raises
    ------
    ValueError
        A single student, or a teacher that is right, or wrong, on every image.
    """
    sizes: dict[str, int] = {}
    said = tensor("students", students, "S N", sizes, least=2)
    taught, labels = tensor("teachers", teachers, "S N", sizes), tensor("labels", labels, "N", sizes)
    if len(said) < 2:
        raise ValueError("strangers are the other students: two students or more are needed")
    wrong = taught != labels
    if not (wrong.any(-1) & (~wrong).any(-1)).all():
        raise ValueError("a teacher that is right, or wrong, on every image leaves nothing to compare")
    rows = []
    for i, (answers, errs) in enumerate(zip(taught, wrong, strict=True)):
        same = 100 * (said == answers).double()
        others = torch.arange(len(said)) != i
        row = {"accuracy": 100 * (said[i] == labels).double().mean().item()}
        for part, images in {"": torch.ones_like(errs), ", wrong": errs, ", right": ~errs}.items():
            row |= {f"own{part}": same[i, images].mean().item(), f"other{part}": same[others][:, images].mean().item()}
        rows.append(row)
    return pd.DataFrame(rows)


def same_answers(students: Sequence[Tensor], teachers: Sequence[Tensor]) -> Tensor:
    """How many of the answers of each student are those of its teacher, in %, shape (S,).

    Parameters
    ----------
    students, teachers : sequence of S Tensors, shape (N,)
        Predicted classes, in one order.
    """
    sizes: dict[str, int] = {}
    said, taught = tensor("students", students, "S N", sizes), tensor("teachers", teachers, "S N", sizes)
    return 100 * (said == taught).double().mean(-1)


def ring_answers(logits: Sequence[Tensor], members: int) -> list[Tensor]:
    """What ensembles of neighbours answer, as many as there are nets: number i is net i and those that follow it.

    Parameters
    ----------
    logits : sequence of M Tensors, shape (N, C)
    members : int
        Nets in an ensemble, 1 to M; their probabilities are averaged (:func:`kdviz.measures.ensemble_logits`).

    Returns
    -------
    list of M Tensors, shape (N,), int64
    """
    count = len(logits)
    if not 1 <= whole("members", members, 1) <= count:
        raise ValueError(f"an ensemble of {count} nets has 1 to {count} members, not {members}")
    rings = [[logits[(first + i) % count] for i in range(members)] for first in range(count)]
    return [ensemble_logits(ring).argmax(-1) for ring in rings]


def confidence_odds(confidence: Tensor) -> Tensor:
    """Log-odds of a net's confidence c, its answer's probability: log c / (1 − c), at most :data:`SURE`.

    Parameters
    ----------
    confidence : Tensor, shape (N,), in [0, 1]
    """
    given = finite("confidence", confidence, "N").double()
    if ((given < 0) | (given > 1)).any():
        raise ValueError("confidence is a probability, in [0, 1]")
    return torch.logit(given).clamp(max=SURE)


def exaggeration(student: Tensor, teacher: Tensor) -> float:
    """Slope of a student's confidence on its teacher's, both as log-odds: above 1 it exaggerates what it was told.

    The least squares line over the images of which the teacher is not as sure as can be told (:data:`SURE`). Noise in
    the teacher's own confidence lowers it, so that it is read beside the slope of a net that the teacher did not teach.

    Parameters
    ----------
    student, teacher : Tensor, shape (N,)
        Confidences, in [0, 1].
    """
    sizes: dict[str, int] = {}
    student, teacher = finite("student", student, "N", sizes), finite("teacher", teacher, "N", sizes)
    theirs, ours = confidence_odds(teacher), confidence_odds(student)
    told = theirs < SURE
    if told.sum() < 2 or theirs[told].std() == 0:
        raise ValueError("the teacher's confidence is the same for every image: there is no slope")
    return float(np.polyfit(theirs[told].numpy(), ours[told].numpy(), 1)[0])
