"""An explorer of notebook 11: a half that one picks, as the teacher and a student complete it, and all between."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures, measures
from kdviz.arguments import finite, indices, mapping, names, number, told, whole
from kdviz.explorers.view import View, packed, unpacked
from kdviz.figures.examples import check_pixels


def completed(
    truth: Tensor,
    labels: Tensor,
    drawn: Mapping[str, Tensor],
    classes: Sequence[str],
    *,
    student: str,
    image: int = 0,
    share: float = 50,
) -> View:
    """N images of which generators were given the left half: the truth, and a blend from the teacher's to a student's.

    Parameters
    ----------
    truth : Tensor, shape (N, 1, H, W), in [0, 1]
    labels : Tensor, shape (N,)
    drawn : mapping of name to Tensor of shape (N, 1, H, W)
        ``teacher``, and one student or more.
    classes : names of the C classes
    student, image, share : str, int, number
        Where it opens: whose image, of which half, and how much of it is the student's, in %.
    """
    classes, sizes = names(classes), {"D": 1}
    truth = finite("truth", truth, "N D H W", sizes)
    labels = indices("labels", labels, "N", sizes, len(classes))
    drawn = {name: finite(f"{name!r} of drawn", images, "N D H W", sizes)
             for name, images in mapping("drawn", drawn, "images").items()}  # fmt: skip
    for images in (truth, *drawn.values()):
        check_pixels(images)
    students = [name for name in drawn if name != "teacher"]
    if "teacher" not in drawn or student not in students:
        raise ValueError(f"drawn needs 'teacher' and {told(student)}, where it opens: it has {', '.join(drawn)}")
    if not whole("image", image) < sizes["N"] or not 0 <= number("share", share) <= 100:
        raise ValueError(f"it opens at one of {sizes['N']} images and a share of 0 to 100 %, not at {image}, {share}")
    bytes_of = {name: packed((255 * images[:, 0].clamp(0, 1)).round().to(int), "uint8")
                for name, images in {"truth": truth, **drawn}.items()}  # fmt: skip
    seen = {name: unpacked(kept).double()[:, None] / 255 for name, kept in bytes_of.items()}  # as the page has them

    def still(figure: Figure, image: int, student: str, share: float) -> None:
        left, teacher, mixed, right, whole_one = figure.subplots(1, 5)
        half = seen["truth"][image].clone()
        half[..., half.shape[-1] // 2 :] = 0
        blend = (1 - share / 100) * seen["teacher"][image] + share / 100 * seen[student][image]
        shown = {"the half given": half, "teacher": seen["teacher"][image], f"{share:g} % student": blend}
        shown |= {student: seen[student][image], "truth": seen["truth"][image]}
        for ax, (name, pixels) in zip((left, teacher, mixed, right, whole_one), shown.items(), strict=True):
            error = measures.completion_errors(pixels[None], seen["truth"][image][None]).item()
            figures.image(pixels, title=name if ax in (left, whole_one) else f"{name}\n{1000 * error:.0f}", ax=ax)

    data = {"images": bytes_of, "labels": packed(labels, "uint8"), "classes": classes, "students": students}
    return View("completed", data, still, (10, 2.4), image=image, student=student, share=share)
