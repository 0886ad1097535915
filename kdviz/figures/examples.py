"""Single examples: images, and what a network answers to them."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from kdviz.arguments import indices, mapping, names, several, tensor, whole
from kdviz.arguments import logits as given_logits
from kdviz.arguments import temperatures as given_temperatures
from kdviz.figures.correlation import pair_of
from kdviz.figures.look import COLOURS, on

IMAGES, TEXTS = 6, 3  # that `mistaken` shows
GREY = {"cmap": "gray_r", "vmin": 0, "vmax": 1}  # colours are shown as they are


def check_pixels(images: Tensor) -> None:
    """Raise ValueError unless images (…, 1 or 3, H, W) can be shown."""
    if images.shape[-3] not in (1, 3):
        raise ValueError(f"an image has one channel, or three for colour, not {images.shape[-3]}")
    if images.numel() and (images.min() < -1e-3 or images.max() > 1 + 1e-3):
        reach = f"{images.min():g}..{images.max():g}"
        raise ValueError(f"pixels lie in [0, 1], not in {reach}: divide them by their largest")


def _levels(image: Tensor) -> np.ndarray:
    """An image (1 or 3, H, W) as matplotlib takes it."""
    check_pixels(image)
    return image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).clamp(0, 1).numpy()


def image(pixels: Tensor, *, title: str = "", ax: Axes | None = None) -> Axes:
    """One image: grey levels dark on white, three channels in colour.

    Parameters
    ----------
    pixels : Tensor, shape (1, H, W), (3, H, W) or (H, W), in [0, 1]
    """
    ax = on(ax)
    flat = getattr(pixels, "ndim", 3) == 2
    ax.imshow(_levels(tensor("pixels", pixels, "H W")[None] if flat else tensor("pixels", pixels, "D H W")), **GREY)
    ax.set_title(title, loc="center", fontweight="normal", fontsize=10, parse_math=False)
    ax.set_axis_off()
    return ax


def soft_target(
    logits: Tensor, classes: Sequence[str], temperatures: Sequence[float], *, ax: Axes | None = None
) -> Axes:
    """The soft target of one example at several temperatures, as bars; the hotter the lighter.

    Parameters
    ----------
    logits : Tensor, shape (C,)
    """
    ax = on(ax)
    logits, temperatures = given_logits("logits of one example", logits, "C"), given_temperatures(temperatures)
    classes = names(classes, len(logits))
    width = 0.85 / len(temperatures)
    for i, temperature in enumerate(temperatures):
        place = np.arange(len(classes)) + (i - (len(temperatures) - 1) / 2) * width
        probabilities = torch.softmax(logits / temperature, -1).numpy()
        shade = 1 - 0.6 * i / max(1, len(temperatures) - 1)
        ax.bar(place, probabilities, width, color=COLOURS["teacher"], alpha=shade, label=f"T = {temperature:g}")
    ax.set_xticks(range(len(classes)), classes, parse_math=False)
    ax.set(ylim=(0, 1), ylabel="probability")
    return ax


def gallery(
    images: Tensor,
    captions: Sequence[str],
    right: Sequence[bool] | None = None,
    *,
    columns: int = 12,
    ax: Axes | None = None,
):
    """A montage of images with a caption under each, green where ``right`` and red where not, or all in grey.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W), in [0, 1]
    captions : sequence of N str
    right : sequence of N bool, optional
    """
    ax = on(ax)
    images, columns = tensor("images", images, "N D H W", least=0), whole("columns", columns, 1)
    n, _, height, width = images.shape
    captions = names(captions, n, "captions")
    right = [None] * n if right is None else [bool(one) for one in several("right", right, "True or False", 0)]
    if len(right) != n:
        raise ValueError(f"right must be {n} times True or False, one for each image, not {len(right)}")
    rows, step_y, step_x = -(-n // columns), height * 1.45, width * 1.15
    for i in range(n):
        top, left = (i // columns) * step_y, (i % columns) * step_x
        ax.imshow(_levels(images[i]), **GREY, extent=(left, left + width, top + height, top))
        colour = {True: COLOURS["right"], False: COLOURS["wrong"], None: "0.25"}[right[i]]
        below = {"ha": "center", "va": "top", "fontsize": 9, "parse_math": False}
        ax.text(left + width / 2, top + height * 1.06, captions[i], color=colour, **below)
    ax.set(xlim=(-1, min(n, columns) * step_x), ylim=(rows * step_y, -1))
    ax.set_axis_off()
    return ax


def two_answers(
    images: Tensor,
    first: Sequence[tuple[str, bool]],
    second: Sequence[tuple[str, bool]],
    *,
    columns: int = 12,
    ax: Axes | None = None,
) -> Axes:
    """A montage of images, under each of them two answers, one below the other: green where right, red where not.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W), in [0, 1]
    first, second : sequence of N pairs (answer, whether it is right)
    """
    above, below = (_answers(who, said, len(images)) for who, said in (("first", first), ("second", second)))
    ax = gallery(images, [answer for answer, _ in above], [right for _, right in above], columns=columns, ax=ax)
    for text, (answer, right) in zip(list(ax.texts), below, strict=True):
        place = {"xytext": (0, -12), "textcoords": "offset points", "fontsize": 9, "parse_math": False}
        under = ax.annotate(answer, text.get_position(), **place)
        under.set(color=COLOURS["right" if right else "wrong"], ha="center", va="top")
    return ax


def two_opinions(teacher: Tensor, student: Tensor, classes: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """What teacher and student answer to one example at T = 1, as bars to the left and to the right.

    Parameters
    ----------
    teacher, student : Tensor, shape (C,)
        Their logits.
    """
    ax = on(ax)
    sizes: dict[str, int] = {}
    teacher, student = (given_logits(name, z, "C", sizes) for name, z in (("teacher", teacher), ("student", student)))
    classes = names(classes, sizes["C"])
    for name, logits, side in (("teacher", teacher, -1), ("student", student, 1)):
        ax.barh(range(len(classes)), side * logits.softmax(-1).numpy(), color=COLOURS[name], label=name)
    ax.set(xlim=(-1.15, 1.15), xticks=[-1, 0, 1], xticklabels=["1", "0", "1"], yticks=range(len(classes)))
    ax.set_yticklabels(classes, fontsize=8, parse_math=False)
    ax.invert_yaxis()
    ax.axvline(0, color="0.3", lw=0.8)
    ax.grid(False)
    return ax


def sentences(
    texts: Sequence[str], answers: Mapping[str, Sequence[tuple[str, bool]]], *, width: int = 90, ax: Axes | None = None
) -> Axes:
    """Texts one below the other, two lines of each at most, and what was answered: a gallery for texts.

    Parameters
    ----------
    texts : sequence of N str
    answers : mapping of who answered to N pairs (answer, whether it is right)
        Green where it is, red where not.
    width : int
        Characters in a line; an answer has half of it.
    """
    ax = on(ax)
    texts, width = list(map(str, several("texts", texts, "sentences", 0))), whole("width", width, 2)
    answers = {who: _answers(who, said, len(texts)) for who, said in mapping("answers", answers, "pairs").items()}
    line, plain = 0.0, {"va": "top", "parse_math": False}  # a price in dollars is no formula
    for i, text in enumerate(texts):
        told = textwrap.wrap(" ".join(text.split()), width, max_lines=2, placeholder=" …")
        ax.text(0, line, "\n".join(told), fontsize=8.5, **plain)
        line += len(told)
        for place, (who, said) in enumerate(answers.items()):
            answer, right = said[i]
            answer = answer if len(answer) <= width // 2 else answer[: width // 2 - 1] + "…"
            shade = COLOURS["right" if right else "wrong"]
            ax.text(0.02 + place / len(answers), line, f"{who}: {answer}", fontsize=7.5, color=shade, **plain)
        line += 1.3
    ax.set(xlim=(0, 1), ylim=(max(line, 1.0), 0))
    ax.set_axis_off()
    return ax


def examples_of(given: Tensor | Sequence[str], sizes: dict[str, int]) -> Tensor | list[str]:
    """Images (N, 1 or 3, H, W), or N texts as a list; ``sizes`` has N."""
    if hasattr(given, "ndim"):
        return tensor("images", given, "N D H W", sizes)
    return names(given, sizes["N"], "examples")


def _answers(who: str, given: Sequence[tuple[str, bool]], count: int) -> list[tuple[str, bool]]:
    found = several(f"{who!r} of answers", given, "pairs (answer, whether it is right)", 0)
    if len(found) != count or not all(isinstance(one, tuple | list) and len(one) == 2 for one in found):
        raise ValueError(f"{who!r} of answers must be {count} pairs (answer, whether it is right), one for each text")
    return [(str(said), bool(right)) for said, right in found]


def mistaken(
    pair: tuple[int, int],
    teacher: Tensor,
    student: Tensor,
    examples: Tensor | Sequence[str],
    labels: Tensor,
    classes: Sequence[str],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Some examples of one class, first those that teacher or student take for another, and how many there are.

    Under each the teacher's answer, then the student's: green where right, red where wrong.

    Parameters
    ----------
    pair : the examples' class, and the other
    teacher, student : Tensor, shape (N,)
        What they predict.
    examples : Tensor of shape (N, 1, H, W), or sequence of N str
    labels : Tensor, shape (N,)
    classes : names of the C classes
    """
    ax = on(ax)
    classes = names(classes)
    (own, other), sizes = pair_of(pair, len(classes)), {}
    labels = indices("labels", labels, "N", sizes, len(classes))
    teacher = indices("what the teacher predicts", teacher, "N", sizes, len(classes))
    student = indices("what the student predicts", student, "N", sizes, len(classes))
    examples = examples_of(examples, sizes)
    rows = (labels == own).nonzero().squeeze(1)
    by_teacher, by_student = teacher[rows] == other, student[rows] == other
    pictures = isinstance(examples, Tensor)
    shown = rows[(by_teacher | by_student).long().argsort(descending=True, stable=True)]
    shown = shown[: IMAGES if pictures else TEXTS].tolist()
    answers = {
        who: [(classes[predicted[row]], bool(predicted[row] == own)) for row in shown]
        for who, predicted in (("teacher", teacher), ("student", student))
    }
    if pictures:
        two_answers(examples[shown], *answers.values(), columns=IMAGES, ax=ax).set_anchor("W")
    else:
        sentences([examples[row] for row in shown], answers, ax=ax)
    said = f"{classes[own]}: of {len(rows):,}, the teacher takes {by_teacher.sum()} for {classes[other]}, "
    look = {"y": 1, "fontsize": 9, "fontweight": "normal", "parse_math": False}
    ax.set_title(textwrap.fill(f"{said}the student {by_student.sum()}", 95), **look)
    return ax
