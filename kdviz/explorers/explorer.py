"""What must train keeps its kernel: controls and one image, redrawn on every change. Without one the image stays."""

import base64
import html
import os
import textwrap
from collections.abc import Callable, Iterable
from functools import partial

import ipywidgets as widgets
import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kdviz import figures
from kdviz.arguments import called, finite, told
from kdviz.explorers.view import alive, png_of

INCH, DENSE = 110, 2  # of a picture: pixels of the page, and its own for each of these: sharp on dense screens


class Explorer:
    """Controls above a picture that ``draw`` makes of their values.

    Where it cannot, the reason stands beside the control that was moved and in the picture's place.

    Parameters
    ----------
    draw : callable
        ``draw(figure, **values)`` draws on a bare matplotlib Figure.
    size : (float, float)
        Of the figure, in inches.
    chart : callable, optional
        ``chart()`` makes a live widget to stand between controls and picture; called only where there is a kernel.
    **controls : ipywidgets widget
        Each has a ``value``, passed to ``draw`` under its name.
    """

    def __init__(self, draw: Callable, size: tuple[float, float], chart: Callable | None = None, **controls):
        self.draw, self.chart, self.controls = called("draw", draw, "draw(figure, **values)"), chart, controls
        self.size = tuple(finite("size", size, "2", {"2": 2}).tolist())
        if min(self.size) <= 0:
            raise ValueError(f"size must be two lengths above 0, in inches, not {size}")
        if strange := [name for name, control in controls.items() if not hasattr(control, "observe")]:
            raise ValueError(f"controls are ipywidgets with a value: {strange[0]} is {told(controls[strange[0]])}")
        self.width = round(INCH * self.size[0])
        self.picture = widgets.Image(format="png", layout={"width": f"{self.width}px", "max_width": "100%"})
        self.notes = {name: widgets.HTML(layout={"display": "none", "max_width": "40%"}) for name in controls}
        self.held = False
        for name, control in controls.items():
            control.observe(partial(self._moved, name), "value")
        self._redraw()

    @property
    def values(self) -> dict:
        return {name: control.value for name, control in self.controls.items()}

    def choose(self, **values) -> None:
        """Move several controls, and draw once."""
        if strange := [name for name in values if name not in self.controls]:
            raise ValueError(f"there is no control {strange[0]!r}: choose among {', '.join(self.controls)}")
        self.held = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self.held = False
        self._redraw_after(next(iter(values), None))

    def _moved(self, name: str, change: object) -> None:
        if not self.held:
            self._redraw_after(name)

    def _redraw_after(self, moved: str | None) -> None:
        """Draw, or say beside the control ``moved`` and in the picture's place why not: an older picture would lie."""
        for note in self.notes.values():
            note.layout.display = "none"
        try:
            self._redraw()
        except Exception as problem:
            said = str(problem) if isinstance(problem, ValueError) else f"{type(problem).__name__}: {problem}"
            self.picture.value = self._page(f"No picture of this choice.\n{said}")
            note = self.notes[moved or next(iter(self.notes))]
            note.value, note.layout.display = f"<b>{html.escape(said)}</b>", None
            raise  # where tracebacks are kept

    def _redraw(self) -> None:
        with plt.style.context(figures.STYLE):
            figure = Figure(self.size, dpi=INCH * DENSE)
            self.draw(figure, **self.values)
            self.picture.value = png_of(FigureCanvasAgg(figure))

    def _page(self, said: str) -> bytes:
        """A picture of a text."""
        figure = Figure(self.size, dpi=INCH * DENSE)
        lines = [part for line in said.splitlines() for part in textwrap.wrap(line, round(11 * self.size[0]))]
        figure.text(0.5, 0.5, "\n".join(lines), ha="center", va="center", color="0.3", parse_math=False)
        return png_of(FigureCanvasAgg(figure))

    def __repr__(self) -> str:
        return f"Explorer({', '.join(f'{name}={value}' for name, value in self.values.items())})"

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        """The picture alone, as wide as it is meant: a notebook executed for committing keeps no widget."""
        picture = base64.b64encode(self.picture.value).decode()
        return {"text/plain": repr(self), "image/png": picture}, {"image/png": {"width": self.width}}

    def _ipython_display_(self) -> None:
        if os.environ.get("KDVIZ_STATIC") == "1":
            raise NotImplementedError  # IPython then asks for the bundle
        alive(self._arranged(), self.picture.value, repr(self), self.width)

    def _arranged(self) -> widgets.Box:
        chart = [self.chart()] if self.chart else []
        return widgets.VBox([self._row(), *chart, self.picture])

    def _row(self) -> widgets.Box:
        """The controls, each with room for what it caused."""
        return in_a_row(each for name, control in self.controls.items() for each in (control, self.notes[name]))


def in_a_row(controls: Iterable[widgets.Widget]) -> widgets.Box:
    """Controls beside each other, and below where the window is narrow: a slider keeps its length."""
    return widgets.HBox(list(controls), layout={"flex_flow": "row wrap"})
