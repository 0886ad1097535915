"""An explorer of notebook 04: how much two nets can agree, given how often each is right."""

from matplotlib.figure import Figure

from kdviz import figures, measures
from kdviz.arguments import share
from kdviz.explorers.view import View


def bounds(a: float, b: float, *, classes: int | None = None, agreement: float | None = None) -> View:
    """The least and the most two classifiers can agree, as their accuracies are dragged.

    Parameters
    ----------
    a, b : float
        Accuracies at first, in [0, 1].
    classes : int, optional
        Three or more unless said (:func:`kdviz.measures.agreement_bounds`).
    agreement : float, optional
        A measured one, marked.
    """
    a, b = share("a", a), share("b", b)
    agreement = None if agreement is None else share("agreement", agreement)
    measures.agreement_bounds(a, b, classes)

    def still(figure: Figure, a: float, b: float) -> None:
        low, high = measures.agreement_bounds(a, b, classes)
        ax = figure.subplots()
        names = ["net a is right", "net b, as alike as can be", "net b, as unlike as can be", "they agree on"]
        ends = [(0, a, "teacher"), (0, b, "student"), (1 - b, 1, "student"), (low, high, "right")]
        for place, (start, end, name) in enumerate(ends):
            ax.barh(place, 100, color="0.93")
            ax.barh(place, 100 * (end - start), left=100 * start, color=figures.COLOURS[name])
        if agreement is not None:
            ax.plot(100 * agreement, 3, "D", color="black", label="measured")
            ax.legend(loc="lower right", bbox_to_anchor=(1, 1))
        ax.set(xlim=(0, 100), yticks=range(4), yticklabels=names, xlabel="% of the test images")
        ax.set_title(f"Right on {100 * a:.1f} and {100 * b:.1f} %: agreement of {100 * low:.1f} to {100 * high:.1f} %")
        ax.invert_yaxis()

    return View("bounds", {"classes": classes, "agreement": agreement}, still, (9, 2.8), a=round(a, 3), b=round(b, 3))
