"""The explorer of notebook 02: what a student makes of the class it never saw."""

from collections.abc import Callable, Mapping, Sequence

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures, measures
from kdviz.arguments import called, indices, mapping, names, number, tensor, told
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
    images : Tensor, shape (N, 1, H, W) or (N, 3, H, W)
    labels : Tensor, shape (N,)
    classes : names of the C classes
    digit : int
        Omitted class shown first.
    """
    classes = names(classes)
    sizes, places = {}, range(len(classes))
    labels = indices("labels", labels, "N", sizes, len(classes))
    images = tensor("images", images, "N D H W", sizes)
    called("predictions", predictions, "predictions(omitted, temperature, bias)")
    bias = {_setting(key, len(classes)): number("a bias", one) for key, one in mapping("bias", bias, "bias").items()}
    omitted, temperatures = (sorted(set(axis)) for axis in zip(*bias, strict=True))
    if digit not in omitted:
        raise ValueError(f"digit must be a class that is left out in bias, one of {omitted}, not {told(digit)}")

    def predict(*setting: float) -> Tensor:
        return indices("what predictions gives", predictions(*setting), "N", sizes, len(classes))

    def draw(figure: Figure, omitted: int, bias_added: float, temperature: float) -> None:
        predicted = predict(omitted, temperature, bias_added)
        counts = measures.confusion(predicted, labels, len(classes)).double()
        shares = (100 * counts / counts.sum(-1, keepdim=True)).numpy()
        above, below = figure.subfigures(2, 1, height_ratios=[3, 2])
        left, right = above.subplots(1, 2)
        mine = [figures.COLOURS["student"] if c == omitted else "0.7" for c in range(len(classes))]
        left.bar(places, shares[omitted], color=mine)
        left.set_title(f"The {classes[omitted]}s it never saw are taken for …", parse_math=False)
        left.set(ylabel="% of them", ylim=(0, 100))
        right.bar(places, 100 - shares.diagonal(), color=mine)
        for ax in (left, right):
            ax.set_xticks(places, classes, parse_math=False)
        right.set(title="Missed, by digit (100 % − recall)", ylabel="% of its test images")
        rows = (labels == omitted).nonzero().squeeze(1)
        missed_unshifted = predict(omitted, temperature, 0.0)[rows] != omitted
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


def _setting(given: tuple[int, float], classes: int) -> tuple[int, float]:
    if not isinstance(given, tuple | list) or len(given) != 2 or given[0] not in range(classes):
        raise ValueError(f"bias is of (class left out, training temperature), not of {told(given)}")
    return given[0], number("a training temperature", given[1])
