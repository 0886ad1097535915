"""The checks of recipes and of fitted biases: right ones pass, each known mistake is named."""

import pytest
import torch
from sentences import said

import kdviz as kd
from kdviz import checks, measures

DATA = kd.load("digits")


TEACHER = kd.Recipe(DATA, kd.mlp(60), kd.HardLabels(), epochs=60)


def student(digit, seed, **changes):
    recipe = kd.Recipe(DATA.without(digit), kd.mlp(60), kd.SoftTargets(TEACHER, temperature=4), epochs=4, seed=seed)
    return recipe.replace(**changes) if changes else recipe


def test_recipes_of_students():
    def blind(function):
        return said(checks.blind_student, function, TEACHER)

    whole, without_1 = DATA.description, DATA.without(1).description
    checks.blind_student(student, TEACHER)
    assert "learns from labels" in blind(lambda d, s: student(d, s, objective=kd.HardLabels()))
    assert "reads labels" in blind(lambda d, s: student(d, s, hard_weight=0.1))
    assert "still show every digit" in blind(lambda d, s: student(d, s, data=whole))
    assert "teacher's images" in blind(lambda d, s: student(d, s, teacher=TEACHER.replace(data=without_1)))
    assert "the teacher that the notebook defines" in blind(lambda d, s: student(d, s, teacher=TEACHER.replace(seed=9)))
    assert "use the argument `digit`" in blind(lambda d, s: student(1, s))
    assert "pass `seed` on" in blind(lambda d, s: student(d, 0))
    assert ".without, not .only" in blind(lambda d, s: student(d, s, data=DATA.only(d).description))
    assert "returns nothing" in blind(lambda d, s: None)


def test_recipes_of_controls():
    def control(function):
        return said(checks.control_student, function, student)

    checks.control_student(lambda d, s: student(d, s, objective=kd.HardLabels()), student)
    assert "hears of the digit" in control(student)
    assert "more than its objective" in control(lambda d, s: student(d, s, objective=kd.HardLabels(), epochs=5))


@pytest.fixture(scope="module")
def runs():
    return kd.train([student(8, seed, epochs=60) for seed in range(2)], store=None)


def test_the_bias_of_a_run(runs, capsys):
    def told(function):
        return said(checks.fitted_bias, function, runs)

    def fit(logits, frequency):
        return measures.label_free_bias(measures.log_odds(logits, [8]), frequency)

    def fewest(run, logits, labels):
        tried = torch.linspace(-10, 20, 3001)
        errors = [int((measures.shifted(logits, [8], b).argmax(-1) != labels).sum()) for b in tried]
        return tried[errors.index(min(errors))]

    share, test_share = ((part.labels == 8).double().mean().item() for part in (DATA.train, DATA.test))
    seen = DATA.train.labels != 8
    checks.fitted_bias(lambda run: fit(run.logits("train"), share), runs)
    assert capsys.readouterr().out.startswith("✓")
    assert "1/C" in told(lambda run: fit(run.logits("train"), 0.1))
    assert "fitted on the test images: take" in told(lambda run: fit(run.logits("test"), share))
    assert "with the test set's frequency" in told(lambda run: fit(run.logits("test"), test_share))
    assert "the test set's frequency: that is looking" in told(lambda run: fit(run.logits("train"), test_share))
    assert "the images that the student saw" in told(lambda run: fit(run.logits("train")[seen], share))
    assert "student's temperature" in told(lambda run: fit(run.logits("train") / 4, share))
    assert "*test labels*" in told(lambda run: fewest(run, run.logits("test"), DATA.test.labels))
    assert "*training labels*" in told(lambda run: fewest(run, run.logits("train"), DATA.train.labels))
    assert "none of the mistakes" in told(lambda run: 40.0)
