"""The balance of labels and soft targets in a student's gradient, and the limit of the latter as T grows."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from kdviz import measures
from kdviz.arguments import logits, mapping, several
from kdviz.arguments import temperatures as given_temperatures
from kdviz.figures.correlation import axes_of
from kdviz.figures.look import COLOURS, plain
from kdviz.figures.temperature import by_temperature, slopes

WITH, WITHOUT = "with T²", "without T²"
SHADES = {WITH: COLOURS["student"], WITHOUT: COLOURS["teacher"]}


def gradient_balance(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperatures: Sequence[float],
    *,
    weights: Sequence[float] = (1.0, 0.1),
    axes: Sequence[Axes],
) -> Sequence[Axes]:
    """Left the size of the soft targets' gradient with and without T², right the labels' share at some weights.

    Parameters
    ----------
    student_logits, teacher_logits : Tensor, shape (N, C)
    labels : Tensor, shape (N,)
    temperatures : sequence of B numbers, ascending
    weights : sequence of numbers above 0
        Of the labels; the soft targets' is 1.
    axes : two Axes
    """
    temperatures, (left, right) = given_temperatures(temperatures), axes_of(axes, 2)
    sizes: dict[str, int] = {}
    z, v = (logits(name, given, "N C", sizes) for name, given in (("z", student_logits), ("v", teacher_logits)))
    norms = {WITH: [measures.mean_norm(measures.soft_target_gradient(z, v, t)) for t in temperatures]}
    norms[WITHOUT] = [norm / t**2 for norm, t in zip(norms[WITH], temperatures, strict=True)]
    by_temperature(temperatures, norms, colours=SHADES, ax=left).set(yscale="log", ylabel="size of the gradient in z")
    of_labels = measures.mean_norm(measures.label_gradient(z, labels))
    left.axhline(of_labels, color=COLOURS["hard labels"], ls="--", lw=1.5, label="of the labels, h = 1")
    plain(left.legend(loc="lower left"))
    for weight, style in zip(several("weights", weights, "numbers"), ("-", ":", "--", "-."), strict=False):
        shares = {
            name: [weight * of_labels / (weight * of_labels + norm) for norm in found] for name, found in norms.items()
        }
        by_temperature(temperatures, shares, colours=SHADES, ax=right)
        for line, name in zip(right.lines[-2:], shares, strict=True):
            line.set(linestyle=style, label=f"{name}, h = {weight:g}")
    right.set(ylim=(0, 1), ylabel="labels' share of both gradients")
    right.yaxis.set_major_formatter(PercentFormatter(1))
    plain(right.legend(loc="center right", fontsize=9))
    return left, right


def hot_limit(
    pairs: Mapping[str, tuple[Tensor, Tensor, bool]],
    temperatures: Sequence[float],
    *,
    colours: Mapping[str, str],
    span: tuple[float, float] = (50, 1000),
    axes: Sequence[Axes],
) -> Sequence[Axes]:
    """How far the gradient is from (z − v)/C: its direction, and the relative error where means were subtracted.

    Parameters
    ----------
    pairs : mapping of name to (z, v, whether each example's mean is subtracted)
        z and v of shape (N, C).
    temperatures : sequence of B numbers, ascending
    colours : mapping of name to colour
    span : (lowest, highest) temperature of the slope that is written
    axes : two Axes
    """
    temperatures, (left, right) = given_temperatures(temperatures), axes_of(axes, 2)
    cosines, errors = {}, {}
    for name, (z, v, center) in mapping("pairs", pairs, "(z, v, centred)").items():
        found = [measures.high_temperature_gap(z, v, t, center) for t in temperatures]
        cosines[name] = [cosine.mean().item() for cosine, _ in found]
        if center:
            errors[name] = [error.mean().item() for _, error in found]
    by_temperature(temperatures, cosines, colours=colours, ax=left).set(
        ylabel="cosine with (z − v)/C", title="Direction"
    )
    plain(left.legend(fontsize=9))
    by_temperature(temperatures, errors, colours=colours, ax=right).set(yscale="log", ylabel="relative error")
    slopes(temperatures, errors, span, right)
    return left, right
