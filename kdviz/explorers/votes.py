"""The explorer of notebook 07: what several nets say of one image, and a generalist with its specialists."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures, measures
from kdviz.arguments import indices, logits, mapping, names, tensor, told, whole
from kdviz.explorers.view import View, packed, sprite

SHOWN = ("nets", "specialists")
JOINT = figures.COLOURS["another teacher"]


def votes(
    images: Tensor,
    labels: Tensor,
    nets: Tensor,
    specialists: Mapping[str, tuple[Tensor, Sequence[int]]],
    classes: Sequence[str],
    *,
    count: int = 1,
    image: int = 0,
    shown: str = "nets",
) -> View:
    """The mean probability of the first nets, and of the first net with specialists, for an image that one picks.

    Parameters
    ----------
    images : Tensor, shape (N, 1 or 3, H, W)
    labels : Tensor, shape (N,)
    nets : Tensor, shape (M, N, C)
        Logits of M nets; the first is the specialists' generalist.
    specialists : mapping of name to (Tensor of shape (N, S + 1), the S classes)
        Logits as :func:`kdviz.measures.with_specialists` takes them.
    classes : names of the C classes
    count, image : int
        How many nets are asked, and which image is shown, at first.
    shown : {"nets", "specialists"}
    """
    sizes: dict[str, int] = {}
    nets = logits("nets", nets, "M N C", sizes).double()
    images, classes = tensor("images", images, "N D H W", sizes), names(classes, sizes["C"])
    labels = indices("labels", labels, "N", sizes, sizes["C"])
    specialists = mapping("specialists", specialists, "(logits, classes)")
    groups = {name: [int(c) for c in group] for name, (_, group) in specialists.items()}
    answers = {
        name: logits(f"{name!r} of specialists", z, "N S", {"N": sizes["N"]}).double()
        for name, (z, _) in specialists.items()
    }
    joint = measures.with_specialists(nets[0], [*answers.values()], [*groups.values()]).exp()
    count, image = whole("count", count, 1), whole("image", image)
    if count > len(nets) or image >= len(images):
        raise ValueError(f"there are {len(nets)} nets and images 0 to {len(images) - 1}, not {count} and {image}")
    if shown not in SHOWN:
        raise ValueError(f"shown is 'nets' or 'specialists', not {told(shown)}")
    means = nets.softmax(-1).cumsum(0) / torch.arange(1, len(nets) + 1)[:, None, None]
    right = [int((mean.argmax(-1) == labels).sum()) for mean in means]
    together = int((joint.argmax(-1) == labels).sum())

    def still(figure: Figure, count: int, image: int, shown: str) -> None:
        axes = figure.subplot_mosaic([["image", "bars", "bars", "right"]])
        figures.image(images[image], title=f"labelled {classes[labels[image]]}", ax=axes["image"])
        if shown == "nets":
            _several(axes["bars"], nets[:count, image].softmax(-1), means[count - 1, image])
        else:
            parts = {name: (answers[name][image].softmax(-1), group) for name, group in groups.items()}
            _asked(axes["bars"], nets[0, image].softmax(-1), parts, joint[image])
        axes["bars"].set(ylim=(0, 1), ylabel="probability")
        axes["bars"].set_xticks(range(len(classes)), classes, rotation=40, ha="right", parse_math=False)
        axes["right"].plot(range(1, len(nets) + 1), right, "o-", color=figures.COLOURS["teacher"], label="nets")
        axes["right"].axhline(together, color=JOINT, ls="--", label="one, with specialists")
        axes["right"].plot(count, right[count - 1], "o", color="black", markersize=9)
        low, high = min(*right, together), max(*right, together)
        axes["right"].set(xlabel="nets asked", ylabel=f"right, of {len(labels)} images", title="How many are right")
        axes["right"].set_ylim(low - 0.4 * (high - low) - 1, high + 1)
        axes["right"].legend(loc="lower right", fontsize=8)

    data = {
        "classes": classes,
        "labels": labels.tolist(),
        "images": sprite(images),
        "nets": packed(nets),
        "specialists": {name: {"logits": packed(z), "group": groups[name]} for name, z in answers.items()},
    }
    return View("votes", data, still, (12, 3.9), count=count, image=image, shown=shown)


def _several(ax: Axes, each: Tensor, mean: Tensor) -> None:
    """The mean as bars, and each net as a dot."""
    ax.bar(range(len(mean)), mean.numpy(), color=figures.COLOURS["teacher"], alpha=0.6)
    for own in each:
        ax.plot(range(len(mean)), own.numpy(), ".", color="black", alpha=0.6)
    ax.set_title(f"mean of {len(each)} net{'s' * (len(each) > 1)}")


def _asked(ax: Axes, own: Tensor, parts: Mapping[str, tuple[Tensor, list[int]]], joint: Tensor) -> None:
    """Generalist, specialists on their classes, and all together: bars side by side."""
    wide = 0.85 / (len(parts) + 2)
    places = torch.arange(len(own)) - 0.425 + wide / 2
    ax.bar(places, own.numpy(), wide, color=figures.COLOURS["teacher"], label="generalist")
    hues = ("#CC79A7", "#E69F00", "#882255", "#44AA99")
    for i, (name, (p, group)) in enumerate(parts.items(), 1):
        ax.bar(places[group] + i * wide, p[:-1].numpy(), wide, color=hues[(i - 1) % len(hues)], label=name)
    ax.bar(places + (len(parts) + 1) * wide, joint.numpy(), wide, color=JOINT, label="together")
    figures.look.plain(ax.legend(fontsize=8))
