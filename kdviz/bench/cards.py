"""The card: every score of a student beside its controls, from runs or from bare logits."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from torch import Tensor

from kdviz import measures
from kdviz.arguments import mapping, names, several, told
from kdviz.bench.logits import check_logits
from kdviz.bench.plans import LABELS, SCALAR, STRANGER, STUDENT, TEACHER, UNSEEN, tested_on
from kdviz.data import load_described
from kdviz.measures import TopK
from kdviz.measures.checks import as_tensor, with_labels
from kdviz.networks import predict
from kdviz.runs import Run
from kdviz.runs.unseen import recognised


def card(runs: Mapping[str, Sequence[Run]]) -> dict:
    """What :func:`kdviz.figures.card` draws of a trained plan.

    Parameters
    ----------
    runs : mapping of name to runs
        As :func:`kdviz.bench.train` gives them.

    Returns
    -------
    dict
        ``scores``, ``students``, ``teacher``, ``labels``, ``classes``, and ``against``: the names of the controls that
        the students are compared with. Among the scores, ``"labels alone, one scalar"``: students on labels alone whose
        temperature is fitted, :func:`kdviz.measures.fitted_temperature`, which takes no teacher.
    """
    runs, needed = mapping("runs", runs, "runs"), (STUDENT, LABELS, TEACHER, STRANGER)
    if missing := [name for name in needed if name not in runs]:
        raise ValueError(f"runs of a card lack {', '.join(map(repr, missing))}: train a kdviz.bench.plan, whole")
    runs |= {name: _runs(name, runs[name]) for name in needed}
    teacher, *_ = runs[TEACHER]
    data = load_described(teacher.recipe.data)
    read = {name: scores(runs[name], teacher) for name in (STUDENT, LABELS, STRANGER)}
    for name, blind in UNSEEN.items():
        for row, run in zip(read[name], runs.get(blind, []), strict=False):
            row["unseen"] = recognised(run)
    read[TEACHER] = [_alone(teacher, data.test.labels)]
    plain = [_logits(run) for run in runs[LABELS]]
    if all(logits is not None for logits in plain):
        read = _with_scalar(read, plain, data.test.labels)
    return _card(read, [_logits(run) for run in runs[STUDENT]], _logits(teacher), data.test.labels, data.classes)


def scores(runs: Iterable[Run], teacher: Run) -> list[dict[str, float]]:
    """:func:`kdviz.measures.scores` of each run beside ``teacher``, whoever taught it.

    Shipped runs may lack logits: what cannot be measured is not a number, or missing.

    Parameters
    ----------
    runs : iterable of Run
    teacher : Run

    Raises
    ------
    ValueError
        A run and the teacher were tested on different examples.
    """
    runs, (teacher,) = _runs("the first argument", runs), _runs("teacher", [teacher])
    return [_scores(run, teacher) for run in runs]


def _runs(name: str, given: Iterable[Run]) -> list[Run]:
    runs = several(name, given, "runs")
    if strange := [run for run in runs if not isinstance(run, Run)]:
        raise ValueError(f"{name} must be runs, as kdviz.bench.train gives them, not {told(strange[0])}")
    return runs


def card_of_logits(
    students: Sequence[Tensor],
    teacher: Tensor,
    labels: Tensor,
    classes: Sequence[str] | None = None,
    controls: Mapping[str, Sequence[Tensor]] | None = None,
) -> dict:
    """The same card of logits from anywhere.

    Parameters
    ----------
    students : sequence of Tensor of shape (N, C)
        One a seed.
    teacher : Tensor, shape (N, C), or :class:`kdviz.measures.TopK`
    labels : Tensor, shape (N,), int64
    classes : names of the C classes, optional
        By default their numbers.
    controls : mapping of name to a sequence of Tensor of shape (N, C), optional
        What the students are to be read beside, such as another teacher. Those named ``"labels alone"`` are also
        scored with a fitted temperature, and the students compared with both: paired in the order given, by seed.

    Raises
    ------
    ValueError
        Logits of other shapes than the teacher's, probabilities, no student, a control named student or teacher, or
        names that are not as many as the classes.
    """
    controls = mapping("controls", controls, "logits, one a seed") if controls else {}
    if taken := {STUDENT, TEACHER, SCALAR} & {*controls}:
        raise ValueError(f"{', '.join(sorted(taken))} stands on the card already: name the controls otherwise")
    groups = {name: _tensors(some, name) for name, some in {STUDENT: students, **controls}.items()}
    size = groups[STUDENT][0].shape[-1]
    if not isinstance(teacher, TopK):
        (teacher,) = _tensors([teacher], TEACHER)
        size = teacher.shape[-1]
    if isinstance(labels, str | Mapping | None):
        raise ValueError(f"labels are class indices, one for each of the examples, not {told(labels)}")
    _, labels = with_labels(groups[STUDENT][0], labels)
    classes = names(range(size) if classes is None else classes)
    if len(classes) != size:
        raise ValueError(f"the logits are of {size} classes, and {len(classes)} names were given")
    read = {name: [measures.scores(logits, teacher, labels) for logits in some] for name, some in groups.items()}
    if LABELS in groups:
        read = _with_scalar(read, groups[LABELS], labels)
    return _card(read | {TEACHER: [_by_itself(teacher, labels)]}, groups[STUDENT], teacher, labels, classes)


def _tensors(some: Sequence[Tensor], name: str) -> list[Tensor]:
    if isinstance(some, Tensor | np.ndarray | str | Mapping) or not isinstance(some, Sequence) or not len(some):
        raise ValueError(f"{name}: give a list of logits, at least one, one a seed")
    if strange := [one for one in some if isinstance(one, str | Mapping | None)]:
        raise ValueError(f"{name}: give a list of logits, one a seed, not of {told(strange[0])}")
    return [check_logits(as_tensor(logits, name).detach(), name) for logits in some]


def _card(scores: dict, students: list[Tensor], teacher: Tensor, labels: Tensor, classes: Sequence[str]) -> dict:
    against = [name for name in (LABELS, SCALAR) if name in scores]
    return dict(scores=scores, students=students, teacher=teacher, labels=labels, classes=classes, against=against)


def _with_scalar(scores: dict, plain: Sequence[Tensor], labels: Tensor) -> dict:
    """The scores with a fitted temperature's after those of labels alone; of a seed where none can be fitted, none."""
    rows = []
    for logits in plain:
        fitted = _kept(lambda logits=logits: measures.fitted_temperature(logits, labels))
        names = {"fitted": "temperature", "nll": "nll", "brier": "brier", "ece": "ece"}
        rows.append({name: fitted[found] for name, found in names.items()} if fitted else {})
    after = [*scores].index(LABELS) + 1
    return dict([*[*scores.items()][:after], (SCALAR, rows), *[*scores.items()][after:]])


