"""What goes on inside a teacher, copied: against plain loops, and an array against students alone."""

import math

import pytest
import torch

import kdviz as kd
from kdviz.objectives import Internal, cosine_terms, row_terms, soft_target_loss
from kdviz.training.fused_encoders import FusedEncoders

TOKENS, CLASSES, LOOK_UP = 7, 5, kd.load("lookup")
NET = kd.transformer(4, 8, 2, vocabulary=len(LOOK_UP.vocabulary))
TEACHER = kd.Recipe(LOOK_UP, NET, kd.HardLabels(), epochs=0.1, batch_size=32)


def drawn(described, tokens, seed=0):
    """A network whose every weight is drawn, and what it answers, in float64."""
    torch.manual_seed(seed)
    network = described.build((TOKENS,), CLASSES).double().eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    with torch.no_grad():
        return network, network(tokens)


def sentences(n=3):
    tokens = torch.randint(1, 20, (n, TOKENS), generator=torch.Generator().manual_seed(1))
    tokens[0, 4:] = tokens[1, 6:] = 0
    return tokens


def kl_of_rows(student, teacher, places):
    """A plain loop over examples, heads and rows that are there."""
    found = []
    for ours, theirs, there in zip(student.tolist(), teacher.tolist(), places.tolist(), strict=True):
        rows = [
            sum(t * math.log(t / s) for s, t in zip(ours[h][i], theirs[h][i], strict=True) if t > 0)
            for h in range(len(ours))
            for i in range(len(there))
            if there[i]
        ]
        found.append(sum(rows) / len(rows))
    return found


def cosine_loss(student, teacher, places):
    found = []
    for ours, theirs, there in zip(student.tolist(), teacher.tolist(), places.tolist(), strict=True):
        apart = []
        for a, b, counts in zip(ours, theirs, there, strict=True):
            if counts:
                product = sum(x * y for x, y in zip(a, b, strict=True))
                apart.append(1 - product / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b)))
        found.append(sum(apart) / len(apart))
    return found


@pytest.fixture(scope="module")
def pair():
    tokens = sentences()
    teacher = drawn(kd.transformer(4, 8, 2, vocabulary=20), tokens)[1]
    return tokens, drawn(kd.transformer(2, 8, 2, vocabulary=20), tokens, seed=1)[1], teacher


def test_rows_and_vectors_are_compared_as_a_plain_loop_does(pair):
    _, student, teacher = pair
    places = student["places"]
    assert places.sum(1).tolist() == [5, 7, 8]  # the learned vector's place, and the tokens
    rows = row_terms(student["attention 1"], teacher["attention 2"], places)
    assert rows.tolist() == pytest.approx(kl_of_rows(student["attention 1"], teacher["attention 2"], places), abs=1e-9)
    vectors = cosine_terms(student["hidden 2"], teacher["hidden 4"], places)
    assert vectors.tolist() == pytest.approx(cosine_loss(student["hidden 2"], teacher["hidden 4"], places), abs=1e-9)
    assert rows.min() > 0.01 and vectors.min() > 0.01


def test_padding_has_no_say(pair):
    _, student, teacher = pair
    places, rows, vectors = student["places"], student["attention 1"].clone(), student["hidden 2"].clone()
    before = row_terms(rows, teacher["attention 2"], places), cosine_terms(vectors, teacher["hidden 4"], places)
    rows[0, :, 5:], vectors[0, 5:] = rows[0, :, 5:].roll(1, -1), -vectors[0, 5:]
    after = row_terms(rows, teacher["attention 2"], places), cosine_terms(vectors, teacher["hidden 4"], places)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert row_terms(teacher["attention 2"], teacher["attention 2"], places).abs().max() < 1e-15


def test_the_loss_is_the_sum_of_its_parts(pair):
    _, student, teacher = pair
    objective = Internal(TEACHER, ((1, 2), (2, 4)), ("attention", "cls", "hidden"))
    outputs = {name: value[None] for name, value in student.items()}
    seen = {name: value[None] for name, value in (objective.seen(teacher) | {"logits": teacher["logits"]}).items()}
    labels, weights = torch.tensor([[1, 0, 4]]), {"hard_weight": 0.3, "soft_weight": 0.7, "internal_weight": 2.0}
    numbers = {
        name: torch.tensor([value], dtype=torch.float64) for name, value in (weights | {"temperature": 3.0}).items()
    }
    first = torch.tensor([[1.0] + 7 * [0.0]] * 3)
    apart = 0.0
    for ours, theirs in objective.layers:
        apart += sum(kl_of_rows(student[f"attention {ours}"], teacher[f"attention {theirs}"], student["places"])) / 3
        for places in (first, student["places"]):
            apart += sum(cosine_loss(student[f"hidden {ours}"], teacher[f"hidden {theirs}"], places)) / 3
    wanted = 0.3 * torch.nn.functional.cross_entropy(student["logits"], labels[0])
    wanted += 0.7 * soft_target_loss(student["logits"], teacher["logits"], 3.0) + 2 * apart / 2
    found = objective.losses(outputs, labels, seen, {}, **numbers)
    assert found.item() == pytest.approx(wanted.item(), abs=1e-9)


