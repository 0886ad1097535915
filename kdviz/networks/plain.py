"""Deep and thin fully connected networks, as they were before anything helped depth, and with one help at a time."""

from dataclasses import dataclass
from math import isqrt, prod

import torch
from torch import nn

from kdviz.networks.network import Network, Shortcut, Tap, whole

QUARTERS = 4
STARTS = ("torch", "he")


@dataclass(frozen=True)
class Plain:
    """Fully connected ReLU layers of one width, and a head; plain as it stands, nothing helps a deep one to learn.

    ``quarter 1`` to ``quarter 4``, of shape (N, width), are what the layers at a quarter, a half, three quarters and
    the whole of the depth give: layers of the same place in networks of any depth.

    Parameters
    ----------
    depth : int
        Layers before the head, at least 4.
    width : int
        Of every layer.
    start : {"torch", "he"}
        Initial weights: torch's own, which shrink the signal from layer to layer, or of variance 2 / inputs with
        biases of 0, which keep its size behind a ReLU (He et al. 2015, section 2.2).
    shortcuts : bool
        Each layer but the first adds to what arrives: x + W relu(x), and a ReLU stands before the head (He et al.
        2016b, figure 4e, with blocks of one layer).
    norm : bool
        BatchNorm behind each layer, before its ReLU (Ioffe and Szegedy 2015, section 3.2); not with shortcuts.
    """

    depth: int
    width: int
    start: str = "torch"
    shortcuts: bool = False
    norm: bool = False

    def __post_init__(self):
        for name in ("depth", "width"):
            object.__setattr__(self, name, whole(getattr(self, name), f"the {name} of a plain network"))
        if self.depth < QUARTERS or self.width < 1:
            said = self.depth, self.width
            raise ValueError("a plain network has at least {} layers of at least 1 unit, not {} of {}".format(4, *said))
        if self.start not in STARTS:
            raise ValueError(f"the start of a plain network is one of {', '.join(STARTS)}, not {self.start!r}")
        for name in ("shortcuts", "norm"):
            if getattr(self, name) not in (True, False):
                raise ValueError(f"{name} is True or False, not {getattr(self, name)!r}")
            object.__setattr__(self, name, bool(getattr(self, name)))
        if self.shortcuts and self.norm:
            raise ValueError("a plain network has shortcuts or norms, not both: kd.resnet has both")

    def __str__(self) -> str:
        said = [f"{self.depth} layers of {self.width}"]
        said += ["He's start"] if self.start == "he" else []
        said += ["shortcuts"] if self.shortcuts else []
        return ", ".join(said + (["BatchNorm"] if self.norm else []))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what the network answers with."""
        return (*(f"quarter {i}" for i in range(1, QUARTERS + 1)), "features", "logits")

    @property
    def ends(self) -> tuple[int, ...]:
        """Which layer, from 1 on, is the last of each quarter."""
        return tuple(-(-self.depth * i // QUARTERS) for i in range(1, QUARTERS + 1))

    def build(self, input_shape: tuple[int, ...], classes: int) -> Network:
        """A new module for inputs of shape (N, \\*input_shape)."""
        layers: list[nn.Module] = [nn.Flatten(), nn.Linear(prod(input_shape), self.width)]
        for i in range(1, self.depth + 1):
            deeper = [nn.Linear(self.width, self.width)] if i > 1 else []
            layers += [nn.ReLU(), *deeper, Shortcut()] if self.shortcuts and deeper else deeper
            layers += [nn.BatchNorm1d(self.width)] if self.norm else []
            layers += [] if self.shortcuts and i < self.depth else [nn.ReLU()]
            layers += [Tap(f"quarter {self.ends.index(i) + 1}")] if i in self.ends else []
        network = Network(nn.Sequential(*layers), nn.Linear(self.width, classes))
        return network.apply(_as_he) if self.start == "he" else network


def plain(depth: int, width: int, start: str = "torch", *, shortcuts: bool = False, norm: bool = False) -> Plain:
    """Describe a deep network of one width: ``plain(16, 38)``; see :class:`Plain`."""
    return Plain(depth, width, start, shortcuts, norm)


def width_of_cost(depth: int, multiplications: int, inputs: int, classes: int) -> int:
    """The largest width at which a :class:`Plain` of this depth multiplies at most so often to answer one example.

    That is inputs · width + (depth − 1) · width² + width · classes.

    Raises
    ------
    ValueError
        Not even one unit a layer can be paid for.
    """
    first, deeper = inputs + classes, depth - 1
    width = (isqrt(first * first + 4 * deeper * multiplications) - first) // (2 * deeper)
    if width < 1:
        raise ValueError(f"{multiplications} multiplications do not pay for {depth} layers on {inputs} inputs")
    return width


def _as_he(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        with torch.no_grad():
            layer.bias.zero_()
