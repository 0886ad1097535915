"""The logits of a pair of classes in several nets, to one scale."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from kdviz import measures
from kdviz.arguments import indices, names, tensors, whole
from kdviz.figures.correlation import PAIR, axes_of, pair_of
from kdviz.figures.look import plain


def pair_clouds(
    logits: Mapping[str, Tensor],
    labels: Tensor,
    pair: tuple[int, int],
    classes: Sequence[str],
    *,
    axes: Sequence[Axes],
    most: int = 1500,
) -> Sequence[Axes]:
    """The two centred logits of a pair of classes, a panel a net, to one scale; each title says the net and its r.

    Parameters
    ----------
    logits : mapping of name to Tensor of shape (N, C)
    labels : Tensor, shape (N,)
    pair : two classes
    classes : names of the C classes
    axes : one for each net
    most : int
        Examples drawn, spread evenly over all, of which r is computed.
    """
    sizes: dict[str, int] = {}
    logits = tensors("logits", logits, "N C", sizes)
    labels, classes = indices("labels", labels, "N", sizes, sizes["C"]), names(classes, sizes["C"])
    pair, axes = pair_of(pair, sizes["C"]), axes_of(axes, len(logits))
    drawn = torch.arange(0, len(labels), max(1, -(-len(labels) // whole("most", most, 1))))
    shown = labels[drawn]
    values = {name: (z - z.mean(-1, keepdim=True))[:, list(pair)].double() for name, z in logits.items()}
    low, high = (
        end([f(each[drawn]).item() for each in values.values()]) for end, f in ((min, torch.min), (max, torch.max))
    )
    room = 0.04 * (high - low)
    groups = [("all others", "0.75", ~torch.isin(shown, torch.tensor(pair)))]
    groups += [(classes[c], PAIR[i], shown == c) for i, c in enumerate(pair)]
    for ax, (name, both) in zip(axes, values.items(), strict=True):
        for said, colour, rows in groups:
            ax.plot(*both[drawn][rows].T.numpy(), ".", color=colour, markersize=3.5, alpha=0.7, label=said)
        r = measures.logit_correlation(logits[name], center=True)[pair].item()
        ax.set_title(f"{name}: r = {r:+.2f}".replace("-", "−"), loc="center", parse_math=False)
        ax.set(xlim=(low - room, high + room), ylim=(low - room, high + room), aspect="equal")
        ax.set_xlabel(f"logit of {classes[pair[0]]}, centred", parse_math=False)
    axes[0].set_ylabel(f"logit of {classes[pair[1]]}, centred", parse_math=False)
    plain(axes[-1].legend(markerscale=4, loc="upper left", bbox_to_anchor=(1, 1)))
    return axes
