"""An explorer of notebooks 01 and 04: whether nets are right as often as they are sure."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures
from kdviz.arguments import indices, logits, tensors, told, whole
from kdviz.explorers.view import View, packed

TEMPERATURES = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.7, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0]


def reliability(answers: Mapping[str, Tensor], labels: Tensor, *, bins: int = 15, temperature: float = 1.0) -> View:
    """Confidence against accuracy, as the number of bins turns and the logits are divided by a temperature.

    Parameters
    ----------
    answers : mapping of name to Tensor of shape (N, C)
        Logits, of each net; about a thousand examples are enough for a page.
    labels : Tensor, shape (N,)
    bins : int
        At first; from 2 to 50.
    temperature : float
        At first; one of ``kdviz.explorers.reliability.TEMPERATURES``.
    """
    sizes: dict[str, int] = {}
    answers = tensors("answers", answers, "N C", sizes, logits)
    labels = indices("labels", labels, "N", sizes, sizes["C"])
    if not 2 <= whole("bins", bins) <= 50:
        raise ValueError(f"the page turns from 2 to 50 bins, not {bins}")
    if temperature not in TEMPERATURES:
        raise ValueError(f"T is one of {', '.join(f'{t:g}' for t in TEMPERATURES)}, not {told(temperature)}")

    def still(figure: Figure, shown: str, bins: int, temperature: float) -> None:
        ax = figure.subplots()
        shares = (answers[shown] / temperature).softmax(-1)
        sure, right = shares.max(-1).values, shares.argmax(-1) == labels
        figures.reliability({shown: [(sure, right)]}, colours={shown: figures.COLOURS["student"]}, bins=bins, ax=ax)
        ax.set_title(f"{shown} at T = {temperature:g}", parse_math=False)

    data = {
        "temperatures": TEMPERATURES,
        "labels": packed(labels, "uint16"),
        "answers": {name: packed(own) for name, own in answers.items()},
    }
    return View("reliability", data, still, (6, 4.6), shown=next(iter(answers)), bins=bins, temperature=temperature)
