"""The explorer of notebook 01: one image's answer, and its gradient, as the temperature turns."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from kdviz import figures, measures
from kdviz.arguments import indices, logits, names, tensor, tensors
from kdviz.explorers.view import View, packed, sprite

TEMPERATURES = [float(f"{t:.2g}") for t in np.geomspace(0.5, 50, 21)]


def temperature(
    images: Tensor,
    labels: Tensor,
    teacher: Tensor,
    students: Mapping[str, Tensor],
    classes: Sequence[str],
) -> View:
    """One image's answer at a temperature: distribution, entropy, path in the simplex, shares of the gradient.

    Parameters
    ----------
    images : Tensor, shape (N, 1, H, W) or (N, 3, H, W)
    labels : Tensor, shape (N,)
    teacher : Tensor, shape (N, C)
        Its logits.
    students : mapping of name to Tensor of shape (N, C)
        At least one, none named "teacher". The gradient is that of the student chosen, or of the first where the
        teacher is shown.
    classes : names of the C classes
    """
    sizes: dict[str, int] = {}
    teacher = logits("teacher", teacher, "N C", sizes)
    students = tensors("students", students, "N C", sizes, logits)
    if "teacher" in students:
        raise ValueError("a student cannot be named 'teacher', which is the teacher's own name here: name it otherwise")
    images, labels = tensor("images", images, "N D H W", sizes), indices("labels", labels, "N", sizes, sizes["C"])
    classes, places = names(classes, sizes["C"]), range(sizes["C"])
    first, answers = next(iter(students)), {"teacher": teacher, **students}

    def still(figure: Figure, temperature: float, image: int, shown: str, factor: bool) -> None:
        logits, learner = answers[shown][image], first if shown == "teacher" else shown
        colour = figures.COLOURS["teacher" if shown == "teacher" else "student"]
        axes = figure.subplot_mosaic([["image", "bars", "bars", "entropy"], ["path", "path", "shares", "shares"]])
        figures.image(images[image], title=f"labelled {classes[labels[image]]}", ax=axes["image"])
        axes["bars"].bar(places, (logits / temperature).softmax(-1).numpy(), color=colour)
        axes["bars"].set_title(f"{shown} at T = {temperature:g}", parse_math=False)
        axes["bars"].set(ylabel="probability", ylim=(0, 1))
        entropy = {shown: [measures.entropy(logits[None], t).item() for t in TEMPERATURES]}
        figures.by_temperature(TEMPERATURES, entropy, colours={shown: colour}, ax=axes["entropy"])
        axes["entropy"].plot(temperature, measures.entropy(logits[None], temperature).item(), "o", color="black")
        axes["entropy"].set(title="entropy, nats", xlabel="T", ylim=(0, np.log(len(classes)) * 1.05))
        if len(classes) > 2:
            figures.simplex_path(logits, classes, TEMPERATURES, marked=[temperature], ax=axes["path"])
            axes["path"].set_title("among its three likeliest", loc="center")
        else:  # no triangle: the likelier class's probability
            likelier = {"": [(logits / t).softmax(-1).max().item() for t in TEMPERATURES]}
            figures.by_temperature(TEMPERATURES, likelier, colours={"": colour}, ax=axes["path"])
            axes["path"].set(title="its likelier class", ylabel="probability", ylim=(0, 1))
        shares = measures.gradient_shares(answers[learner][image][None], teacher[image][None], temperature)[0]
        axes["shares"].bar(places, 100 * shares.numpy(), color=figures.COLOURS["student"])
        axes["shares"].set_title(f"gradient of: {learner}", parse_math=False)
        axes["shares"].set(ylabel="share of the class, %", ylim=(0, 52))
        for ax in (axes["bars"], axes["shares"]):
            ax.set_xticks(places, classes, parse_math=False)

    data = {
        "classes": classes,
        "temperatures": TEMPERATURES,
        "labels": labels.tolist(),
        "images": sprite(images),
        "answers": {name: packed(logits) for name, logits in answers.items()},
    }
    return View("temperature", data, still, (9.5, 5.6), temperature=4.0, image=0, shown="teacher", factor=True)