@pytest.mark.parametrize("pool", ["cls", "mean"])
def test_encoders_answer_together_as_each_alone(pool):
    described, tokens = kd.transformer(2, 8, 2, vocabulary=20, pool=pool, dropout=0.2), sentences(6).view(2, 3, -1)
    networks = [drawn(described, tokens[0], seed)[0] for seed in range(4)]
    fused = FusedEncoders(networks, torch.device("cpu"))
    together = fused(tokens.double())
    for student, network in enumerate(networks):
        alone = network(tokens[student // 2])
        assert alone.keys() == together.keys()
        for name, values in alone.items():
            torch.testing.assert_close(together[name][student], values, rtol=1e-10, atol=1e-10)
    assert not torch.equal(fused(tokens, training=True)["logits"], together["logits"])
    other = {name: weight + 1 for name, weight in fused.parameters.items()}
    assert not torch.allclose(fused(tokens, weights=other)["logits"], together["logits"])


def test_an_array_of_encoders_trains_as_each_alone(monkeypatch):
    objective = Internal(TEACHER, ((1, 2), (2, 4)), soft_weight=1, hard_weight=0.5)
    student = TEACHER.replace(model=kd.transformer(2, 8, 2, vocabulary=len(LOOK_UP.vocabulary)), objective=objective)
    recipes = kd.grid(student, seed=range(2), internal_weight=[0, 3])
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.warns(UserWarning, match="nothing is looked up or stored"):
            together = kd.train(recipes, device="cpu")
        for module in ("engines", "grouping"):
            monkeypatch.setattr(f"kdviz.training.{module}.fusable", lambda model: False)
        with pytest.warns(UserWarning, match="nothing is looked up or stored"):
            alone = kd.train(recipes, device="cpu")
    finally:
        torch.set_default_dtype(torch.float32)
    assert [run.facts["trained_together"] for run in (*together, *alone)] == 4 * [4] + 4 * [1]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one.arrays["test_logits"], other.arrays["test_logits"], rtol=0, atol=1e-9)


def test_layers_of_a_teacher_are_what_a_student_begins_as():
    net = kd.transformer(2, 8, 2, vocabulary=len(LOOK_UP.vocabulary))
    student = TEACHER.replace(model=net, init=TEACHER, init_layers=(4, 1), learning_rate=1e-30, weight_decay=0)
    teacher, run = kd.train([TEACHER, student], store=None, device="cpu")
    ours, theirs = run.network().state_dict(), teacher.network().state_dict()
    for name in ours:
        layer, rest = name.split(".")[:2], name.split(".", 2)[-1]
        name_there = f"layers.{(3, 0)[int(layer[1])]}.{rest}" if layer[0] == "layers" else name
        torch.testing.assert_close(ours[name], theirs[name_there], rtol=0, atol=1e-12)
    assert str(student).count("layers 4, 1") == 1 and student.key != student.replace(init_layers=(1, 4)).key
    assert kd.recipes.restored(kd.recipes.describe(student)) == student


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(init_layers=(2,)), "names one of init's 4 layers for each of the 2, not"),
        (dict(init_layers=(2, 5)), "names one of init's 4 layers for each of the 2, not"),
        (dict(init_layers=(0, 1)), "at least 1, not 0"),
        (dict(init=None, init_layers=(1, 2)), "give init, too"),
        (dict(model=kd.transformer(2, 16, 2, vocabulary=99), init_layers=(1, 2)), "with fewer layers"),
        (dict(model=kd.mlp(3), init_layers=(1, 2)), "that a transformer begins as"),
    ],
)
def test_layers_that_cannot_be_begun_as_are_refused(changed, message):
    net = kd.transformer(2, 8, 2, vocabulary=len(LOOK_UP.vocabulary))
    with pytest.raises(ValueError, match=message):
        TEACHER.replace(**(dict(model=net, init=TEACHER) | changed))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Internal(TEACHER, ()), "layers must be a list of"),
        (lambda: Internal(TEACHER, (1, 2)), "layers are pairs"),
        (lambda: Internal(TEACHER, ((1, 2),), ("map 1",)), "parts are some of attention, cls, hidden"),
        (lambda: Internal(TEACHER, ((1, 2),), internal_weight=0), "not all|both 0|must be at least 0"),
        (lambda: TEACHER.replace(objective=Internal(TEACHER, ((1, 5),))), "of the teacher .* has no layer"),
        (lambda: TEACHER.replace(objective=Internal(TEACHER, ((0, 1),))), "count from 1"),
        (
            lambda: kd.train(
                TEACHER.replace(
                    model=kd.transformer(2, 8, 4, vocabulary=len(LOOK_UP.vocabulary)),
                    objective=Internal(TEACHER, ((1, 2),)),
                ),
                store=None,
                device="cpu",
            ),
            "the same width and as many heads",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_mean_has_no_learned_vector():
    net = kd.transformer(2, 8, 2, vocabulary=len(LOOK_UP.vocabulary), pool="mean")
    with pytest.raises(ValueError, match="leave 'cls' out of parts"):
        TEACHER.replace(model=net, objective=Internal(TEACHER, ((1, 2),)))
