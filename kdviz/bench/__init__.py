"""The bench: try an idea beside its controls, or bring logits from anywhere; both give one card."""

from kdviz.bench.aloud import aloud
from kdviz.bench.cards import card, card_of_logits, scores
from kdviz.bench.forms import form
from kdviz.bench.logits import read_logits
from kdviz.bench.plans import plan, settings, title, train

__all__ = ["aloud", "card", "card_of_logits", "form", "plan", "read_logits", "scores", "settings", "title", "train"]
