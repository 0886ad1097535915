"""Static figures: tensors, arrays and data frames in, matplotlib Axes out.

Every function draws on ``ax`` (default: the current Axes) and returns it.
"""

from kdviz.figures.curves import errors_by_bias, errors_by_temperature
from kdviz.figures.examples import gallery, image, soft_target
from kdviz.figures.groups import by_class, by_seed, taken_for
from kdviz.figures.look import COLOURS, STYLE, use_style

__all__ = [
    "COLOURS", "STYLE", "by_class", "by_seed", "errors_by_bias", "errors_by_temperature", "gallery", "image",
    "soft_target", "taken_for", "use_style",
]  # fmt: skip
