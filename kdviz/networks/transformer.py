"""Encoders of tokens."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdviz.networks.network import whole

PADDING = 0  # the token that stands where a sequence has ended
POOLS = "cls", "mean"


@dataclass(frozen=True)
class Transformer:
    """Layers of self-attention over tokens (Vaswani et al. 2017), with a norm before each part.

    Such pre-norm layers train without a warm-up (Xiong et al. 2020). Positions are learned; the inner layers have
    4 · ``width`` units with GELU. Token 0 is padding: nothing looks at it, and it is in no mean.

    Parameters
    ----------
    layers, width : int
        How many layers, and the size of a token's vector.
    vocabulary : int
        Tokens are whole numbers below it, padding among them.
    heads : int
        Of each layer; they share ``width`` evenly.
    pool : {"cls", "mean"}
        What is classified: a learned vector put before the tokens, or the mean of the tokens' vectors.
    dropout : float
        Share of the first vectors, and of what each part adds to them, dropped while training.
    inner, head_width : int, optional
        What is left of the inner layers' units, and how wide a head is, where a network was pruned.
    """

    layers: int
    width: int
    vocabulary: int
    heads: int = 4
    pool: str = "cls"
    dropout: float = 0.0
    inner: int | None = None
    head_width: int | None = None

    def __post_init__(self):
        for name in ("layers", "width", "vocabulary", "heads"):
            number = whole(getattr(self, name), f"{name} of a transformer")
            object.__setattr__(self, name, number)
            if number < 1:
                raise ValueError(f"{name} of a transformer is at least 1, not {number}")
        object.__setattr__(self, "dropout", float(self.dropout))
        if self.head_width is None and self.width % self.heads:
            raise ValueError(f"{self.heads} heads cannot share a width of {self.width} evenly: choose a multiple")
        if self.pool not in POOLS:
            raise ValueError(f"pool is 'cls' or 'mean', not {self.pool!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a share in [0, 1), not {self.dropout}")

    def __str__(self) -> str:
        said = [f"{self.layers} layer{'s' if self.layers > 1 else ''} × {self.width}"]
        said += [f"{self.heads} head{'s' if self.heads > 1 else ''}"] if self.heads != 4 else []
        said += [f"{self.inner} inner units"] if self.inner else []
        return ", ".join(said + (["mean"] if self.pool == "mean" else []))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what the network answers with."""
        each = (f"{what} {i}" for i in range(1, self.layers + 1) for what in ("attention", "hidden"))
        return ("places", "hidden 0", *each, "features", "logits")

    def build(self, input_shape: tuple[int, ...], classes: int) -> "Encoder":
        """A new module for tokens of shape (N, L)."""
        if len(input_shape) != 1:
            raise ValueError(f"a transformer takes tokens of shape (L,), not inputs of shape {input_shape}")
        return Encoder(self, input_shape[0], classes)


def transformer(
    layers: int, width: int, heads: int = 4, *, vocabulary: int, pool: str = "cls", dropout: float = 0.0
) -> Transformer:
    """Describe an encoder: ``transformer(3, 64, vocabulary=5000)``; see :class:`Transformer`."""
    return Transformer(layers, width, vocabulary, heads, pool, dropout)


class Encoder(nn.Module):
    """What a :class:`Transformer` builds.

    With L' = L for the mean, and L' = L + 1 with the learned vector at place 0, a forward pass gives ``attention i``
    (N, heads, L', L'), each row the weights with which a place looks at the others, ``hidden i`` (N, L', width), what
    the i-th layer ends with, ``hidden 0`` what the first begins with, ``features`` (N, width), pooled after a last
    norm, and ``logits`` (N, C). What padding looks at, and its hidden vectors, mean nothing; a mean of padding
    alone is 0.

    Tokens are integers; float32 and float64 hold them exactly and will do too.
    """

    def __init__(self, described: Transformer, length: int, classes: int):
        super().__init__()
        self.pool, width = described.pool, described.width
        self.tokens = nn.Embedding(described.vocabulary, width)
        self.positions = nn.Parameter(torch.empty(length, width))
        drawn = [self.tokens.weight, self.positions]
        if self.pool == "cls":
            self.cls = nn.Parameter(torch.empty(width))
            drawn.append(self.cls)
        for weight in drawn:
            nn.init.normal_(weight, std=0.02)  # as BERT draws them (Devlin et al. 2019)
        self.dropout = nn.Dropout(described.dropout)
        self.layers = nn.ModuleList(Layer(described) for _ in range(described.layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        tokens = self._tokens(inputs)
        x, there = self.tokens(tokens) + self.positions, tokens != PADDING
        if self.pool == "cls":
            x = torch.cat([self.cls.expand(len(x), 1, -1), x], 1)
            there = torch.cat([there.new_ones(len(x), 1), there], 1)
        x = self.dropout(x)
        outputs = {"places": there.to(x.dtype), "hidden 0": x}
        for i, layer in enumerate(self.layers, 1):
            x, outputs[f"attention {i}"] = layer(x, there)
            outputs[f"hidden {i}"] = x
        x = self.norm(x)
        features = x[:, 0] if self.pool == "cls" else _mean(x, there)
        return outputs | {"features": features, "logits": self.head(features)}

    def _tokens(self, inputs: Tensor) -> Tensor:
        if inputs.dtype in (torch.float16, torch.bfloat16) or inputs.shape[1:] != self.positions.shape[:1]:
            raise ValueError(
                f"tokens are integers of shape (N, {len(self.positions)}), not {inputs.dtype} {tuple(inputs.shape)}"
            )
        tokens = inputs.long()
        if tokens.device.type == "cpu" and len(tokens):  # elsewhere a look at them would wait for the device
            low, high = tokens.min().item(), tokens.max().item()
            if low < 0 or high >= self.tokens.num_embeddings:
                raise ValueError(f"tokens from {low} to {high}: a vocabulary of {self.tokens.num_embeddings} is from 0")
        return tokens


class Layer(nn.Module):
    """Self-attention, then two fully connected layers at each place; each adds to what it was given."""

    def __init__(self, described: Transformer):
        super().__init__()
        width, self.heads = described.width, described.heads
        inner, together = described.inner or 4 * width, self.heads * (described.head_width or width // self.heads)
        self.before_attention, self.before_inner = nn.LayerNorm(width), nn.LayerNorm(width)
        self.projections, self.mixed = nn.Linear(width, 3 * together), nn.Linear(together, width)
        self.inner = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))
        self.dropout = nn.Dropout(described.dropout)

    def forward(self, x: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """The next vectors, shape (N, L, width), and the attention, shape (N, heads, L, L)."""
        projected = self.projections(self.before_attention(x)).unflatten(-1, (3, self.heads, -1))
        queries, keys, values = projected.permute(2, 0, 3, 1, 4)  # each (N, heads, L, width / heads)
        scores = queries @ keys.mT / keys.shape[-1] ** 0.5
        nothing = torch.finfo(scores.dtype).min  # not −∞: a sequence of padding alone stays finite
        attention = scores.masked_fill(~there[:, None, None], nothing).softmax(-1)
        x = x + self.dropout(self.mixed((attention @ values).transpose(1, 2).flatten(2)))
        return x + self.dropout(self.inner(self.before_inner(x))), attention


def _mean(x: Tensor, there: Tensor) -> Tensor:
    """The mean over the places that are there, shape (N, width)."""
    weights = there.to(x.dtype).unsqueeze(-1)
    return (x * weights).sum(1) / weights.sum(1).clamp(min=1)
