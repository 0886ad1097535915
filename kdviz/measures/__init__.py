"""Measures: pure functions of logits and labels, one definition each, averaged over examples."""

from kdviz.measures.accuracy import accuracy, balanced_accuracy, confusion, mean_and_interval
from kdviz.measures.balance import (
    equivalent_smoothing,
    gradient_slope,
    label_gradient,
    label_share,
    mean_norm,
    ranked_shares,
)
from kdviz.measures.bias import label_free_bias, log_odds, rivals, shifted
from kdviz.measures.calibration import (
    calibration_error,
    calibration_floor,
    expected_calibration_error,
    reliability_bins,
)
from kdviz.measures.correlation import (
    class_groups,
    class_linkage,
    class_mean_logits,
    class_order,
    logit_correlation,
    mean_off_diagonal,
    strongest_pairs,
)
from kdviz.measures.depth import FAILS, reach, spread_by_layer
from kdviz.measures.fidelity import agreement, agreement_bounds, ensemble_logits, predictive_kl
from kdviz.measures.fitted import fitted_temperature, halved, halves_ece
from kdviz.measures.geometry import template_plane, within_between
from kdviz.measures.heat import scaled, temperature_of_entropy
from kdviz.measures.images import completion_errors
from kdviz.measures.likeness import confidence_odds, exaggeration, likeness, ring_answers, same_answers
from kdviz.measures.probe import probe_answers, probe_spectrum
from kdviz.measures.proper import brier, nll
from kdviz.measures.rivalry import by_rivals
from kdviz.measures.scores import score_table, scores, verdict_table
from kdviz.measures.self_distillation import (
    bending_kernel,
    in_use,
    rounds_before_collapse,
    self_distilled,
    self_distilled_curves,
    spectrum,
    stopped_early,
)
from kdviz.measures.settings import against_best
from kdviz.measures.similarity import linear_cka
from kdviz.measures.specialists import (
    confused_groups,
    prediction_covariance,
    random_groups,
    with_specialists,
    without_oversampling,
)
from kdviz.measures.temperature import entropy, gradient_shares, high_temperature_gap, soft_target_gradient
from kdviz.measures.top_k import TopK, kl_lower_bound, kl_renormalised
from kdviz.measures.verdicts import seeds_needed, verdict

__all__ = [
    "FAILS", "TopK", "accuracy", "against_best", "agreement", "agreement_bounds", "balanced_accuracy",
    "bending_kernel", "brier", "by_rivals", "calibration_error", "calibration_floor", "class_groups",
    "class_linkage", "class_mean_logits", "class_order", "completion_errors", "confidence_odds",
    "confused_groups", "confusion", "ensemble_logits", "entropy", "equivalent_smoothing", "exaggeration",
    "expected_calibration_error", "fitted_temperature", "gradient_shares", "gradient_slope", "halved",
    "halves_ece", "high_temperature_gap", "in_use", "kl_lower_bound", "kl_renormalised", "label_free_bias",
    "label_gradient", "label_share", "likeness", "linear_cka", "log_odds", "logit_correlation",
    "mean_and_interval", "mean_norm", "mean_off_diagonal", "nll", "prediction_covariance", "predictive_kl",
    "probe_answers", "probe_spectrum", "random_groups", "ranked_shares", "reach", "reliability_bins",
    "ring_answers", "rivals", "rounds_before_collapse", "same_answers", "scaled", "score_table", "scores",
    "seeds_needed", "self_distilled", "self_distilled_curves", "shifted", "soft_target_gradient", "spectrum",
    "spread_by_layer", "stopped_early", "strongest_pairs", "temperature_of_entropy", "template_plane", "verdict",
    "verdict_table", "with_specialists", "within_between", "without_oversampling",
]  # fmt: skip