def _scores(run: Run, teacher: Run) -> dict[str, float]:
    """As many of the scores as what is kept of the two runs allows."""
    if tested_on(run.recipe) != tested_on(teacher.recipe):
        raise ValueError(f"{run.recipe} and its teacher, {teacher.recipe}, were tested on different examples")
    labels = load_described(run.recipe.data).test.labels
    logits, taught = _logits(run), _logits(teacher)
    if logits is not None and taught is not None:
        return measures.scores(logits, taught, labels) | _alike(run, teacher)
    scores = _alone(run, labels)
    right = scores["accuracy"], _share(teacher.predictions() == labels)
    scores["agreement"] = _share(run.predictions() == teacher.predictions())
    scores["lowest"], scores["highest"] = measures.agreement_bounds(*right)
    ties = _kept(lambda: teacher.correlation(center=True) - run.correlation(center=True))
    return scores | {"correlation": math.nan if ties is None else measures.mean_off_diagonal(ties)}


def _alone(run: Run, labels: Tensor) -> dict[str, float]:
    """What needs no teacher."""
    logits = _logits(run)
    if logits is not None:
        return _by_itself(logits, labels)
    error = _kept(run.calibration_error)
    return {"accuracy": _share(run.predictions() == labels), "ece": math.nan if error is None else error}


def _by_itself(logits: Tensor | TopK, labels: Tensor) -> dict[str, float]:
    whole = not isinstance(logits, TopK)
    answers = logits if whole else logits.spread(int(max(logits.indices.max(), labels.max())) + 2)
    right = {"accuracy": measures.accuracy(answers, labels), "balanced": measures.balanced_accuracy(answers, labels)}
    if not whole:  # the probabilities of all classes are not known
        return right
    sure = {"nll": measures.nll, "brier": measures.brier, "ece": measures.expected_calibration_error}
    return right | {name: measure(logits, labels) for name, measure in sure.items()}


@lru_cache(maxsize=256)
def _alike(run: Run, teacher: Run) -> dict[str, float]:
    """CKA of the features before the last layer on the test images, where both runs keep weights."""
    if not (run.has_weights and teacher.has_weights):
        return {}
    both = _answers(run)["features"], _answers(teacher)["features"]
    alike = _kept(lambda: measures.linear_cka(*both))
    return {"cka": math.nan if alike is None else alike}


@lru_cache(maxsize=4)  # features are large; the teacher's are asked for with each student's
def _answers(run: Run) -> dict[str, Tensor]:
    return predict(run.network(), load_described(run.recipe.data).test.inputs, _read)


def _read(outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {"logits": outputs["logits"], "features": outputs["features"].flatten(1)}


@lru_cache(maxsize=64)
def _logits(run: Run) -> Tensor | None:
    """Test logits, from the weights where there are some: of a small network they are the lesser thing to ship."""
    if run.has_weights:
        return _answers(run)["logits"]
    return _kept(run.logits)


def _kept(measured: Callable):
    try:
        return measured()
    except ValueError:  # a shipped run without weights, a half without an error, features that never change
        return None


def _share(true: Tensor) -> float:
    return true.double().mean().item()
