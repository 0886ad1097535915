"""Encoders of tokens as one: each product of all students is a single batched one."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdviz.networks.transformer import PADDING, Encoder
from kdviz.training.fused import Stacked


class FusedEncoders(Stacked):
    """Students of one :class:`kdviz.networks.Transformer`, their parameters stacked.

    Parameters
    ----------
    networks : list of Encoder
        As for :class:`Stacked`.
    device : torch.device
    """

    def __init__(self, networks: list[Encoder], device: torch.device):
        super().__init__(networks, device)
        first = networks[0]
        self.pool, self.dropped, self.heads = first.pool, first.dropout.p, [layer.heads for layer in first.layers]

    def __call__(
        self, inputs: Tensor, training: bool = False, weights: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """What each student's encoder answers, shape (students, N, ...), for tokens (streams, N, L)."""
        self.weights, self.share = weights or self.parameters, self.dropped if training else 0.0
        own = inputs.long().repeat_interleave(self.students // len(inputs), 0)
        x, there = self._places(own)
        outputs = {"places": there.to(x.dtype), "hidden 0": x}
        for i, heads in enumerate(self.heads):
            attended, outputs[f"attention {i + 1}"] = self._attention(f"layers.{i}", heads, x, there)
            x = x + self._drop(attended)
            inner = F.gelu(self._linear(f"layers.{i}.inner.0", self._norm(f"layers.{i}.before_inner", x)))
            x = x + self._drop(self._linear(f"layers.{i}.inner.2", inner))
            outputs[f"hidden {i + 1}"] = x
        x = self._norm("norm", x)
        features = x[:, :, 0] if self.pool == "cls" else self._mean(x, there)
        logits = self._linear("head", features.unsqueeze(2)).squeeze(2)
        return outputs | {"features": features, "logits": logits}

    def _places(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The first vectors, shape (students, N, L', width), and which places are there, (students, N, L')."""
        table = self.weights["tokens.weight"]
        first = torch.arange(self.students, device=tokens.device).view(-1, 1, 1) * table.shape[1]
        x = F.embedding(tokens + first, table.flatten(0, 1)) + self.weights["positions"].unsqueeze(1)
        there = tokens != PADDING
        if self.pool == "cls":
            cls = self.weights["cls"][:, None, None].expand(-1, x.shape[1], -1, -1)
            x, there = torch.cat([cls, x], 2), F.pad(there, (1, 0), value=True)
        return self._drop(x), there

    def _attention(self, name: str, heads: int, x: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        projected = self._linear(f"{name}.projections", self._norm(f"{name}.before_attention", x))
        queries, keys, values = projected.unflatten(-1, (3, heads, -1)).permute(3, 0, 1, 4, 2, 5)
        scores = queries @ keys.mT / keys.shape[-1] ** 0.5
        nothing = torch.finfo(scores.dtype).min
        attention = scores.masked_fill(~there[:, :, None, None], nothing).softmax(-1)
        return self._linear(f"{name}.mixed", (attention @ values).transpose(2, 3).flatten(3)), attention

    def _linear(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return torch.baddbmm(bias.unsqueeze(1), x.flatten(1, 2), weight.mT).unflatten(1, x.shape[1:3])

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = (self.weights[f"{name}.{part}"][:, None, None] for part in ("weight", "bias"))
        return torch.addcmul(bias, F.layer_norm(x, x.shape[-1:]), weight)

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.share) if self.share else x

    def _mean(self, x: Tensor, there: Tensor) -> Tensor:
        held = there.to(x.dtype).unsqueeze(-1)
        return (x * held).sum(2) / held.sum(2).clamp(min=1)
