"""What a network with several answers says on the test images, peers or exits; and what it says of shifted ones.

Runs are :class:`kdviz.Run` here. A shipped run keeps the few numbers, or the part of the answers, it was asked for.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from kdviz import measures
from kdviz.arguments import told
from kdviz.data import Jitter, load_described
from kdviz.networks import predict
from kdviz.runs.scores import kept

SHIFT = 1 / 14  # of the sides: 2 pixels of 28, 1 of 8
FIRST = 2_000  # test images of which a shipped run keeps each exit's answer
# Doubts at which exits are counted: at 1 all leave by the first, at −1 nobody leaves early.
DOUBTS = [*torch.logspace(0, -4, 41, dtype=torch.float64).tolist(), -1.0]


def answer_scores(runs: Sequence[Any], answer: str | None = None) -> pd.DataFrame:
    """Errors, NLL and entropy (nats, means over the test images, T = 1) of the answers of every run.

    Parameters
    ----------
    runs : sequence of Run
    answer : str, optional
        One of the network's, ``"logits"`` say: the deepest exit, or the mean of the peers; or ``"each"``: the mean of
        the scores of the numbered answers, of a network with one answer its own. A row a run then.

    Returns
    -------
    DataFrame
        Columns ``seed``, ``answer``, ``% wrong``, ``nll`` and ``entropy``; by default a row an answer of a run.
    """
    rows = []
    for run in runs:
        names = [name for name in run.recipe.model.outputs if name.startswith("logits")]
        scores = dict(zip(names, kept(run, "answer_scores", answer_scores_of).double(), strict=True))
        if answer == "each":
            several = [score for name, score in scores.items() if name != "logits"] or [*scores.values()]
            scores = {"each": torch.stack(several).mean(0)}
        elif answer is not None:
            if answer not in scores:
                raise ValueError(f"{run.recipe.model} answers {', '.join(scores)}, not {told(answer)}")
            scores = {answer: scores[answer]}
        images = len(load_described(run.recipe.data).test)
        rows += [(run.recipe.seed, name, 100 * wrong / images, *soft) for name, (wrong, *soft) in
                 ((name, score.tolist()) for name, score in scores.items())]  # fmt: skip
    return pd.DataFrame(rows, columns=["seed", "answer", "% wrong", "nll", "entropy"])


def exit_curve(runs: Sequence[Any], costs: Sequence[float]) -> tuple[Tensor, Tensor]:
    """What an image takes, and how many are right, as the doubt that is allowed falls through :data:`DOUBTS`.

    Parameters
    ----------
    runs : sequence of Run
    costs : sequence of numbers, one an exit
        Operations up to it, as :func:`kdviz.networks.exit_operations` counts them.

    Returns
    -------
    shares, right : Tensor, shape (runs, doubts)
        Operations, in % of the whole network's; % of the test images right.
    """
    counts, costs = exit_counts(runs).double(), torch.tensor(costs, dtype=torch.float64)
    images = counts[0, 0, :, 0].sum()
    return 100 * (counts[..., 0] @ costs) / costs[-1] / images, 100 * counts[..., 1].sum(-1) / images


def shifted_error_counts(runs: Sequence[Any]) -> pd.Series:
    """Errors of each run on its test images, shifted by up to 1/14 of their sides, the same shifts for all."""
    return pd.Series([kept(run, "shifted_error_count", shifted_error_count).item() for run in runs], name="errors")


def exit_counts(runs: Sequence[Any]) -> Tensor:
    """How many test images leave at each exit, and how many of them are right, at each of :data:`DOUBTS`.

    An image leaves at the first exit whose doubt, one minus its largest probability, is at most that; else at the last.

    Returns
    -------
    Tensor, shape (runs, doubts, exits, 2), int32
    """
    return torch.stack([kept(run, "exit_counts", exit_counts_of) for run in runs])


def exit_answers(run: Any) -> tuple[Tensor, Tensor]:
    """Doubt and predicted class of each exit on the first 2,000 test images, each of shape (exits, 2000)."""
    doubt, predicted = kept(run, "exit_answers", exit_answers_of)
    return doubt.float(), predicted.long()


def answer_scores_of(run: Any) -> Tensor:
    """Shape (answers, 3), float32."""
    labels = load_described(run.recipe.data).test.labels
    return torch.tensor(
        [[(z.argmax(-1) != labels).sum().item(), measures.nll(z, labels), measures.entropy(z).mean().item()]
         for z in _answers(run)], dtype=torch.float32)  # fmt: skip


def shifted_error_count(run: Any) -> Tensor:
    """Shape (1,), int32."""
    test = load_described(run.recipe.data).test
    shift = Jitter(round(SHIFT * test.images.shape[-1]))
    moved = shift(test.images, shift.draw(len(test), torch.Generator().manual_seed(0)))
    predicted = predict(run._network, moved, lambda found: {"logits": found["logits"]})["logits"].argmax(-1)
    return (predicted != test.labels).sum(dtype=torch.int32)[None]


def exit_counts_of(run: Any) -> Tensor:
    """Shape (doubts, exits, 2), int32."""
    labels = load_described(run.recipe.data).test.labels
    answers = torch.stack(_answers(run))
    doubt, right = 1 - answers.double().softmax(-1).amax(-1), answers.argmax(-1) == labels
    counts = []
    for most in DOUBTS:
        sure = doubt <= most
        sure[-1] = True
        leaves = sure & (sure.cumsum(0) == 1)
        counts.append(torch.stack([leaves.sum(-1), (leaves & right).sum(-1)], -1))
    return torch.stack(counts).int()


def exit_answers_of(run: Any) -> Tensor:
    """Shape (2, exits, 2000): doubts, and predicted classes, in half precision."""
    answers = torch.stack(_answers(run))[:, :FIRST]
    doubt = 1 - answers.double().softmax(-1).amax(-1)
    return torch.stack([doubt, answers.argmax(-1).double()]).half()


def _answers(run: Any) -> list[Tensor]:
    names = [name for name in run.recipe.model.outputs if name.startswith("logits")]
    inputs = load_described(run.recipe.data).test.inputs
    found = predict(run._network, inputs, lambda outputs: {name: outputs[name] for name in names})
    return [found[name] for name in names]
