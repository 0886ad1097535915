"""A form from plain values: its controls, and its look on a page where nothing runs."""

import io
from collections.abc import Mapping

import ipywidgets as widgets
from matplotlib.figure import FigureBase
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from kdviz.arguments import mapping, told

ACROSS = 4  # choices in a row of the picture


def controls(form: Mapping) -> dict[str, widgets.Widget]:
    """The controls of a form.

    Parameters
    ----------
    form : mapping of name to choice
        ``(options, value)`` is a menu, its options a mapping of text to value; ``(low, high, value)`` a slider, of
        whole numbers where all three are; a widget stays as it is.

    Raises
    ------
    ValueError
        Another thing, or a value that is not among the options, or outside of the slider.
    """
    return {name: _control(name, said) for name, said in mapping("form", form, "widget").items()}


def _control(name: str, said: object) -> widgets.Widget:
    if isinstance(said, widgets.Widget):
        return said
    look = {"description": name.replace("_", " ")}
    match said:
        case (Mapping() as options, value) if value in options.values():
            return widgets.Dropdown(options=dict(options), value=value, **look)
        case (int() as low, int() as high, int() as value) if low <= value <= high:
            return widgets.IntSlider(value, low, high, **look)
        case (int() | float() as low, int() | float() as high, int() | float() as value) if low <= value <= high:
            return widgets.FloatSlider(value, min=low, max=high, step=0.1, **look)
    raise ValueError(f"{name!r} of form must be a widget, or (options, value), or (low, high, value), not {told(said)}")


def drawn(figure: FigureBase, form: Mapping[str, widgets.Widget]) -> None:
    """The form as a picture: each choice where it stands, and the button that needs a kernel."""
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    rows = -(-len(form) // ACROSS) + 1
    ax.set(xlim=(0, ACROSS), ylim=(rows, 0))
    for place, (name, control) in enumerate(form.items()):
        row, column = divmod(place, ACROSS)
        said = getattr(control, "label", None) or f"{control.value:g}"
        _box(ax, column, row, f"{control.description or name}: {said}", "0.96", "0.2")
    _box(ax, 0, rows - 1, "▸ Train", "#0072B2", "white")
    ax.text(1.05, rows - 0.5, "(the form and its button need a kernel; this is its picture)", va="center", color="0.4")


def _box(ax, column: int, row: int, said: str, face: str, colour: str) -> None:
    edge = FancyBboxPatch((column + 0.06, row + 0.2), 0.88, 0.6, "round,pad=0.03", fc=face, ec="0.7", lw=0.8)
    ax.add_patch(edge)
    ax.text(column + 0.1, row + 0.5, said, va="center", fontsize=9.5, color=colour, parse_math=False, clip_on=True)


def above(first: bytes, second: bytes) -> bytes:
    """Two pictures (PNG) as one, the first above the second, on white where they are not as wide."""
    pictures = [Image.open(io.BytesIO(png)).convert("RGB") for png in (first, second)]
    width, height = max(each.width for each in pictures), sum(each.height for each in pictures)
    page, png = Image.new("RGB", (width, height), "white"), io.BytesIO()
    page.paste(pictures[0], (0, 0))
    page.paste(pictures[1], (0, pictures[0].height))
    page.save(png, "png")
    return png.getvalue()
