"""A pad to draw a digit on: teacher and student answer while one draws."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import anywidget
import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import torch
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures
from kdviz.arguments import mapping, names
from kdviz.arguments import told as as_given
from kdviz.explorers import drawing
from kdviz.explorers.explorer import Explorer, png_of
from kdviz.explorers.temperature import TEMPERATURES
from kdviz.figures.look import check_colours, plain

EMPTY = "Draw a digit on the pad:\nthe answers come while you draw."


def pad(
    networks: Mapping[str, Callable[[Tensor], Tensor]],
    size: int,
    classes: Sequence[str],
    *,
    start: drawing.Strokes = drawing.THREE,
    temperature: float = 1.0,
    colours: Mapping[str, str] = figures.COLOURS,
) -> Explorer:
    """A pad to draw on, the drawing as the networks see it, and what each answers at a temperature.

    Parameters
    ----------
    networks : mapping of name to callable
        Each gives the logits, shape (1, C), of an image of shape (1, 1, size, size).
    size : {28, 8}
        Of the images: as MNIST's or as the 8×8 digits (:func:`kdviz.explorers.drawing.normalised`).
    classes : names of the C classes
    start : sequence of strokes
        Each a sequence of points (x, y) in [0, 1], y downwards: what stands on the pad, and on a page without a
        kernel, until one draws. By default a 3.
    temperature : float
        At first; one of ``kdviz.explorers.temperature.TEMPERATURES``.
    colours : mapping of name to colour
    """
    return _Pad(networks, size, classes, start, temperature, colours)


class DrawingPad(anywidget.AnyWidget):
    """The square itself; ``value`` is a list of strokes, each a list of points (x, y) in [0, 1], y downwards.

    What stands on it at first is an ``example``: shown pale, and gone when one draws.
    """

    _esm = Path(__file__).with_name("pad.js")
    value = traitlets.List().tag(sync=True, echo_update=False)
    example = traitlets.Bool(True).tag(sync=True)
    pen = traitlets.Float(0.75 * drawing.PEN).tag(sync=True)  # of the pad; a drawing fills about three quarters of it

    @traitlets.validate("value")
    def _checked(self, proposal: dict) -> list:
        try:
            return drawing.checked(proposal["value"])
        except ValueError as problem:
            raise traitlets.TraitError(str(problem)) from None


class _Pad(Explorer):
    """Its figure is laid out once; then only what stands on it moves, so that an answer comes while one draws."""

    def __init__(self, networks, size, classes, start, temperature, colours):
        if not networks:
            raise ValueError("a pad needs a network to answer: {name: callable}")
        networks = mapping("networks", networks, "function")
        if strange := [name for name, network in networks.items() if not callable(network)]:
            raise ValueError(f"a network is called with an image: {strange[0]} is {as_given(networks[strange[0]])}")
        if size not in (28, 8) or temperature not in TEMPERATURES:
            given = f"not {as_given(size)} and {as_given(temperature)}"
            raise ValueError(f"size is 28 or 8, temperature one of {', '.join(map(str, TEMPERATURES))}, {given}")
        check_colours(colours)
        self.networks, self.side, self.classes = networks, size, names(classes)
        with plt.style.context(figures.STYLE):
            self.figure = Figure((6.8, 2.8))
            self._lay_out({name: colours.get(name, "0.4") for name in self.networks})
        self.canvas = FigureCanvasAgg(self.figure)
        options = [(f"{t:g}", t) for t in TEMPERATURES]
        slider = widgets.SelectionSlider(options=options, value=temperature, description="T")
        strokes = DrawingPad(value=drawing.checked(start))
        super().__init__(self._answer, tuple(self.figure.get_size_inches()), strokes=strokes, temperature=slider)
        self.picture.layout.max_width = "100%"

    def _lay_out(self, colours: Mapping[str, str]) -> None:
        left, right = self.figure.subplots(1, 2, width_ratios=[1, 2.4])
        figures.image(torch.zeros(self.side, self.side), title="as the networks see it", ax=left)
        left.set_axis_on()
        left.set(xticks=[], yticks=[])
        left.grid(False)
        left.spines[:].set(visible=True, color="0.8")
        (self.pixels,) = left.images
        longest = max(self.classes, key=len)  # so that the layout leaves room for it
        width, places = 0.85 / len(colours), np.arange(len(self.classes))
        offsets = (np.arange(len(colours)) - (len(colours) - 1) / 2) * width
        self.bars = {
            name: right.bar(places + offset, 0 * places, width, color=colour, label=f"{name}: {longest} (100%)")
            for (name, colour), offset in zip(colours.items(), offsets, strict=True)
        }
        right.set_xticks(places, self.classes, parse_math=False)
        right.set_ylim(0, 1)
        self.scale = right.set_ylabel("probability")
        above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0, "fontsize": 9}
        legend = right.legend(ncols=2, **above)
        plain(legend)
        self.told = legend.get_texts()
        self.hint = right.text(0.5, 0.5, EMPTY, transform=right.transAxes, ha="center", color="0.4", fontsize=10)
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")

    def _answer(self, figure: Figure, strokes: drawing.Strokes, temperature: float) -> None:
        """Move the bars and the pixels of ``figure`` to what the networks make of the strokes."""
        image = torch.zeros(1, 1, self.side, self.side)
        if strokes:
            image = drawing.normalised(drawing.bitmap(strokes), self.side)
        self.pixels.set_data(image[0, 0].numpy())
        self.hint.set_visible(not strokes)
        self.scale.set_text(f"probability at T = {temperature:g}")
        for (name, network), told in zip(self.networks.items(), self.told, strict=True):
            shares = self._shares(name, network, image, temperature) if strokes else [0.0] * len(self.classes)
            for bar, share in zip(self.bars[name], shares, strict=True):
                bar.set_height(share)
            best = int(np.argmax(shares))
            told.set_text(f"{name}: {self.classes[best]} ({shares[best]:.0%})" if strokes else name)

    def _shares(self, name: str, network: Callable, image: Tensor, temperature: float) -> list[float]:
        with torch.no_grad():
            logits = network(image)
        if not isinstance(logits, Tensor) or logits.shape != (1, len(self.classes)):
            given = f"logits of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else as_given(logits)
            raise ValueError(f"{name} gives {given}, not (1, {len(self.classes)})")
        return (logits[0].double() / temperature).softmax(-1).tolist()

    def _redraw(self) -> None:
        self.draw(self.figure, **self.values)
        self.picture.value = png_of(self.canvas)

    def __repr__(self) -> str:
        return f"Explorer(strokes={len(self.values['strokes'])}, temperature={self.values['temperature']})"

    def _arranged(self) -> widgets.Box:
        """The picture beside the pad, or below it where the page is narrow."""
        pad, slider = self.controls.values()
        room = {"flex": "1 1 380px", "min_width": "0"}
        beside = widgets.VBox([slider, *self.notes.values(), self.picture], layout=room)
        return widgets.HBox([pad, beside], layout={"flex_flow": "row wrap"})
