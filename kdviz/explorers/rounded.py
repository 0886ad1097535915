"""An explorer of notebook 10: weights on the grid of their bits, and what the rounded nets call the same images."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures
from kdviz.arguments import finite, indices, mapping, names, told
from kdviz.explorers.view import View, packed, sprite

BINS = 81


def rounded(
    weights: Tensor,
    nets: Mapping[str, Mapping[int, tuple[Tensor, Tensor]]],
    whole: Tensor,
    images: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    *,
    scheme: str,
    bits: int,
) -> View:
    """The weights of one layer before and after rounding, and N images with the answers of both nets.

    Parameters
    ----------
    weights : Tensor
        Of the layer, in full precision.
    nets : mapping of scheme to {bits: (weights, answers)}
        Of the same layer, as they are used; and the classes answered, shape (N,). The same bits in each scheme.
    whole : Tensor, shape (N,)
        What the net in full precision answers.
    images : Tensor, shape (N, 1 or 3, H, W)
    labels : Tensor, shape (N,)
    classes : names of the C classes
    scheme, bits : str, int
        Where it opens.
    """
    classes, sizes = names(classes), {"N": len(images)}
    labels = indices("labels", labels, "N", sizes, len(classes))
    whole = indices("whole", whole, "N", sizes, len(classes))
    nets = {name: dict(mapping(f"{name!r} of nets", of, "nets by bits")) for name, of in nets.items()}
    many = sorted(next(iter(nets.values())))
    if any(sorted(of) != many for of in nets.values()):
        raise ValueError("each scheme of nets needs the same numbers of bits")
    if scheme not in nets or bits not in many:
        raise ValueError(
            f"it opens at one of {', '.join(nets)} and of {many} bits, not at {told(scheme)}, {told(bits)}"
        )
    plain = finite("weights", weights.flatten(), "weights")
    answers = {name: {b: indices(f"answers of {name!r}", a, "N", sizes, len(classes)) for b, (_, a) in of.items()}
               for name, of in nets.items()}  # fmt: skip
    used = {name: {b: finite(f"weights of {name!r}", w.flatten(), "rounded") for b, (w, _) in of.items()}
            for name, of in nets.items()}  # fmt: skip
    most = max(each.abs().max().item() for each in (plain, *(w for of in used.values() for w in of.values())))
    colours = {name: figures.compression.ROUNDED.get(name, "#666666") for name in nets}

    def still(figure: Figure, scheme: str, bits: int) -> None:
        left, right = figure.subplots(1, 2, width_ratios=[1.2, 1], gridspec_kw={"wspace": 0.12})
        figures.on_grid(plain, used[scheme][bits], colour=colours[scheme], ax=left)
        left.set_title(f"{scheme}, {bits} bits", parse_math=False)
        left.legend()
        for name, of in answers.items():
            same = [100 * (of[b] == whole).double().mean().item() for b in many]
            right.plot(many, same, "o-", color=colours[name], label=name, lw=3 if name == scheme else 1.2)
        right.set(xlabel="bits", ylabel=f"% of {len(whole)} images answered as before", xticks=many)
        right.set_ylim(min(0, right.get_ylim()[0]), 135)  # room for the legend above all points
        right.set_yticks(range(0, 101, 20))
        right.legend(loc="upper left")

    data = {
        "bits": many,
        "edge": round(1.05 * most, 5),
        "plain": _shares(plain, most),
        "nets": {name: {str(b): _told(w, most) for b, w in of.items()} for name, of in used.items()},
        "answers": {name: {str(b): packed(a, "uint8") for b, a in of.items()} for name, of in answers.items()},
        "whole": packed(whole, "uint8"),
        "labels": packed(labels, "uint8"),
        "images": sprite(images),
        "classes": classes,
        "colours": colours,
    }  # fmt: skip
    return View("rounded", data, still, (11, 3.9), scheme=scheme, bits=bits)


def _shares(weights: Tensor, most: float) -> list[float]:
    """The share of the weights in each of :data:`BINS` equal bins from −1.05 ``most`` to 1.05 ``most``, in %."""
    counts, _ = np.histogram(weights.numpy(), bins=BINS, range=(-1.05 * most, 1.05 * most))
    return [round(100 * count / weights.numel(), 2) for count in counts.tolist()]


def _told(weights: Tensor, most: float) -> dict:
    return {"shares": _shares(weights, most), "levels": len(np.unique(weights.numpy()))}
