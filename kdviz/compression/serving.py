"""What a smaller network costs where it is used: bytes on a disk and time to an answer, both measured."""

import statistics
import time
import warnings
from collections.abc import Mapping

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn


def packed(weights: Mapping[str, Tensor] | nn.Module, bits: int = 32, per: str = "tensor") -> bytes:
    """Weights as the bytes of a file: of a rounded network each weight in ``bits`` bits, one after another.

    Parameters
    ----------
    weights : mapping of str to Tensor, or Module
        A state dict, or a network. Below 32 bits it was rounded to integers of so many bits, as
        :class:`kdviz.Quantise` says; its biases stay numbers of 32 bits.
    bits : int
        1 to 8, or 32: as they are.
    per : {"tensor", "row"}
        What has a scale of its own.

    Raises
    ------
    ValueError
        Bits that are none of these, or weights that lie on no such grid.
    """
    if bits != 32 and not 1 <= bits <= 8:
        raise ValueError(f"a weight is packed in 1 to 8 bits, or in 32: not in {bits}")
    kept: dict[str, Tensor] = {}
    for name, weight in _state(weights).items():
        if bits == 32 or weight.ndim < 2:
            kept[name] = weight.contiguous()
        else:
            kept |= {f"{name}/{part}": value for part, value in _on_grid(name, weight, bits, per).items()}
    return save(kept)


def unpacked(file: bytes) -> dict[str, Tensor]:
    """The weights that :func:`packed` was given, to a float's rounding."""
    parts = load(file)
    weights = {name: part for name, part in parts.items() if "/" not in name}
    for name in (name.removesuffix("/levels") for name in parts if name.endswith("/levels")):
        scale, shape = parts[f"{name}/scale"], parts[f"{name}/shape"].tolist()
        *shape, bits = shape
        ones = np.unpackbits(parts[f"{name}/levels"].numpy())[: bits * int(np.prod(shape))].reshape(-1, bits)
        codes = torch.from_numpy(ones @ (1 << np.arange(bits)[::-1])).view(shape)
        levels = 2 * codes - 1 if bits == 1 else codes - 2 ** (bits - 1)
        weights[name] = levels.float() * scale.view(-1, *[1] * (len(shape) - 1))
    return weights


def _on_grid(name: str, weight: Tensor, bits: int, per: str) -> dict[str, Tensor]:
    """Whole multiples of a scale as bits, the scales, and the shape with the bits."""
    rows = weight.flatten(1) if per == "row" else weight.flatten()[None]
    most = 2 ** (bits - 1) - 1 if bits > 1 else 1
    scale = rows.abs().amax(1, keepdim=True) / most
    exact = rows / torch.where(scale > 0, scale, 1.0)
    levels = torch.where(rows < 0, -1.0, 1.0) if bits == 1 else exact.round()
    if (levels * scale - rows).abs().max() > 1e-4 * rows.abs().max():
        raise ValueError(f"{name} does not lie on a grid of {bits} bits, with a scale a {per}: quantise it first")
    codes = ((levels + 1) / 2 if bits == 1 else levels + 2 ** (bits - 1)).to(torch.uint8).flatten().numpy()
    ones = np.unpackbits(codes[:, None], axis=1)[:, 8 - bits :]
    shape = torch.tensor([*weight.shape, bits])
    return {"levels": torch.from_numpy(np.packbits(ones)), "scale": scale.flatten().contiguous(), "shape": shape}


def _state(weights: Mapping[str, Tensor] | nn.Module) -> Mapping[str, Tensor]:
    return weights.state_dict() if isinstance(weights, nn.Module) else weights


@torch.no_grad()
def milliseconds(networks: Mapping[str, nn.Module], inputs: Tensor, times: int = 50) -> dict[str, float]:
    """The median time that each network takes for ``inputs``, on one thread, in milliseconds.

    Networks take turns, so that what else the machine does falls on all of them.

    Parameters
    ----------
    networks : mapping of name to Module
    inputs : Tensor, shape (N, ...)
    times : int
        How often each answers, after three turns that do not count.
    """
    took: dict[str, list[float]] = {name: [] for name in networks}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for turn in range(times + 3):
            for name, network in networks.items():
                began = time.perf_counter()
                network(inputs)
                if turn > 2:
                    took[name].append(1000 * (time.perf_counter() - began))
    finally:
        torch.set_num_threads(threads)
    return {name: statistics.median(each) for name, each in took.items()}


def in_int8(network: nn.Module) -> nn.Module:
    """A copy whose linear layers multiply whole numbers of eight bits: torch's own, of weights and activations.

    Raises
    ------
    RuntimeError
        This torch has no such layers: they are to move to another package.
    """
    try:
        from torch.ao.quantization import quantize_dynamic
    except ImportError as problem:
        raise RuntimeError("this torch has no layers of int8 for a processor: see torchao") from problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is to move to another package
        return quantize_dynamic(network, {nn.Linear}, dtype=torch.qint8)
