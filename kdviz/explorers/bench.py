"""The explorer of notebook 05: say an idea, train it, read its card."""

import base64
import html
import math
import os
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kdviz import figures
from kdviz.arguments import called, mapping, told
from kdviz.explorers.choices import above, controls, drawn
from kdviz.explorers.explorer import Explorer, in_a_row
from kdviz.explorers.view import png_of

NOTHING = "nothing else"
FORM = 1.2  # inches of its picture
PAUSE = 0.5  # seconds between two pictures of the curves, at least
SHARE = 0.1  # of the time that drawing them may take: it must not slow the training down


def live_curves(picture: widgets.Image | None = None) -> Callable[[Mapping[str, Sequence[Mapping]], bool], None]:
    """A watcher for :func:`kdviz.bench.train`: it draws the curves of all that has been trained in its sight.

    Parameters
    ----------
    picture : widget, optional
        Where they are drawn; by default one that appears below the cell when the first epoch has ended. Under
        ``KDVIZ_STATIC=1`` nothing is.
    """
    shown, seen, next_one = picture or widgets.Image(format="png"), {}, -math.inf
    alive = os.environ.get("KDVIZ_STATIC") != "1"

    def watch(histories: Mapping[str, Sequence[Mapping]], done: bool) -> None:
        nonlocal next_one
        first, began = not seen, time.monotonic()
        seen.update(histories)
        if alive and (done or began > next_one):
            with plt.style.context(figures.STYLE):
                figure = Figure((9, 2.8))
                figures.learning_curves(seen, axes=figure.subplots(1, 2))
                shown.value = png_of(FigureCanvasAgg(figure))
            next_one = began + max(PAUSE, (time.monotonic() - began) / SHARE)
        if alive and picture is None and first:
            display(shown)

    return watch


def bench(
    cards: Mapping[str, dict],
    train: Callable[..., tuple[str, dict]],
    form: Mapping,
    others: Mapping[str, Callable[[], Sequence[Mapping[str, float]]]],
) -> Explorer:
    """A form to say an idea with, a button that trains it, and the card of any idea beside any other.

    Parameters
    ----------
    cards : mapping of name to what :func:`kdviz.figures.card` draws
        Of what is trained already, at least one; the first is shown first.
    train : callable
        ``train(watch, **choices)`` trains what the form says and returns a name and a card; :func:`live_curves` is
        its ``watch``. A ValueError, or a training that diverges, is told beside the button.
    form : mapping of choice to widget
        Or to plain values, as :func:`kdviz.bench.form` gives them: ``(options, value)`` is a menu, and
        ``(low, high, value)`` a slider.
    others : mapping of name to callable
        More to be shown beside a card, as "the other": each gives the scores of a column, one a seed.
    """
    cards, others, form = _checked("cards", cards), _checked("others", others), controls(form)
    called("train", train, "train(watch, **choices)")
    button = widgets.Button(description="Train", button_style="primary", icon="play")
    told, curves = widgets.HTML(), widgets.Image(format="png", layout={"display": "none", "max_width": "760px"})
    read = cache(lambda name: others[name]())

    def draw(figure: Figure, shown: str, beside: str) -> None:
        scores, title = cards[shown]["scores"], shown
        if beside in cards or beside in others:
            other = next(iter(cards[beside]["scores"].values())) if beside in cards else read(beside)
            scores, title = {**scores, "the other": other}, f"{shown}\nthe other: {beside}"
        figures.card(**cards[shown] | {"scores": scores}, figure=figure)
        lines = [line for part in title.splitlines() for line in textwrap.wrap(part, 125)]
        figure.suptitle("\n".join(lines), fontweight="bold", fontsize=10, parse_math=False)

    def press(pressed: widgets.Button) -> None:
        button.disabled, told.value = True, "training …"
        try:
            name, card = train(live_curves(curves), **{name: control.value for name, control in form.items()})
        except KeyboardInterrupt:
            told.value = "stopped; Train goes on from here"
            return
        except Exception as problem:
            told.value = f"<b>{html.escape(str(problem))}</b>"
            if isinstance(problem, ValueError | FloatingPointError):  # what the form says cannot be trained
                return
            raise
        finally:
            button.disabled = False
        told.value, cards[name], kept = f"trained: {html.escape(name)}", card, beside.value
        explorer.held = True
        beside.options, shown.options = [NOTHING, *cards, *others], list(cards)
        explorer.choose(shown=name, beside=kept)

    button.on_click(press)
    curves.observe(lambda change: setattr(curves.layout, "display", None), "value")  # no picture before there is one
    half = {"width": "48%"}
    shown = widgets.Dropdown(options=list(cards), description="card of", layout=half)
    beside = widgets.Dropdown(options=[NOTHING, *cards, *others], value=NOTHING, description="beside", layout=half)
    asked = in_a_row(form.values())
    asking = widgets.VBox([asked, widgets.HBox([button, told]), curves])
    asking.add_class("kdviz-form")
    explorer = _Bench(draw, (12, 7.5), chart=lambda: asking, shown=shown, beside=beside)
    explorer.form = form
    return explorer


KINDS = {"cards": (Mapping, "card"), "others": (Callable, "function")}


def _checked(name: str, given: Mapping) -> dict:
    kind, said = KINDS[name]
    found = {} if name == "others" and isinstance(given, Mapping) and not given else mapping(name, given, said)
    for key, each in found.items():
        if not isinstance(each, kind) or (name == "cards" and not {"scores", "students", "teacher"} <= {*each}):
            raise ValueError(f"{key!r} of {name} must be a {said}, not {told(each)}")
    return found


class _Bench(Explorer):
    """The form stands above what chooses among the cards, and on a page where nothing runs above the card."""

    form: Mapping[str, widgets.Widget]

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        with plt.style.context(figures.STYLE):
            figure = Figure((self.size[0], FORM), layout="none")
            drawn(figure, self.form)
            png = above(png_of(FigureCanvasAgg(figure)), self.picture.value)
        return {"text/plain": repr(self), "image/png": base64.b64encode(png).decode()}

    def _arranged(self) -> widgets.Box:
        return widgets.VBox([self.chart(), self._row(), self.picture])
