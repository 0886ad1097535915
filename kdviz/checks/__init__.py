"""Checks of a student's own functions: a ✓, or the mistake in a sentence. One for each task of the assignments.

And :func:`which_loss`, which names any loss of logits.
"""

from kdviz.checks.bias import blind_student, control_student, fitted_bias, label_free_bias, own_digit
from kdviz.checks.calling import NO_AUTOGRAD, Mistake, by_formula
from kdviz.checks.choosing import one_of, pick, rank_correlation, teacher_scores
from kdviz.checks.deciding import hidden
from kdviz.checks.faithful import agreement, agreement_bounds, controls, expected_calibration_error
from kdviz.checks.gradient import gradient_limit, soft_target_gradient
from kdviz.checks.hunt import mended
from kdviz.checks.invented import fair_rival, own_loss, paired_difference, tried
from kdviz.checks.loss import own_number, soft_target_loss, soft_targets
from kdviz.checks.pairs import pairing_test
from kdviz.checks.prediction import brier, expected_brier, recorded, sealed
from kdviz.checks.pretended import PretendedRun, pretended_runs
from kdviz.checks.reading import given_weight, loss_table, paper_loss, ties_table, two_ties
from kdviz.checks.which import which_loss

__all__ = [
    "NO_AUTOGRAD", "Mistake", "PretendedRun", "agreement", "agreement_bounds", "blind_student", "brier", "by_formula",
    "control_student", "controls", "expected_brier", "expected_calibration_error", "fair_rival", "fitted_bias",
    "given_weight", "gradient_limit", "hidden", "label_free_bias", "loss_table", "mended", "one_of", "own_digit",
    "own_loss", "own_number", "paired_difference", "pairing_test", "paper_loss", "pick", "pretended_runs",
    "rank_correlation", "recorded", "sealed", "soft_target_gradient", "soft_target_loss", "soft_targets",
    "teacher_scores", "ties_table", "tried", "two_ties", "which_loss",
]  # fmt: skip
