"""The explorer of notebook 02: what a student makes of the class it never saw."""

from collections.abc import Callable, Mapping, Sequence

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures, measures
from kdviz.explorers.explorer import Explorer


def omitted_digit(
    predictions: Callable[[int, float, float], Tensor],
    bias: Mapping[tuple[int, float], float],
    images: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    digit: int = 3,
) -> Explorer:
    """What a student makes of the class it never saw, as its bias moves.

    Parameters
    ----------
    predictions : callable
        ``predictions(omitted, temperature, bias)`` gives a Tensor of shape (N,).
    bias : mapping of (omitted class, training temperature) to float
        The label-free one, told in the title.
    images : Tensor, shape (N, 1, H, W)
    labels : Tensor, shape (N,)
    classes : names of the C classes
    digit : int
        Omitted class shown first.
    """
    omitted, temperatures = (sorted(set(axis)) for axis in zip(*bias, strict=True))

    def draw(figure: Figure, omitted: int, bias_added: float, temperature: float) -> None:
        predicted = predictions(omitted, temperature, bias_added)
        counts = measures.confusion(predicted, labels, len(classes)).double()
        shares = (100 * counts / counts.sum(-1, keepdim=True)).numpy()
        above, below = figure.subfigures(2, 1, height_ratios=[3, 2])
        left, right = above.subplots(1, 2)
        mine = [figures.COLOURS["student"] if c == omitted else "0.7" for c in range(len(classes))]
        left.bar(classes, shares[omitted], color=mine)
        left.set(title=f"The {classes[omitted]}s it never saw are taken for …", ylabel="% of them", ylim=(0, 100))
        right.bar(classes, 100 - shares.diagonal(), color=mine)
        right.set(title="Missed, by digit (100 % − recall)", ylabel="% of its test images")
        rows = (labels == omitted).nonzero().squeeze(1)
        missed_unshifted = predictions(omitted, temperature, 0.0)[rows] != omitted
        rows = rows[missed_unshifted.logical_not().long().argsort(stable=True)][:24]
        captions = [classes[c] for c in predicted[rows]]
        figures.gallery(images[rows], captions, [c == classes[omitted] for c in captions], ax=below.subplots())
        wrong = int((predicted != labels).sum())
        figure.suptitle(
            f"bias {bias_added:+.1f} (label-free: {bias[omitted, temperature]:+.1f}), "
            f"T = {temperature:g}: {wrong} errors of {len(labels)}"
        )

    return Explorer(
        draw,
        (10, 6.5),
        omitted=widgets.Dropdown(options=[(classes[c], c) for c in omitted], value=digit, description="omitted"),
        bias_added=widgets.FloatSlider(0.0, min=-10, max=10, step=0.25, description="bias", continuous_update=False),
        temperature=widgets.Dropdown(options=temperatures, value=temperatures[-1], description="trained at T"),
    )
