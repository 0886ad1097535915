"""Checks of a student's own functions: a ✓, or the mistake in a sentence. One for each task of the assignments.

And :func:`which_loss`, which names any loss of logits.
"""

from kdviz.checks.bias import blind_student, control_student, fitted_bias, label_free_bias, own_digit
from kdviz.checks.deciding import Mistake
from kdviz.checks.faithful import agreement, agreement_bounds, controls, expected_calibration_error
from kdviz.checks.loss import gradient_limit, soft_target_gradient, soft_target_loss, soft_targets
from kdviz.checks.which import which_loss

__all__ = [
    "Mistake", "agreement", "agreement_bounds", "blind_student", "control_student", "controls",
    "expected_calibration_error", "fitted_bias", "gradient_limit", "label_free_bias", "own_digit",
    "soft_target_gradient", "soft_target_loss", "soft_targets", "which_loss",
]  # fmt: skip
