"""Any network as a description: what builds it, with what, and where in it the outputs lie that an objective reads."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Module:
    """A network made by a callable, unedited. Made by :func:`network`.

    Parameters
    ----------
    make : callable
        Returns a module: a class, a function of torchvision.models, a function of one's own.
    arguments : tuple
        What it is called with.
    options : tuple of (str, value)
        The same, by name.
    paths : tuple of (str, str)
        A name for an output, and the dotted path of the layer that gives it.
    """

    make: Callable[..., nn.Module]
    arguments: tuple = ()
    options: tuple[tuple[str, Any], ...] = ()
    paths: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        said = [*map(str, self.arguments), *(f"{name}={value}" for name, value in self.options)]
        return f"{self.make.__name__}({', '.join(said)})"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what the network answers with."""
        return (*dict(self.paths), *(() if "logits" in dict(self.paths) else ("logits",)))

    def build(self, input_shape: tuple[int, ...], classes: int) -> nn.Module:
        """A new module for inputs of shape (N, \\*input_shape); ValueError where no layer has one of the paths."""
        module = self.make(*self.arguments, **dict(self.options))
        if not isinstance(module, nn.Module):
            raise ValueError(f"{self} gives a {type(module).__name__}: a network is a torch.nn.Module")
        layers = dict(module.named_modules())
        for name, path in self.paths:
            if path not in layers or not path:
                near = difflib.get_close_matches(path, layers, n=5, cutoff=0.3) or [*layers][1:6]
                raise ValueError(f"{self} has no layer {path!r} for {name!r}: near it are {', '.join(near)}")
        return Named(module, dict(self.paths))


class Named(nn.Module):
    """A module that answers with named outputs: its own answer as ``logits``, and those of layers inside it.

    ``features`` is flattened to (N, D); other outputs stay as the layer gives them.
    """

    def __init__(self, module: nn.Module, paths: Mapping[str, str]):
        super().__init__()
        self.module, self.paths = module, paths

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        hooks = [
            self.module.get_submodule(path).register_forward_hook(
                lambda layer, given, output, name=name: found.__setitem__(name, output)
            )
            for name, path in self.paths.items()
        ]
        try:
            answer = self.module(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        outputs = dict(answer) if isinstance(answer, Mapping) else {"logits": answer}
        outputs |= {name: found[name] for name in self.paths}
        if "features" in outputs:
            outputs["features"] = outputs["features"].flatten(1)
        return outputs


def network(make: Callable[..., nn.Module], *arguments, outputs: Mapping[str, str] | None = None, **options) -> Module:
    """Describe a network of one's own: any callable that returns a module.

    Parameters
    ----------
    make : callable
        ``torchvision.models.resnet18``, a class, a function in a notebook: its code is then part of a recipe's key.
    *arguments, **options
        What it is called with: numbers, texts, tuples of these, functions and classes.
    outputs : mapping of str to str, optional
        Names for what layers inside give: ``{"features": "avgpool", "map 1": "layer1"}``. ``logits`` is the
        module's own answer, unless it is named here or the answer is a mapping that holds it.

    Examples
    --------
    >>> kd.network(torchvision.models.resnet18, num_classes=10, outputs={"features": "avgpool"})
    """
    if not callable(make) or isinstance(make, nn.Module):
        what = "a module that is built already" if isinstance(make, nn.Module) else f"{make!r}"
        raise ValueError(f"a network is described by what builds it, a class or a function, not by {what}")
    named = tuple(sorted((outputs or {}).items()))
    return Module(make, arguments, tuple(sorted(options.items())), named)
