"""Figures alive: controls and one image, redrawn on every change. Without a kernel the image stays."""

import base64
import io
import os
from collections.abc import Callable

import ipywidgets as widgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from kdviz import figures


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
        for control in controls.values():
            control.observe(self._redraw, "value")
        self._redraw()

    @property
    def values(self) -> dict:
        return {name: control.value for name, control in self.controls.items()}

    def _redraw(self, change: object = None) -> None:
        with plt.style.context(figures.STYLE):
            figure = Figure(self.size)
            self.draw(figure, **self.values)
            png = io.BytesIO()
            figure.savefig(png, format="png")
        self.picture.value = png.getvalue()

    def __repr__(self) -> str:
        return f"Explorer({', '.join(f'{name}={value}' for name, value in self.values.items())})"

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        """The picture, and unless ``KDVIZ_STATIC=1`` the widgets: a notebook executed for committing keeps no state."""
        bundle = {"text/plain": repr(self), "image/png": base64.b64encode(self.picture.value).decode()}
        if os.environ.get("KDVIZ_STATIC") != "1":
            bundle |= self._arranged()._repr_mimebundle_() | {"text/plain": repr(self)}
        return bundle, {}

    def _arranged(self) -> widgets.Box:
        chart = [self.chart()] if self.chart else []
        return widgets.VBox([widgets.HBox(list(self.controls.values())), *chart, self.picture])
