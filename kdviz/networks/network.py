"""What a description builds: a trunk and a head, answers with names, and how they are asked for."""

import operator
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from kdviz.data import as_numbers


class Tap(nn.Identity):
    """In a trunk: what arrives here is an output of the network, under this name."""

    def __init__(self, name: str):
        super().__init__()
        self.name = name


class Shortcut(nn.Module):
    """In a trunk: add what went into the last ReLU."""


class Network(nn.Module):
    """A trunk and a linear head.

    A forward pass gives ``features`` of shape (N, D), ``logits`` (N, C) and, after the i-th pooling, ``map i``
    (N, channels, H, W), of sequences (N, channels, L); and what a :class:`Tap` names.
    """

    def __init__(self, trunk: nn.Module, head: nn.Linear):
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        maps: dict[str, Tensor] = {}
        x = given = inputs
        for layer in self.trunk:
            given = x if isinstance(layer, nn.ReLU) else given
            x = x + given if isinstance(layer, Shortcut) else layer(x)
            if isinstance(layer, Tap):
                maps[layer.name] = x
            if isinstance(layer, nn.MaxPool1d | nn.MaxPool2d):
                maps[f"map {len(maps) + 1}"] = x
        return maps | {"features": x, "logits": self.head(x)}


def whole(value: Any, what: str) -> int:
    """``value`` as an int; ValueError, with ``what`` it should be, where it is none."""
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{what} is a whole number, not {value!r}") from None


def loaded(network: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """The network with the weights and buffers of ``state``, in the version of its modules' own format."""
    own = network.state_dict()
    if own.keys() != state.keys():
        raise ValueError(f"weights named {sorted({*own} ^ {*state})[:4]} are the network's or were given, and not both")
    own.update(state)
    network.load_state_dict(own)
    return network


@contextmanager
def measuring():
    """Without gradients and with products in full float32, whatever one trains with."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


def in_training_precision(network: Callable[[Tensor], dict[str, Tensor]], inputs: Tensor) -> dict[str, Tensor]:
    """The outputs as one trains: images channels-last, bfloat16 products where torch's switch says ``medium``."""
    if inputs.ndim == 4:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    low = torch.get_float32_matmul_precision() == "medium" and inputs.dtype != torch.float64
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=low, cache_enabled=False):
        outputs = network(inputs)
    return {name: output.float() if output.dtype == torch.bfloat16 else output for name, output in outputs.items()}


def predict(
    network: nn.Module, inputs: Tensor, kept: Callable[[dict[str, Tensor]], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """What ``kept`` keeps of the outputs for ``inputs``, in eval mode and full precision; the mode is put back."""
    was_training = network.training
    network.eval()
    chunk = 500 if inputs.device.type == "cpu" else 5000  # maps of more would not stay in a processor's caches
    with measuring():
        dtype = next(network.parameters()).dtype
        parts = [kept(network(as_numbers(part, dtype))) for part in inputs.split(chunk)]
    network.train(was_training)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def operations(answer: Callable[[Tensor], Any], inputs: Tensor) -> tuple[int, Any]:
    """How many operations products and convolutions of ``answer(inputs)`` are, as torch counts them; and the answer."""
    from torch.utils.flop_counter import FlopCounterMode  # half a second, for who counts alone

    with FlopCounterMode(display=False) as counted:
        answered = answer(inputs)
    return counted.get_total_flops(), answered


def predict_logits(network: nn.Module, inputs: Tensor) -> Tensor:
    """Logits of ``inputs``, shape (N, C); see :func:`predict`."""
    return predict(network, inputs, _logits_alone)["logits"]


def _logits_alone(outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    if "logits" not in outputs:
        raise ValueError(f"this network answers with {', '.join(outputs)}, not with logits: kdviz.runs.drawn asks it")
    return {"logits": outputs["logits"]}
