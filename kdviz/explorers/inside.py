"""An explorer of notebook 13: where a teacher and its student look in a sentence that one types, and their answers."""

import copy
from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from kdviz import figures
from kdviz.arguments import mapping, names, told, whole
from kdviz.explorers.view import View, packed

WEIGHTS = 450_000  # that a page carries
STEPS = 127  # of a row's largest weight


def inside(
    networks: Mapping[str, nn.Module],
    pieces: Tensor,
    vocabulary: Sequence[str],
    classes: Sequence[str],
    sentence: str,
    *,
    layer: int = 1,
    head: int = 1,
    colours: Mapping[str, str] = figures.COLOURS,
    note: str = "",
) -> View:
    """Attention maps of a teacher and a student side by side, and both answers, for a sentence that one types.

    The page makes the pieces and runs both networks, with weights rounded to 255 steps a row (:func:`as_carried`).

    Parameters
    ----------
    networks : mapping of name to Module
        A teacher and a student, as :func:`kdviz.transformer` builds them; in all at most 450,000 weights.
    pieces : Tensor, shape (L,), int64
        Of ``sentence``, for the page without a kernel.
    vocabulary : sequence of str
    classes : names of the C classes
    sentence : str
        Where it opens.
    layer, head : int
        Where it opens, counted from 1: a layer of the student, beside the teacher's that stands as far up.
    colours : mapping of name to colour
    note : str
        What a reader should know of the networks, said below.
    """
    networks, classes = mapping("networks", networks, "module"), names(classes)
    nets = {name: as_carried(name, net) for name, net in networks.items()}
    weights = sum(weight.numel() for net in nets.values() for weight in net.parameters())
    if len(nets) != 2 or weights > WEIGHTS:
        raise ValueError(f"two networks of at most {WEIGHTS:,} weights go into a page, not {len(nets)} of {weights:,}")
    deep = {name: len(net.layers) for name, net in nets.items()}
    (teacher, student), heads = deep, {net.layers[0].heads for net in nets.values()}
    if deep[teacher] % deep[student] or len(heads) > 1:
        raise ValueError("the teacher has as many heads as the student and a multiple of its layers")
    if whole("layer", layer, 1) > deep[student] or whole("head", head, 1) > min(heads):
        raise ValueError(f"it opens at one of {deep[student]} layers and {min(heads)} heads, not at {layer}, {head}")
    shades = {name: colours.get(name, figures.COLOURS["student"]) for name in nets}

    def still(figure: Figure, sentence: str, layer: int, head: int) -> None:
        tokens = pieces[pieces > 0]
        words = [vocabulary[token] for token in tokens]
        axes = figure.subplots(1, 2)
        for ax, (name, net) in zip(axes, nets.items(), strict=True):
            of = layer * deep[name] // deep[student]
            map_, answered = looks(net, tokens, of, head)
            shares = answered.softmax(-1)
            said = f"{name}, layer {of}, head {head}\n{classes[int(shares.argmax())]} ({shares.max():.0%})"
            figures.attention_map(map_, ["CLS", *words][-len(map_) :], ax=ax).set_title(said, parse_math=False)
        figure.colorbar(axes[0].images[0], ax=axes, shrink=0.7, label="attention weight")

    data = {
        "classes": classes,
        "vocabulary": list(vocabulary),
        "length": len(pieces),
        "colours": shades,
        "note": note,
        "networks": {name: _told(net) for name, net in nets.items()},
    }
    return View("inside", data, still, (10, 5), sentence=sentence, layer=layer, head=head)


def looks(network: nn.Module, tokens: Tensor, layer: int, head: int) -> tuple[Tensor, Tensor]:
    """Where each place looks, shape (L', L'), and the logits (C,), of one sentence's tokens without padding."""
    length = network.positions.shape[0]
    padded = torch.nn.functional.pad(tokens, (0, length - len(tokens)))
    with torch.no_grad():
        outputs = network(padded[None])
    there = outputs["places"][0] > 0
    return outputs[f"attention {layer}"][0, head - 1][there][:, there], outputs["logits"][0]


def as_carried(name: str, network: nn.Module) -> nn.Module:
    """A copy in float64 whose matrices are in whole steps, 127 to the largest weight of a row, as a page has them."""
    if not hasattr(network, "layers") or not hasattr(network, "positions"):
        raise TypeError(f"{name} is {told(network)}: the page runs what kd.transformer builds, and no other")
    made = copy.deepcopy(network).cpu().float().double().eval()
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim == 2:
                scale = _scale(weight)
                weight.copy_((weight / scale).round() * scale)
    return made


def _scale(weight: Tensor) -> Tensor:
    """Of each row, shape (rows, 1), in numbers that float32 holds."""
    return (weight.abs().amax(1, keepdim=True).clamp(min=1e-30) / STEPS).float().double()


def _told(network: nn.Module) -> dict:
    """A rounded network as a page takes it."""
    weights = {}
    for name, weight in network.state_dict().items():
        if weight.ndim == 2:
            scale = _scale(weight)
            weights[name] = {"weight": packed((weight / scale).round(), "int8"), "scale": packed(scale[:, 0])}
        else:
            weights[name] = {"weight": packed(weight)}
    cls = network.pool == "cls"
    return {"heads": network.layers[0].heads, "layers": len(network.layers), "cls": cls, "weights": weights}
