"""Images from images: a generator that learns from the truth, from a teacher, and from an adversary."""

from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from kdviz.arguments import whole
from kdviz.objectives.objective import Objective, check_weights

MAPS = ("map 1", "map 2", "map 3", "map 4")


@dataclass(frozen=True)
class Adversarial(Objective):
    r"""A generator G against a discriminator D, with or without a teacher G' (Li et al. 2020, equations 1 to 4).

    .. math:: w_h \lvert G(x) - y \rvert_1 + w_s \lvert G(x) - G'(x) \rvert_1
        + w_f \sum_k \lVert f_k(G_k(x)) - G'_k(x) \rVert^2 + w_a (D(G(x)) - 1)^2

    each a mean over pixels, units or patches, the first two over the half of the image that is drawn: x is the left
    half, y the whole image, :math:`G_k` the k-th map, :math:`f_k` a 1×1 convolution that is trained along and dropped.
    Before each step of G, D takes one on :math:`\frac{1}{2}(D(y) - 1)^2 + \frac{1}{2} D(G(x))^2` (Mao et al. 2017).

    D is shown whole images and nothing that pairs them with halves; so with ``hard_weight`` 0 the student learns as
    from unpaired data.

    Parameters
    ----------
    teacher : Recipe, optional
        Trained with this objective; its network is a generator too.
    hard_weight, soft_weight : float
        On the truth, and on what the teacher draws.
    feature_weight : float
        On the teacher's four maps.
    adversary_weight : float
        0 trains without an adversary. pix2pix has it at 1/100 of that on the truth (Isola et al. 2017).
    adversary : int
        Channels of the first layer of D.
    inherit : bool
        Begin with the teacher's D.
    """

    teacher: Any = None
    hard_weight: float = 1.0
    soft_weight: float = 0.0
    feature_weight: float = 0.0
    adversary_weight: float = 0.01
    adversary: int = 8
    inherit: bool = False

    needs_labels = False
    answer = "image"
    weights = ("hard_weight", "soft_weight", "feature_weight", "adversary_weight")

    def __post_init__(self):
        for name in self.weights:
            object.__setattr__(self, name, float(getattr(self, name)))
        check_weights(**{name: getattr(self, name) for name in self.weights})
        object.__setattr__(self, "adversary", whole("adversary, channels of the discriminator,", self.adversary, 1))
        asks = [name for name in ("soft_weight", "feature_weight", "inherit") if getattr(self, name)]
        if asks and self.teacher is None:
            raise ValueError(f"{' and '.join(asks)} of Adversarial need a teacher, a recipe")
        if self.teacher is not None and not asks:
            raise ValueError("nothing of this teacher is used: give soft_weight, feature_weight or inherit")
        if self.inherit and not self.adversary_weight:
            raise ValueError("inherit begins with the teacher's discriminator: adversary_weight must be above 0")

    @property
    def teachers(self) -> tuple:
        return () if self.teacher is None else (self.teacher,)

    @property
    def reads(self) -> tuple[str, ...]:
        if self.teacher is None:
            return ()
        return ("image", *MAPS) if self.feature_weight else ("image",)

    def extra(self, student: dict[str, Tensor], teacher: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights of the 1×1 convolutions, for one student's maps (N, channels, H, W)."""
        if not self.feature_weight:
            return {}
        layers = {name: nn.Conv2d(student[name].shape[1], teacher[name].shape[1], 1) for name in MAPS}
        return {f"{name}.{n}": w.detach() for name, layer in layers.items() for n, w in layer.state_dict().items()}

    def loss(
        self,
        outputs: dict[str, Tensor],
        truth: Tensor,
        teacher: dict[str, Tensor],
        extra: dict[str, Tensor],
        scores: Tensor | None,
    ) -> Tensor:
        """The generator's loss, shape ().

        Parameters
        ----------
        outputs, teacher : dict
            Of one student and its teacher: ``image`` (N, C, H, W) and maps (N, channels, H', W').
        truth : Tensor, shape (N, C, H, W)
        extra : dict
            As :meth:`extra` gives them.
        scores : Tensor, shape (N, 1, H', W'), optional
            What D says of the images drawn; None without an adversary.
        """
        image, half = outputs["image"], truth.shape[-1] // 2
        loss = self.hard_weight * F.l1_loss(image[..., half:], truth[..., half:])
        if self.soft_weight:
            loss = loss + self.soft_weight * F.l1_loss(image[..., half:], teacher["image"][..., half:])
        if self.feature_weight:
            led = {n: F.conv2d(outputs[n], extra[f"{n}.weight"], extra[f"{n}.bias"]) for n in MAPS}
            loss = loss + self.feature_weight * sum(F.mse_loss(led[name], teacher[name]) for name in MAPS)
        return loss if scores is None else loss + self.adversary_weight * (scores - 1).square().mean()

    @staticmethod
    def adversary_loss(real: Tensor, drawn: Tensor) -> Tensor:
        """The discriminator's loss, shape (), of its scores for whole and for drawn images, shape (N, 1, H', W')."""
        return ((real - 1).square().mean() + drawn.square().mean()) / 2
