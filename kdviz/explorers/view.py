"""An explorer that answers in the page: Python prepares data, a module of ``views/`` does the arithmetic and draws."""

import base64
import io
import json
import os
import sys
import zlib
from collections.abc import Callable

import anywidget
import matplotlib.pyplot as plt
import numpy as np
import torch
import traitlets
from IPython.display import display
from ipywidgets import DOMWidget
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from kdviz import figures
from kdviz.explorers import modules
from kdviz.figures.examples import check_pixels

VIEW = "application/vnd.kdviz.view+json"  # a view's name, data and first state, for pages without a kernel
WIDGET = "application/vnd.jupyter.widget-view+json"
ACROSS = 16  # images in a row of a sprite
# In JupyterLab a living widget hides the picture before it; the day after, one that is gone hides what is said of that.
AFTER = ".jp-OutputArea-child:has(.kdviz-still) + .jp-OutputArea-child > .jp-OutputArea-output"
ONE_OF_BOTH = (
    "<style>.jp-OutputArea-child:has(.kdviz-still):has(+ .jp-OutputArea-child > .jp-OutputArea-output > "
    f".jupyter-widgets), {AFTER}.jupyter-widgets:not(:has(*)) {{ display: none }}</style>"
)


class View(anywidget.AnyWidget):
    """A module of ``views/`` with its data, where its controls stand, and the picture for a page that runs nothing.

    Parameters
    ----------
    module : str
        Its name in ``views/``.
    data : dict
        What JSON can say; arrays as :func:`packed` gives them, images as :func:`sprite` does.
    still : callable
        ``still(figure, **state)`` draws on a bare matplotlib Figure.
    size : (float, float)
        Of that figure, in inches.
    **state
        Where the controls stand at first, by name.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, module: str, data: dict, still: Callable, size: tuple[float, float], **state):
        super().__init__(_esm=modules.source(module), _css=modules.style(), data=data, state=state)
        self.module, self.still, self.size = module, still, size

    @traitlets.validate("state")
    def _known(self, proposal: dict) -> dict:
        unknown = set(proposal["value"]) - set(self.state or proposal["value"])
        if unknown:
            raise traitlets.TraitError(
                f"{', '.join(sorted(unknown))}: no control here; there are {', '.join(self.state)}"
            )
        return proposal["value"]

    def choose(self, **values) -> None:
        """Move some of the controls, here and on the page."""
        self.state = self.state | values

    def picture(self) -> bytes:
        """The PNG of where the controls stand."""
        with plt.style.context(figures.STYLE):
            figure = Figure(self.size)
            self.still(figure, **self.state)
            return png_of(FigureCanvasAgg(figure))

    def __repr__(self) -> str:
        return f"Explorer({', '.join(f'{name}={_short(value)}' for name, value in self.state.items())})"

    def _repr_mimebundle_(self, include=None, exclude=None, **_) -> tuple[dict, dict]:
        """The picture, and for pages without a kernel the view's name and data."""
        told = json.dumps({"data": self.data, "state": self.state}, separators=(",", ":"))
        view = {"view": self.module, "told": base64.b64encode(zlib.compress(told.encode(), 9)).decode()}
        return {"text/plain": repr(self), "image/png": base64.b64encode(self.picture()).decode(), VIEW: view}, {}

    def _ipython_display_(self) -> None:
        if os.environ.get("KDVIZ_STATIC") == "1":
            raise NotImplementedError  # IPython then asks for the bundle
        alive(self, self.picture(), repr(self))


def alive(widget: DOMWidget, png: bytes, said: str, width: int | None = None) -> None:
    """Show a widget, and before it the picture that it hides for as long as it lives, so many pixels wide."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    wide = f' style="max-width: 100%; width: {width}px"' if width else ""
    picture = f'<img class="kdviz-still" alt="The explorer as a picture"{wide} src="{source}">'
    text = {"text/plain": said}
    display({"text/html": picture + ONE_OF_BOTH} | text, raw=True)
    display({WIDGET: widget.get_view_spec()} | text, raw=True, metadata=about())


def about() -> dict:
    """What Colab's page must be told of a widget: who shows it. Elsewhere nothing."""
    colab = sys.modules.get("google.colab.output")
    url = colab and colab._widgets._installed_url
    return {WIDGET: {"colab": {"custom_widget_manager": {"url": url}}}} if url else {}


def packed(values: Tensor | np.ndarray, kind: str = "float32") -> dict:
    """An array as JSON can say it: its bytes in base64, its shape and NumPy's name of its kind."""
    array = np.asarray(values)
    kept = array.astype(kind)
    if kind.lstrip("u").startswith("int") and not np.array_equal(kept, array):
        raise ValueError(f"values from {array.min()} to {array.max()} do not fit {kind}")
    return {"kind": kind, "shape": list(kept.shape), "bytes": base64.b64encode(kept.tobytes()).decode()}


def unpacked(told: dict) -> Tensor:
    """An array as :func:`packed` said it."""
    values = np.frombuffer(base64.b64decode(told["bytes"]), told["kind"]).reshape(told["shape"])
    return torch.from_numpy(values.copy())


def told_of(view: dict) -> dict:
    """Name, data and state of a view, from what a bundle keeps of it under :data:`VIEW`."""
    return {"view": view["view"], **json.loads(zlib.decompress(base64.b64decode(view["told"])))}


def sprite(images: Tensor) -> dict:
    """Images, shape (N, 1 or 3, H, W) in [0, 1], as one PNG, 16 in a row; grey ones dark on white, in 16 levels."""
    check_pixels(images)
    count, depth, height, width = images.shape
    rows = -(-max(count, 1) // ACROSS)
    page = np.zeros((rows * ACROSS, height, width, depth), np.uint8)
    page[:count] = (images.float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    page = page.reshape(rows, ACROSS, height, width, depth).swapaxes(1, 2).reshape(rows * height, ACROSS * width, depth)
    picture, png = Image.fromarray(np.rint(page[..., 0] / 17).astype(np.uint8) if depth == 1 else page), io.BytesIO()
    if depth == 1:
        picture.putpalette(np.repeat(np.arange(255, -1, -17, dtype=np.uint8), 3).tobytes())
    picture.save(png, "png", optimize=True, **({"bits": 4} if depth == 1 else {}))
    told = {"across": ACROSS, "rows": rows, "sides": [height, width]} | ({"colour": True} if depth == 3 else {})
    return {"png": base64.b64encode(png.getvalue()).decode(), **told}


def png_of(canvas: FigureCanvasAgg) -> bytes:
    """The canvas, drawn once: ``savefig`` would do it twice, first to lay out."""
    canvas.draw()
    png = io.BytesIO()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.save(png, "png", compress_level=1)  # a hand waits for it; what is committed is made smaller then
    return png.getvalue()


def _short(value: object) -> str:
    return str(len(value)) if isinstance(value, list) else str(value)
