"""Checks of a student's own functions: a ✓, or the mistake in a sentence. One for each task of the assignments.

And :func:`which_loss`, which names any loss of logits.
"""

from kdviz.checks.bias import blind_student, control_student, fitted_bias, label_free_bias, own_digit
from kdviz.checks.calling import NO_AUTOGRAD, Mistake, by_formula
from kdviz.checks.deciding import hidden
from kdviz.checks.faithful import agreement, agreement_bounds, controls, expected_calibration_error
from kdviz.checks.gradient import gradient_limit, soft_target_gradient
from kdviz.checks.loss import own_number, soft_target_loss, soft_targets
from kdviz.checks.pretended import PretendedRun, pretended_runs
from kdviz.checks.which import which_loss

__all__ = [
    "NO_AUTOGRAD", "Mistake", "PretendedRun", "agreement", "agreement_bounds", "blind_student", "by_formula",
    "control_student", "controls", "expected_calibration_error", "fitted_bias", "gradient_limit", "hidden",
    "label_free_bias", "own_digit", "own_number", "pretended_runs", "soft_target_gradient", "soft_target_loss",
    "soft_targets", "which_loss",
]  # fmt: skip
