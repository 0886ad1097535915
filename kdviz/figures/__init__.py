"""Static figures: tensors, arrays and data frames in, matplotlib Axes out.

Every function draws on ``ax`` (default: the current Axes) and returns it.
"""

from kdviz.figures.calibration import reliability
from kdviz.figures.card import card
from kdviz.figures.correlation import class_tree, heat_map, heat_maps, pair_scatter, shared_bar, ties
from kdviz.figures.curves import by_setting, errors_by_bias, errors_by_temperature, learning_curves
from kdviz.figures.examples import gallery, image, mistaken, sentences, soft_target, two_opinions
from kdviz.figures.fidelity import agreement_against_accuracy, hues
from kdviz.figures.groups import by_class, by_seed, taken_for
from kdviz.figures.look import COLOURS, STYLE, use_style
from kdviz.figures.means import class_means
from kdviz.figures.opinions import second_opinions
from kdviz.figures.teachers import students_by_teacher
from kdviz.figures.temperature import by_temperature, projection, shares_by_temperature, simplex_path, slopes

__all__ = [
    "COLOURS", "STYLE", "agreement_against_accuracy", "by_class", "by_seed", "by_setting", "by_temperature", "card",
    "class_means", "class_tree", "errors_by_bias", "errors_by_temperature", "gallery", "heat_map", "heat_maps", "hues",
    "image", "learning_curves", "mistaken", "pair_scatter", "projection", "reliability", "second_opinions",
    "sentences", "shared_bar", "shares_by_temperature", "simplex_path", "slopes", "soft_target", "students_by_teacher",
    "taken_for", "ties", "two_opinions", "use_style",
]  # fmt: skip
