"""Masked words: some of a sentence's tokens are hidden, and a transformer guesses them from the others."""

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdviz.arguments import number, told, whole
from kdviz.networks import Transformer
from kdviz.networks.transformer import PADDING
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.objectives.objective import Objective, check_weights

MASK, FIRST = 1, 2  # what stands where a token is hidden: the unknown piece; and the first piece that is a word's
HIDDEN, REPLACED = 0.8, 0.1  # of the chosen tokens; the others stay as they are


@dataclass(frozen=True)
class MaskedWords(Objective):
    r"""BERT's own task (Devlin et al. 2019, section 3.1 and appendix A.1), alone or beside the labels.

    .. math:: - w_m \frac{1}{|M|} \sum_{(n, i) \in M} \log p(t_{ni}) + w_h \mathrm{CE}

    In each step M is drawn anew: of each sequence, ``share`` of its tokens, rounded, at least one, never padding. Of
    these 80 % become token 1, the unknown piece, 10 % any other piece, and 10 % stay. The true token t is read off the
    last hidden vector of its place by a linear layer, trained along and dropped, as the regressor of :class:`Hints` is.

    With ``hard_weight``, :math:`w_h`, labels are learnt from the same sequences, some tokens hidden. Without it they
    have no say, and the network's own last layer gets no gradient: a recipe with labels and ``init=`` this one goes on.

    Parameters
    ----------
    vocabulary : int
        The network's: how many tokens there are, padding and the unknown piece among them.
    share : float
        In (0, 1); BERT's 0.15.
    masked_weight, hard_weight : float
        On the masked words and on the labels; at least 0, and not both 0.
    """

    vocabulary: int
    share: float = 0.15
    masked_weight: float = 1.0
    hard_weight: float = 0.0

    numbers = ("masked_weight", "hard_weight")

    def __post_init__(self):
        object.__setattr__(self, "vocabulary", whole("vocabulary of MaskedWords", self.vocabulary, FIRST + 1))
        object.__setattr__(self, "share", number("share of masked words", self.share))
        if not 0 < self.share < 1:
            raise ValueError(f"share, of tokens that are masked, lies between 0 and 1, not at {told(self.share)}")
        for name in self.numbers:
            object.__setattr__(self, name, number(name, getattr(self, name)))
        check_weights(**{name: getattr(self, name) for name in self.numbers})

    @property
    def needs_labels(self) -> bool:
        return self.hard_weight > 0

    def check(self, recipe: Any) -> None:
        """See :meth:`Objective.check`."""
        if not isinstance(recipe.model, Transformer):
            raise ValueError(f"words are masked for a transformer, which reads tokens, not for {recipe.model}")
        if recipe.model.vocabulary != self.vocabulary:
            raise ValueError(
                f"MaskedWords guesses among {self.vocabulary} tokens, the network knows {recipe.model.vocabulary}: "
                "say one vocabulary"
            )
        if recipe.frozen:
            raise ValueError("frozen trains the last layer alone, which MaskedWords leaves as it is: choose one")

    def shown(self, inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Sequences with some tokens hidden, and what was there.

        Parameters
        ----------
        inputs : Tensor, shape (streams, N, L)

        Returns
        -------
        Tensor, shape (streams, N, L)
        dict
            ``true`` tokens of the K places that may be masked, ``counts`` where they are, and how far these places
            lie ``from_end``, each of shape (streams, N, K).
        """
        tokens = inputs.long()
        there, length = tokens != PADDING, tokens.shape[-1]
        chance = torch.rand(tokens.shape, device=tokens.device).masked_fill(~there, -1)
        places = chance.topk(math.ceil(self.share * length), -1).indices
        wanted = (self.share * there.sum(-1, keepdim=True)).round().clamp(min=1)
        counts = (torch.arange(places.shape[-1], device=tokens.device) < wanted) & there.gather(-1, places)
        true, fate = tokens.gather(-1, places), torch.rand(places.shape, device=tokens.device)
        other = torch.randint(FIRST, self.vocabulary, places.shape, device=tokens.device)
        other = torch.where(fate < HIDDEN, MASK, torch.where(fate < HIDDEN + REPLACED, other, true))
        masked = tokens.scatter(-1, places, torch.where(counts, other, true))
        return masked.to(inputs.dtype), {"true": true, "counts": counts, "from_end": length - places}

    def extra(self, student: dict[str, Tensor], teacher: dict[str, Tensor]) -> dict[str, Tensor]:
        """The linear layer that guesses, as torch draws it."""
        layer = nn.Linear(_last_hidden(student).shape[-1], self.vocabulary)
        return {f"guess.{name}": weight for name, weight in layer.state_dict().items()}

    def losses(self, outputs, labels, teacher, extra, masked_weight, hard_weight) -> Tensor:
        """See :meth:`Objective.losses`; ``extra`` holds what :meth:`shown` tells, too."""
        hidden = _last_hidden(outputs)
        each = len(hidden) // len(extra["true"])  # students of one stream stand side by side
        true, counts, from_end = (extra[name].repeat_interleave(each, 0) for name in ("true", "counts", "from_end"))
        places = (hidden.shape[2] - from_end).unsqueeze(-1).expand(-1, -1, -1, hidden.shape[-1])
        read = F.layer_norm(hidden.gather(2, places), hidden.shape[-1:]).flatten(1, 2)
        logits = torch.baddbmm(extra["guess.bias"].unsqueeze(1), read, extra["guess.weight"].mT)
        terms = cross_entropy_terms(logits, true.flatten(1))
        weights = counts.flatten(1).to(terms.dtype)
        guessed = (weights * terms).sum(-1) / weights.sum(-1).clamp(min=1)
        return masked_weight * guessed + hard_weight * cross_entropy_terms(outputs["logits"], labels).mean(-1)


def _last_hidden(outputs: dict[str, Tensor]) -> Tensor:
    """What the last layer ends with."""
    return outputs[max((name for name in outputs if name.startswith("hidden ")), key=lambda name: int(name[7:]))]
