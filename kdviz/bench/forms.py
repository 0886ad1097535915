"""What a form asks for an idea, as plain values, and how its answers become students and a card."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from kdviz.arguments import told
from kdviz.bench.cards import card, scores
from kdviz.bench.plans import plan, settings, title, train
from kdviz.data import load_described
from kdviz.networks import mlp
from kdviz.objectives import Objective, SoftTargets
from kdviz.recipes import Recipe, grid
from kdviz.training import train as trained

NO_CLASS = "no class"
TEMPERATURES, UNITS = (1, 2, 4, 8, 20), (30, 100, 300)


def soft_targets(teacher: Recipe, T: float, label_weight: float) -> Objective:
    """Soft targets at a temperature, with a weight of the labels; both weights are 1 together."""
    return SoftTargets(teacher, T, label_weight, round(1 - label_weight, 10))


def form(
    student: Recipe,
    *,
    students: Mapping[str, Any] | None = None,
    teachers: Mapping[str, Recipe] | None = None,
    objectives: Mapping[str, Callable[[Recipe, float, float], Objective]] | None = None,
) -> dict:
    """What ``kdviz.explorers.bench`` needs beside the cards: ``kd.explorers.bench(cards, **kd.bench.form(student))``.

    Parameters
    ----------
    student : Recipe
        Where the form stands at first: its data, learning rate, epochs and only teacher are kept.
    students : mapping of name to architecture, optional
        By default the student's own and multilayer perceptrons of 30, 100 and 300 units.
    teachers : mapping of name to Recipe, optional
        By default the student's, and the same trained for a fifth of the epochs.
    objectives : mapping of name to callable, optional
        ``objective(teacher, T, label_weight)`` makes one; by default soft targets.

    Returns
    -------
    dict
        ``form``, the choices by name: ``(options, value)`` is a menu, ``(low, high, value)`` a slider.
        ``train``, ``train(watch, **choices)``, which returns a name and a card. ``others``: the scores of every
        setting in the store that was tested on the same data, read beside the student's teacher.

    Raises
    ------
    ValueError
        No recipe, or other than one teacher recipe.
    """
    taught = student.objective.teachers if isinstance(student, Recipe) else ()
    if len(taught) != 1 or not isinstance(taught[0], Recipe):
        raise ValueError(f"a form begins with a student recipe of one teacher recipe, not with {told(student)}")
    (teacher,) = taught
    brief = max(1, teacher.epochs // 5)
    if students is None:
        students = {str(student.model): student.model} | {str(mlp(n, n)): mlp(n, n) for n in UNITS}
    if teachers is None:
        teachers = {"the teacher": teacher, f"the same, {brief:g} epochs": teacher.replace(epochs=brief)}
    objectives = objectives or {"soft targets": soft_targets}
    T = getattr(student.objective, "temperature", TEMPERATURES[0])
    classes = (NO_CLASS, *load_described(student.data).classes)
    choices = {
        "student": _menu(students, student.model),
        "teacher": _menu(teachers, teacher),
        "objective": _menu(objectives, next(iter(objectives.values()))),
        "T": _menu({f"{each:g}": each for each in sorted({*TEMPERATURES, T})}, T),
        "label_weight": (0.0, 0.9, 0.0),
        "epochs": (1, 3 * int(student.epochs), int(student.epochs)),
        "seeds": (1, 5, 3),
        "omit": _menu({name: name for name in classes}, NO_CLASS),
    }
    others = {name: partial(_read, recipes, teacher) for name, recipes in settings(student.data.name).items()}
    return {"train": partial(_tried, student), "form": choices, "others": others}


def _menu(options: Mapping[str, Any], value: Any) -> tuple[dict[str, Any], Any]:
    """The options, and where the menu stands: at the first one where ``value`` is not among them."""
    return dict(options), value if value in options.values() else next(iter(options.values()))


def _tried(first: Recipe, watch: Callable | None, student, teacher, objective, T, label_weight, epochs, seeds, omit):
    recipe = first.replace(model=student, objective=objective(teacher, T, label_weight), epochs=epochs)
    runs = train(plan(grid(recipe, seed=range(seeds)), None if omit == NO_CLASS else omit), watch)
    return f"{title(recipe)}, {seeds} seeds, omitted: {omit}", card(runs)


def _read(recipes: Sequence[Recipe], teacher: Recipe) -> list[dict[str, float]]:
    return scores(trained(recipes), trained([teacher])[0])
