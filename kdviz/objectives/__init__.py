"""What a student is trained to match: one formula each, with the equation it comes from."""

from kdviz.objectives.adversarial import Adversarial
from kdviz.objectives.attention import AttentionTransfer, attention_map
from kdviz.objectives.averaged import AveragedTarget
from kdviz.objectives.bank import ContrastiveBank, ContrastiveBankSoftTargets
from kdviz.objectives.contrastive import Contrastive, contrastive_terms
from kdviz.objectives.contrastive_soft import ContrastiveSoftTargets
from kdviz.objectives.dark import PermutedTargets, WeightedByTeacher, permuted
from kdviz.objectives.dist import DIST, dist_terms
from kdviz.objectives.fading import FadingTargets
from kdviz.objectives.hard_distillation import HardDistillation
from kdviz.objectives.hints import Hints
from kdviz.objectives.internal import Internal, cosine_terms, row_terms
from kdviz.objectives.jsd import JSD, jsd_terms
from kdviz.objectives.labels import HardLabels, cross_entropy_terms
from kdviz.objectives.masked_words import MaskedWords
from kdviz.objectives.mutual import MutualLearning
from kdviz.objectives.objective import Objective
from kdviz.objectives.one_stage import OneStageHints
from kdviz.objectives.own import objective
from kdviz.objectives.own_exits import OwnExits
from kdviz.objectives.pseudo_labels import PseudoLabels
from kdviz.objectives.renormalised import RenormalisedTopK
from kdviz.objectives.reverse_kl import ReverseKL
from kdviz.objectives.similarity import SimilarityPreserving, similarity_terms
from kdviz.objectives.soft_targets import GivenLogits, SoftTargets, soft_target_loss, soft_target_terms
from kdviz.objectives.specialists import SpecialistTargets

__all__ = [
    "DIST", "JSD", "Adversarial", "AttentionTransfer", "AveragedTarget", "Contrastive", "ContrastiveBank",
    "ContrastiveBankSoftTargets", "ContrastiveSoftTargets", "FadingTargets", "GivenLogits", "HardDistillation",
    "HardLabels", "Hints", "Internal", "MaskedWords", "MutualLearning", "Objective", "OneStageHints", "OwnExits",
    "PermutedTargets", "PseudoLabels", "RenormalisedTopK", "ReverseKL", "SimilarityPreserving", "SoftTargets",
    "SpecialistTargets", "WeightedByTeacher", "attention_map", "contrastive_terms", "cosine_terms",
    "cross_entropy_terms", "dist_terms", "jsd_terms", "objective", "permuted", "row_terms", "similarity_terms",
    "soft_target_loss", "soft_target_terms",
]  # fmt: skip
