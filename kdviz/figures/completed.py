"""Images that generators drew, a generator a row."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from torch import Tensor

from kdviz.arguments import tensors
from kdviz.figures.examples import GREY, check_pixels
from kdviz.figures.look import COLOURS, on

GENERATORS = {  # one colour for each way to a small generator
    "teacher": COLOURS["teacher"],
    "from scratch": COLOURS["hard labels"],
    "teacher's pictures": COLOURS["student"],
    "features": COLOURS["hints"],
    "discriminator": COLOURS["another teacher"],
    "all but pictures": "#332288",
    "from scratch, no adversary": "#999999",
    "teacher's pictures, no adversary": COLOURS["student of the weak teacher"],
}


def completed(rows: Mapping[str, Tensor], *, ax: Axes | None = None) -> Axes:
    """The same N images as each of several generators completed them, dark on white; left of the line all are given.

    Parameters
    ----------
    rows : mapping of name to Tensor of shape (N, 1, H, W), in [0, 1]
    """
    ax = on(ax)
    sizes: dict[str, int] = {}
    rows = tensors("rows", rows, "N D H W", sizes)
    for images in rows.values():
        check_pixels(images)
    (count, height, width), gap = (sizes[axis] for axis in "NHW"), 0.12
    for row, images in enumerate(rows.values()):
        for place, image in enumerate(images[:, 0]):
            left, top = place * (1 + gap) * width, row * (1 + gap) * height
            ax.imshow(image.numpy(), extent=(left, left + width, top + height, top), **GREY)
            middle = left + width // 2
            ax.plot([middle, middle], [top, top + height], color=COLOURS["teacher"], lw=0.5, alpha=0.6)
    ax.set(xlim=(0, count * (1 + gap) * width), ylim=(len(rows) * (1 + gap) * height, 0), xticks=[])
    middles = [(row * (1 + gap) + 0.5) * height for row in range(len(rows))]
    ax.set_yticks(middles, list(rows), parse_math=False)
    ax.tick_params(length=0)
    ax.grid(False)
    for side in ax.spines.values():
        side.set_visible(False)
    return ax
