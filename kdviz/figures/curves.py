"""A value as something is turned: the bias of a class, the temperature, the number of images."""

from collections.abc import Mapping, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation
from torch import Tensor

from kdviz import measures
from kdviz.arguments import columns, finite, mapping, several, tensors
from kdviz.figures.correlation import axes_of
from kdviz.figures.look import check_colours, colours_of, on, plain


def errors_by_bias(
    biases: Tensor,
    errors: Mapping[str, Tensor],
    colours: Mapping,
    *,
    fitted: Mapping[str, pd.DataFrame] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Errors (logarithmic) against the bias added to the omitted class: a line a seed.

    Parameters
    ----------
    biases : Tensor, shape (B,)
    errors : mapping of name to Tensor of shape (seeds, B)
    fitted : mapping of name to DataFrame, optional
        Where the label-free biases lie: columns ``bias`` and ``errors after``, as :meth:`kdviz.Runs.shifts` gives them.
    """
    ax = on(ax)
    sizes: dict[str, int] = {}
    biases = finite("biases", biases, "B", sizes)
    errors = tensors("errors", errors, "seeds B", sizes)
    check_colours(colours, errors)
    for name, curves in errors.items():
        for i, curve in enumerate(curves.numpy()):
            ax.plot(biases.numpy(), curve, color=colours[name], lw=1.2, alpha=0.8, label=name if i == 0 else None)
    for name, table in (fitted or {}).items():
        columns(f"{name!r} of fitted", table, ("bias", "errors after"))
        ax.plot(table["bias"], table["errors after"], "o", color="black", mfc=colours[name], markersize=8, zorder=4)
    if fitted:
        ax.plot([], [], "o", color="black", mfc="none", markersize=8, label="at the label-free bias")
    ax.set(yscale="log", xlabel="bias added to the omitted class's logit", ylabel="errors on the test set")
    ax.yaxis.set_major_formatter(LogFormatter())
    ax.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.5)))
    return ax


def by_setting(
    settings: Sequence[float],
    groups: Mapping[str, Tensor],
    colours: Mapping[str, str],
    *,
    apart: float = 0.0,
    ax: Axes | None = None,
) -> Axes:
    """A value against something turned: mean and 95 % interval over seeds, and a faint dot a seed.

    Parameters
    ----------
    settings : sequence of S numbers
    groups : mapping of name to Tensor of shape (seeds, S)
    colours : mapping of name to colour
    apart : float
        By how many points a group stands to the right of the one before, so that intervals do not hide one another.
    """
    ax = on(ax)
    sizes: dict[str, int] = {}
    settings = finite("settings", settings, "S", sizes).tolist()
    groups = tensors("groups", groups, "seeds S", sizes)
    check_colours(colours, groups)
    for place, (name, values) in enumerate(groups.items()):
        means, halves = zip(*(measures.mean_and_interval(column) for column in values.T.tolist()), strict=True)
        bars = ax.errorbar(settings, means, halves, fmt="o-", color=colours[name], capsize=4, markersize=5, label=name)
        drawn = list(bars.get_children())
        for seed in values.tolist():
            drawn += ax.plot(settings, seed, ".", color=colours[name], alpha=0.35, markersize=5)
        if apart:
            inches = apart / 72 * (place - (len(groups) - 1) / 2)
            for artist in drawn:  # moved once they are drawn: the limits are of the values
                artist.set_transform(ax.transData + ScaledTranslation(inches, 0, ax.figure.dpi_scale_trans))
    plain(ax.legend())
    return ax


def errors_by_temperature(table: pd.DataFrame, hue: str = "model", *, ax: Axes | None = None) -> Axes:
    """Errors against temperature, a line for each value of ``hue``: mean and 95 % interval over seeds.

    Parameters
    ----------
    table : DataFrame
        Columns ``temperature``, ``errors``, ``seed`` and ``hue``, as :meth:`kdviz.Runs.table` gives them.
    """
    ax = on(ax)
    columns("table", table, ("temperature", "errors", hue))
    table = table.dropna(subset="temperature")  # a student on labels has none
    columns("table of students with a temperature", table, ())
    shades = sns.color_palette("crest", table[hue].nunique())
    for colour, (name, rows) in zip(shades, table.groupby(hue, sort=False), strict=True):
        spread = [measures.mean_and_interval(part) for _, part in rows.groupby("temperature").errors]
        means, halves = zip(*spread, strict=True)
        at = sorted(rows.temperature.unique())
        ax.errorbar(at, means, halves, fmt="o-", color=colour, capsize=4, label=name)
    ax.set(xscale="log", xlabel="temperature T", ylabel="errors on the test set")
    ax.set_xticks(sorted(table.temperature.unique()), [f"{t:g}" for t in sorted(table.temperature.unique())])
    ax.minorticks_off()
    if table[hue].nunique() > 1:
        plain(ax.legend(title=hue))
    return ax


def learning_curves(histories: Mapping[str, Sequence[Mapping]], *, axes: Sequence[Axes]) -> Sequence[Axes]:
    """Accuracy on test images, and agreement with the teacher on training images, at each epoch's end: a line a seed.

    Parameters
    ----------
    histories : mapping of name to one :attr:`kdviz.Run.history` a seed
    axes : two Axes
    """
    histories = {name: _histories(name, seeds) for name, seeds in mapping("histories", histories, "histories").items()}
    axes = axes_of(axes, 2)
    told = {"test_accuracy": "% right, test images", "train_agreement": "% agreed, training images"}
    for ax, (measured, label) in zip(axes, told.items(), strict=True):
        for (name, seeds), colour in zip(histories.items(), colours_of(histories).values(), strict=True):
            for i, history in enumerate(seeds):
                values = [100 * share for share in history.get(measured, [])]
                line = {"color": colour, "lw": 1.2, "alpha": 0.8, "label": None if i else name}
                ax.plot(history["epoch"][: len(values)], values, **line)
        ax.set(xlabel="epoch", ylabel=label)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    plain(axes[0].legend())
    return axes


def _histories(name: str, given: Sequence[Mapping]) -> list[Mapping]:
    found = several(f"{name!r} of histories", given, "run.history, one a seed")
    if not all(isinstance(one, Mapping) and "epoch" in one for one in found):
        raise ValueError(f"{name!r} of histories must be a list of run.history, one a seed: one has no epochs")
    return found
