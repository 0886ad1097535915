"""An explorer of notebook 04: how near its teacher a student starts, and what training makes of it."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure

from kdviz import figures
from kdviz.arguments import finite, several
from kdviz.explorers.view import View


def shared_start(
    shares: Sequence[float], before: Sequence[Sequence[float]], histories: Sequence[Sequence[Mapping]]
) -> View:
    """Agreement with the teacher by λ, the share of its weights at the start, and the training behind each λ.

    Parameters
    ----------
    shares : sequence of S floats, ascending
        λ, in [0, 1].
    before : S sequences of floats, one a seed
        Agreement before training, in [0, 1].
    histories : S sequences of dict, one a seed
        ``epoch`` and ``train_agreement``, a list each (:attr:`kdviz.Run.history`).
    """
    shares = finite("shares", shares, "S").tolist()
    histories = [several("histories", seeds, "run.history") for seeds in several("histories", histories, "lists")]
    before = finite("before", before, "S n")
    if not len(shares) == len(before) == len(histories):
        raise ValueError(f"{len(shares)} shares need as many starts and histories, not {len(before)}, {len(histories)}")
    after = torch.tensor([[history["train_agreement"][-1] for history in seeds] for seeds in histories])

    def still(figure: Figure, share: float) -> None:
        left, right = figure.subplots(1, 2)
        shades = {"after training": figures.COLOURS["student"], "before training": "0.6"}
        both = {"after training": 100 * after.T, "before training": 100 * before.T}
        figures.by_setting(shares, both, shades, ax=left)
        left.set(xlabel="λ: share of the teacher's weights at the start", ylabel="agreement, %", ylim=(0, 102))
        left.set_title("After training, by λ")
        for history in histories[shares.index(share)]:
            agreement = [100 * each for each in history["train_agreement"]]
            right.plot(history["epoch"], agreement, color=figures.COLOURS["student"], lw=1)
        right.set(xlabel="epoch", ylim=(0, 102), title=f"Training from λ = {share:g}, a line a seed")

    data = {
        "shares": shares,
        "before": [[round(each, 4) for each in seeds] for seeds in before.tolist()],
        "histories": [[_short(history) for history in seeds] for seeds in histories],
    }
    return View("shared_start", data, still, (10, 3.8), share=shares[0])


def _short(history: Mapping) -> dict:
    return {
        "epoch": list(history["epoch"]),
        "agreement": [round(float(each), 4) for each in history["train_agreement"]],
    }
