"""Measures: pure functions of logits and labels, one definition each, averaged over examples."""

from kdviz.measures.accuracy import accuracy, confusion, mean_and_interval
from kdviz.measures.bias import label_free_bias, log_odds, rivals, shifted
from kdviz.measures.calibration import (
    calibration_error,
    calibration_floor,
    expected_calibration_error,
    reliability_bins,
)
from kdviz.measures.correlation import (
    class_linkage,
    class_mean_logits,
    class_order,
    logit_correlation,
    mean_off_diagonal,
    strongest_pairs,
)
from kdviz.measures.fidelity import agreement, agreement_bounds, ensemble_logits, predictive_kl
from kdviz.measures.geometry import template_plane, within_between
from kdviz.measures.scores import score_table, scores
from kdviz.measures.temperature import entropy, gradient_shares, high_temperature_gap, soft_target_gradient

__all__ = [
    "accuracy", "agreement", "agreement_bounds", "calibration_error", "calibration_floor", "class_linkage",
    "class_mean_logits", "class_order", "confusion", "ensemble_logits", "entropy", "expected_calibration_error",
    "gradient_shares", "high_temperature_gap", "label_free_bias", "log_odds", "logit_correlation", "mean_and_interval",
    "mean_off_diagonal", "predictive_kl", "reliability_bins", "rivals", "score_table", "scores",
    "shifted", "soft_target_gradient", "strongest_pairs", "template_plane", "within_between",
]  # fmt: skip
