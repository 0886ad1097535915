"""A pad to draw a digit on: teacher and student answer, in the page, while one draws."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from kdviz import figures
from kdviz.arguments import mapping, names
from kdviz.arguments import told as as_given
from kdviz.explorers import drawing
from kdviz.explorers.temperature import TEMPERATURES
from kdviz.explorers.view import View, packed
from kdviz.figures.look import check_colours, plain

WEIGHTS = 400_000  # that a page carries
SILENT = (nn.Flatten, nn.Dropout, nn.Identity)  # layers that do nothing to a vector when a net answers


def pad(
    networks: Mapping[str, nn.Module],
    size: int,
    classes: Sequence[str],
    *,
    start: drawing.Strokes = drawing.THREE,
    temperature: float = 1.0,
    colours: Mapping[str, str] = figures.COLOURS,
    note: str = "",
) -> View:
    """A pad to draw on, the drawing as the networks see it, and what each answers at a temperature.

    The networks go into the page, their weights rounded to 255 steps a unit.

    Parameters
    ----------
    networks : mapping of name to Module
        Fully connected with ReLU, as :func:`kdviz.mlp` builds; in all at most 400,000 weights.
    size : {28, 8}
        Of the images: as MNIST's or as the 8×8 digits (:func:`kdviz.explorers.drawing.normalised`).
    classes : names of the C classes
    start : sequence of strokes
        Each a sequence of points (x, y) in [0, 1], y downwards: what stands on the pad until one draws. By default
        a 3.
    temperature : float
        At first; one of ``kdviz.explorers.temperature.TEMPERATURES``.
    colours : mapping of name to colour
    note : str
        What a reader should know of the networks, said below the pad.
    """
    if not networks:
        raise ValueError("a pad needs a network to answer: {name: module}")
    networks, classes = mapping("networks", networks, "module"), names(classes)
    if size not in (28, 8):
        raise ValueError(f"a pad's size is 28 or 8, not {as_given(size)}")
    if temperature not in TEMPERATURES:
        known = ", ".join(f"{t:g}" for t in TEMPERATURES)
        raise ValueError(f"the pad's T is one of {known}, not {as_given(temperature)}")
    check_colours(colours)
    nets = {name: layers_of(name, network, size * size, len(classes)) for name, network in networks.items()}
    many = sum(weight.size for layers in nets.values() for weight, *_ in layers)
    if many > WEIGHTS:
        raise ValueError(f"these networks have {many:,} weights and a page carries {WEIGHTS:,}: give smaller ones")
    shades = {name: colours.get(name, "#666666") for name in nets}

    def still(figure: Figure, strokes: drawing.Strokes, temperature: float, example: bool) -> None:
        left, right = figure.subplots(1, 2, width_ratios=[1, 2.4])
        image = drawing.normalised(drawing.bitmap(strokes), size) if strokes else torch.zeros(1, 1, size, size)
        figures.image(image[0], title="as the networks see it", ax=left)
        width, places = 0.85 / len(nets), np.arange(len(classes))
        for i, (name, layers) in enumerate(nets.items()):
            shares = (answer(layers, image) / temperature).softmax(-1).numpy()
            best = int(shares.argmax())
            said = f"{name}: {classes[best]} ({shares[best]:.0%})"
            right.bar(places + (i - (len(nets) - 1) / 2) * width, shares, width, color=shades[name], label=said)
        right.set_xticks(places, classes, parse_math=False)
        right.set(ylim=(0, 1), ylabel=f"probability at T = {temperature:g}")
        plain(right.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, fontsize=9))

    data = {
        "classes": classes,
        "size": size,
        "temperatures": TEMPERATURES,
        "colours": shades,
        "note": note,
        "networks": {name: [_packed(*layer) for layer in layers] for name, layers in nets.items()},
    }
    state = {"strokes": drawing.checked(start), "temperature": float(temperature), "example": True}
    return View("pad", data, still, (6.8, 2.8), **state)


def answer(layers: list[tuple[np.ndarray, np.ndarray, np.ndarray]], image: Tensor) -> Tensor:
    """The logits, shape (C,), of rounded layers for an image of shape (1, 1, size, size), in float64."""
    x = image.double().flatten().numpy()
    for depth, (weight, scale, bias) in enumerate(layers):
        x = (weight.astype(float) @ x) * scale + bias
        x = x if depth == len(layers) - 1 else np.maximum(x, 0)
    return torch.from_numpy(x)


def layers_of(
    name: str, network: nn.Module, inputs: int, outputs: int
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each fully connected layer the weight in whole steps, shape (out, in), the size of a step, and the bias."""
    if not isinstance(network, nn.Module):
        raise TypeError(f"{name} is {as_given(network)}: the pad takes a module, so that the page can answer")
    inner = [layer for layer in network.modules() if not list(layer.children()) and not isinstance(layer, SILENT)]
    linear = inner[::2]
    fully = all(isinstance(each, nn.Linear) for each in linear) and all(
        isinstance(each, nn.ReLU) for each in inner[1::2]
    )
    if not fully or len(inner) % 2 == 0:
        raise TypeError(f"{name} is not fully connected with ReLU between its layers: the pad's page can run no other")
    ends = linear[0].in_features, linear[-1].out_features
    if ends != (inputs, outputs):
        raise ValueError(
            f"{name} goes from {ends[0]} to {ends[1]} numbers, not from {inputs} pixels to {outputs} classes"
        )
    return [_rounded(each) for each in linear]


def _rounded(layer: nn.Linear) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weight = layer.weight.detach().cpu().float().numpy()
    scale = np.maximum(np.abs(weight).max(1), 1e-30).astype(np.float32) / np.float32(127)
    bias = np.zeros(len(weight), np.float32) if layer.bias is None else layer.bias.detach().cpu().float().numpy()
    return np.rint(weight / scale[:, None]).astype(np.int8), scale, bias


def _packed(weight: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> dict:
    return {"weight": packed(weight, "int8"), "scale": packed(scale), "bias": packed(bias)}
