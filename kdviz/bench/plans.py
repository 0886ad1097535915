"""What an idea needs to be judged: its students, and the controls they are read by."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kdviz import training
from kdviz.arguments import called, mapping, several, told
from kdviz.data import classes_of, load_described
from kdviz.objectives import HardLabels
from kdviz.recipes import Recipe
from kdviz.recipes.descriptions import describe
from kdviz.runs import Runs
from kdviz.runs.store import Store, default_store
from kdviz.training.trainer import DEFAULT

STUDENT, LABELS, TEACHER, STRANGER = "student", "labels alone", "teacher", "another teacher"
SCALAR = f"{LABELS}, one scalar"  # those students again, with a temperature fitted on labels
UNSEEN = {STUDENT: "never shown it", LABELS: "never shown it, labels alone"}  # the students of a class left out


def plan(students: Iterable[Recipe], omit: int | str | None = None) -> dict[str, list[Recipe]]:
    """The recipes of an idea and of its controls, by name.

    The controls: the same students on labels alone, which learn from no teacher; and another teacher, of another
    seed. With a class to ``omit``, both kinds of students once more, trained without it.

    Parameters
    ----------
    students : iterable of Recipe
        One a seed, all of one teacher.
    omit : class, by index or name, optional

    Raises
    ------
    ValueError
        No student, other than one teacher recipe among them, a teacher that is tested on other examples, or a control
        that is the teacher itself.
    """
    students = [students] if isinstance(students, Recipe) else several("students", students, "recipes", 0)
    if strange := [each for each in students if not isinstance(each, Recipe)]:
        raise ValueError(f"students must be recipes, one a seed, not {told(strange[0])}")
    teachers = {teacher for student in students for teacher in student.objective.teachers}
    if len(teachers) != 1 or not isinstance(teacher := next(iter(teachers)), Recipe):
        given = ", ".join(f"a tensor of {len(t.logits)} logits" for t in teachers if not isinstance(t, Recipe))
        raise ValueError(
            f"a card is read against one teacher, a recipe, and these {len(students)} students have "
            + (f"{given}: compare their logits with kdviz.bench.card_of_logits" if given else str(len(teachers)))
        )
    if {tested_on(recipe) for recipe in students} != {tested_on(teacher)}:
        raise ValueError("hold the same images out for the teacher and for its students: they are compared on them")
    controls = [student.replace(**_BY_LABELS) for student in students]
    stranger = teacher.replace(seed=teacher.seed + 1)
    if {teacher, stranger} & {*controls}:
        raise ValueError(
            f"trained on labels alone, a student is the teacher itself, or the other one: give the students seeds from "
            f"{teacher.seed + 2}"
        )
    named = {STUDENT: students, LABELS: controls, TEACHER: [teacher], STRANGER: [stranger]}
    if omit is not None:
        named |= {UNSEEN[name]: [_without(recipe, omit) for recipe in named[name]] for name in UNSEEN}
    return named


def tested_on(recipe: Recipe) -> tuple:
    """What says which examples a recipe is tested on: the data set, and what of it is held out."""
    return recipe.data.name, *(step for step in recipe.data.narrowed if step[0] == "split")


_BY_LABELS = {"objective": HardLabels(), "init": None, "init_weight": 1.0, "frozen": False}


def _without(recipe: Recipe, omit: int | str) -> Recipe:
    """The recipe trained without a class, as is what it starts from: not one of its weights has seen it."""
    init = recipe.init and _without(recipe.init, omit)
    return recipe.replace(data=load_described(recipe.data).without(omit), init=init)


def train(
    plan: Mapping[str, Sequence[Recipe]],
    watch: Callable[[dict[str, list[dict]], bool], None] | None = None,
    store: Store | None = DEFAULT,
) -> dict[str, Runs]:
    """Train what a plan names, or find it: :func:`kdviz.train`, all at once.

    Parameters
    ----------
    plan : mapping of name to recipes
    watch : callable, optional
        ``watch({name: histories}, done)`` is called as histories grow, at epochs' ends, with those that train just
        then, and whether it was their last.
    store : Store or None
        As of :func:`kdviz.train`: None trains afresh and keeps nothing on disk.
    """
    plan = {
        name: several(f"{name!r} of plan", each, "recipes") for name, each in mapping("plan", plan, "recipes").items()
    }
    if strange := [each for recipes in plan.values() for each in recipes if not isinstance(each, Recipe)]:
        raise ValueError(f"a plan is of recipes, as kdviz.bench.plan gives them, not of {told(strange[0])}")
    watch = watch and called("watch", watch, "watch(histories, done)")
    names = {recipe: name for name, recipes in plan.items() for recipe in recipes}

    def grouped(recipes: list[Recipe], histories: list[dict], done: bool) -> None:
        groups = defaultdict(list)
        for recipe, history in zip(recipes, histories, strict=True):
            groups[names.get(recipe, "what they learn from")].append(history)
        watch(dict(groups), done)

    runs = training.train(names, watch=watch and grouped, store=store)
    found = dict(zip(names, runs, strict=True))
    return {name: Runs(found[recipe] for recipe in recipes) for name, recipes in plan.items()}


def settings(data: str, store: Store | None = None) -> dict[str, list[Recipe]]:
    """What a store holds, tested on the test split of ``data``: by name, the recipes that differ in seeds alone."""
    classes_of(data)
    if not isinstance(store, Store | None):
        raise ValueError(f"a store is a kd.Store or None, not {told(store)}")
    groups = defaultdict(list)
    for recipe in (store or default_store()).recipes():
        if tested_on(recipe) == (data,):
            groups[str(_seedless(describe(recipe)))].append(recipe)
    named: dict[str, list[Recipe]] = {}
    for recipes in groups.values():
        recipes.sort(key=lambda recipe: recipe.seed)
        name = f"{title(recipes[0])}, {len(recipes)} seed{'s' * (len(recipes) > 1)}"
        named[f"{name}, {recipes[0].key}" if name in named else name] = recipes
    return dict(sorted(named.items()))


def title(recipe: Recipe) -> str:
    """Network, data, objective and its teachers' networks, epochs, and every number that is not the default."""
    if not isinstance(recipe, Recipe):
        raise ValueError(f"a title is made of a recipe, not of {told(recipe)}")
    said, objective = describe(recipe), describe(recipe.objective)
    numbers = {**objective, **said, "epochs": None, "seed": None, "version": None, "frozen": None}
    given = [f"{name.replace('_', ' ')} {value:g}" for name, value in numbers.items() if isinstance(value, float | int)]
    taught = [teacher for teacher in recipe.objective.teachers if isinstance(teacher, Recipe)]
    teachers = sorted({f"{teacher.model} ({teacher.epochs:g} epochs)" for teacher in taught})
    learnt = f"{objective['kind']}{' of ' * bool(teachers)}{', '.join(teachers)}"
    stage = "frozen features, " if recipe.frozen else "another's weights first, " if recipe.init else ""
    stage += f"shifted by up to {recipe.augment.pixels}, " if recipe.augment else ""
    return ", ".join([f"{recipe.model} on {recipe.data}: {stage}{learnt}", *given, f"{recipe.epochs:g} epochs"])


def _seedless(said: Any) -> Any:
    if isinstance(said, dict):
        return {name: _seedless(value) for name, value in said.items() if name != "seed"}
    return [_seedless(part) for part in said] if isinstance(said, list) else said
