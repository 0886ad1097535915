"""What must train keeps its kernel: controls and one image, redrawn on every change. Without one the image stays."""

import base64
import os
from collections.abc import Callable, Iterable

import ipywidgets as widgets
import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kdviz import figures
from kdviz.explorers.view import alive, png_of


class Explorer:
    """Controls above a picture that ``draw`` makes of their values.

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
        self.draw, self.size, self.chart, self.controls = draw, size, chart, controls
        self.picture = widgets.Image(format="png")
        self.held = False
        for control in controls.values():
            control.observe(self._moved, "value")
        self._redraw()

    @property
    def values(self) -> dict:
        return {name: control.value for name, control in self.controls.items()}

    def choose(self, **values) -> None:
        """Move several controls, and draw once."""
        self.held = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self.held = False
        self._redraw()

    def _moved(self, change: object) -> None:
        if not self.held:
            self._redraw()

    def _redraw(self) -> None:
        with plt.style.context(figures.STYLE):
            figure = Figure(self.size)
            self.draw(figure, **self.values)
            self.picture.value = png_of(FigureCanvasAgg(figure))

    def __repr__(self) -> str:
        return f"Explorer({', '.join(f'{name}={value}' for name, value in self.values.items())})"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        """The picture alone: a notebook executed for committing keeps no widget."""
        return {"text/plain": repr(self), "image/png": base64.b64encode(self.picture.value).decode()}

    def _ipython_display_(self) -> None:
        if os.environ.get("KDVIZ_STATIC") == "1":
            raise NotImplementedError  # IPython then asks for the bundle
        alive(self._arranged(), self.picture.value, repr(self))

    def _arranged(self) -> widgets.Box:
        chart = [self.chart()] if self.chart else []
        return widgets.VBox([in_a_row(self.controls.values()), *chart, self.picture])


def in_a_row(controls: Iterable[widgets.Widget]) -> widgets.Box:
    """Controls beside each other, and below where the window is narrow: a slider keeps its length."""
    return widgets.HBox(list(controls), layout={"flex_flow": "row wrap"})
