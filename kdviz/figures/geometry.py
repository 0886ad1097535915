"""Features of several nets in the planes of three classes, on one scale."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from kdviz import measures
from kdviz.arguments import finite, indices, mapping
from kdviz.arguments import names as given_names
from kdviz.figures.correlation import axes_of
from kdviz.figures.look import plain

CLASSES_OF_THREE = ("#0072B2", "#E69F00", "#009E73")
MARKS = ("o", "^", "s")


def projections(
    nets: Mapping[str, tuple[Tensor, Tensor]],
    labels: Tensor,
    classes: Sequence[str],
    chosen: Sequence[int],
    *,
    axes: Sequence[Axes],
) -> Sequence[Axes]:
    """Features of three classes in the plane through their templates, a panel a net (Müller et al. 2019, figure 1).

    Nets whose features are larger are not for that less tight. So each panel's unit is the mean distance between the
    three classes' centres in its plane, the origin lies between them, and all panels have the same axes.

    Parameters
    ----------
    nets : mapping of name to (features of shape (N, D), last layer's weights of shape (C, D))
    labels : Tensor, shape (N,)
    classes : names of the C classes
    chosen : three classes
    axes : Axes, one a net

    Raises
    ------
    ValueError
        Shapes that do not fit, or a chosen class without an example.
    """
    nets, classes = mapping("nets", nets, "(features, templates)"), given_names(classes)
    axes = axes_of(axes, len(nets))
    sizes = {"C": len(classes), "3": 3}
    labels = indices("labels", labels, "N", sizes, len(classes))
    chosen = indices("chosen", chosen, "3", sizes, len(classes)).tolist()
    if missing := [classes[row] for row in chosen if not (labels == row).any()]:
        raise ValueError(f"there is no example of {', '.join(missing)}: choose classes that have some")
    clouds = {name: _clouds(*net, labels, chosen, sizes["N"]) for name, net in nets.items()}
    reach = 1.05 * max(points.abs().max().item() for cloud in clouds.values() for points in cloud)
    for ax, (name, cloud) in zip(axes, clouds.items(), strict=True):
        for row, points, colour, mark in zip(chosen, cloud, CLASSES_OF_THREE, MARKS, strict=True):
            ax.plot(*points.T.numpy(), mark, color=colour, alpha=0.35, markersize=3, mew=0)
            ax.plot([], [], mark, color=colour, label=classes[row])
            ax.plot(*points.mean(0).numpy(), "X", color=colour, markeredgecolor="black", markersize=9)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        ax.grid(True, axis="both")
        ax.tick_params(labelsize=9)
        ax.set_title(name, loc="center", parse_math=False)
    axes[0].set_ylabel("unit: mean distance\nof the three centres")
    plain(axes[0].legend(loc="upper right", fontsize=9))
    return axes


def _clouds(features: Tensor, templates: Tensor, labels: Tensor, chosen: Sequence[int], count: int) -> list[Tensor]:
    """Points of each chosen class, shape (n, 2), in the unit and from the origin of the panel."""
    sizes: dict[str, int] = {"N": count}
    features, templates = finite("features", features, "N D", sizes), finite("templates", templates, "C D", sizes)
    places = features.double() @ measures.template_plane(templates[list(chosen)]).T
    points = [places[labels == row] for row in chosen]
    centres = torch.stack([of.mean(0) for of in points])
    return [(of - centres.mean(0)) / torch.pdist(centres).mean() for of in points]
