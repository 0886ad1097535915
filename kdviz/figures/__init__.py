"""Static figures: tensors, arrays and data frames in, matplotlib Axes out.

Every function draws on ``ax`` (default: the current Axes) and returns it.
"""

from kdviz.figures.attach import attachments
from kdviz.figures.balance import gradient_balance, hot_limit
from kdviz.figures.calibration import reliability
from kdviz.figures.card import card
from kdviz.figures.clouds import pair_clouds
from kdviz.figures.completed import GENERATORS, completed
from kdviz.figures.compression import discrepancy, layers, on_grid
from kdviz.figures.correlation import class_tree, heat_map, heat_maps, pair_scatter, shared_bar, ties
from kdviz.figures.curves import by_setting, errors_by_bias, errors_by_temperature, learning_curves
from kdviz.figures.deep import DEEP, hint_sketch, looks, spreads, trained_by_depth
from kdviz.figures.ensembles import errors_by_nets, gain_kept, groups_of_pairs, prediction_maps
from kdviz.figures.examples import gallery, image, mistaken, sentences, soft_target, two_answers, two_opinions
from kdviz.figures.fidelity import agreement_against_accuracy, hues
from kdviz.figures.geometry import projections
from kdviz.figures.groups import by_class, by_seed, taken_for
from kdviz.figures.heat import answers_in_a_row, one_answer, paths, temperature_key
from kdviz.figures.inside import answer_times, apart_inside, attention_map, attention_maps, by_choice
from kdviz.figures.likeness import confidences, copies, log_ticks, near_all
from kdviz.figures.look import COLOURS, STYLE, use_style
from kdviz.figures.means import class_means
from kdviz.figures.opinions import second_opinions
from kdviz.figures.panels import score_panels
from kdviz.figures.self_distillation import by_round, factors_by_round, fitted_rounds
from kdviz.figures.sweep import sweep
from kdviz.figures.teachers import students_by_teacher
from kdviz.figures.temperature import by_temperature, projection, shares_by_temperature, simplex_path, slopes
from kdviz.figures.turned import turned
from kdviz.figures.without_teacher import WITHOUT, at_each_exit, leaving_early, noise_key, teaching_modes

__all__ = [
    "COLOURS", "DEEP", "GENERATORS", "STYLE", "WITHOUT", "agreement_against_accuracy", "answer_times",
    "answers_in_a_row", "apart_inside", "at_each_exit", "attachments", "attention_map", "attention_maps", "by_choice",
    "by_class", "by_round", "by_seed", "by_setting", "by_temperature", "card", "class_means", "class_tree", "completed",
    "confidences", "copies", "discrepancy", "errors_by_bias", "errors_by_nets", "errors_by_temperature",
    "factors_by_round", "fitted_rounds", "gain_kept", "gallery", "gradient_balance", "groups_of_pairs", "heat_map",
    "heat_maps", "hint_sketch", "hot_limit", "hues", "image", "layers", "learning_curves", "leaving_early", "log_ticks",
    "looks", "mistaken", "near_all", "noise_key", "on_grid", "one_answer", "pair_clouds", "pair_scatter", "paths",
    "prediction_maps", "projection", "projections", "reliability", "score_panels", "second_opinions", "sentences",
    "shared_bar", "shares_by_temperature", "simplex_path", "slopes", "soft_target", "spreads", "students_by_teacher",
    "sweep", "taken_for", "teaching_modes", "temperature_key", "ties", "trained_by_depth", "turned", "two_answers",
    "two_opinions", "use_style",
]  # fmt: skip
