"""The checks of assignments 5 to 8: right answers written several ways pass, every known mistake is named."""

import numpy as np
import pytest
import torch
from scipy import stats
from sentences import said
from torch.nn import functional as F

import kdviz as kd
from kdviz import checks, measures
from kdviz.checks import choosing, invented, prediction, reading

TEN = [0.7, 0.4, 0.8, 0.6, 0.3, 0.3, 0.7, 0.5, 0.6, 0.3]


def ranks(values):
    return [sorted(values).index(v) for v in values]


def pearson(x, y):
    return np.corrcoef(x, y)[0, 1]


def scores(z, y):
    p = F.softmax(z, dim=-1)
    return (z.argmax(-1) != y).float().mean(), F.cross_entropy(z, y), -(p * p.log()).sum(-1).mean()


def interval(a, b):
    d = np.array(a) - np.array(b)
    return d.mean(), d.std(ddof=1) / np.sqrt(len(d)) * stats.t(len(d) - 1).ppf(0.975)


def interval_of_stats(a, b):
    d = [x - y for x, y in zip(a, b, strict=True)]
    low, high = stats.t.interval(0.95, len(d) - 1, loc=np.mean(d), scale=stats.sem(d))
    return sum(d) / len(d), (high - low) / 2


def paper(z, v, y, T, soft, hard):
    kl = F.kl_div((z / T).log_softmax(1), (v / T).softmax(1), reduction="batchmean")
    return soft * T * T * kl + hard * F.nll_loss(z.log_softmax(1), y)


def paper_ce(z, v, y, T, soft, hard):
    return soft * T**2 * F.cross_entropy(z / T, (v / T).softmax(1)) + hard * F.cross_entropy(z, y)


def ties(z, y):
    hot = F.one_hot(y, z.shape[-1]).to(z)
    return np.corrcoef(z.numpy(), rowvar=False), (hot.T @ z) / hot.sum(0)[:, None]


LOSS = {name: answer for name, (answer, _) in reading.LOSS_ROWS.items()}
TIES = {name: answer for name, (answer, _) in reading.TIE_ROWS.items()}
RIGHT = [
    (checks.recorded, lambda: TEN), (checks.recorded, lambda: tuple(TEN)), (checks.recorded, lambda: np.array(TEN)),
    (checks.recorded, lambda: dict(enumerate(TEN, 1))), (checks.recorded, lambda: torch.tensor(TEN)),
    (checks.brier, lambda p, o: np.mean((np.array(p) - o) ** 2)),
    (checks.brier, lambda p, o: F.mse_loss(torch.tensor(p), torch.tensor(o).float())),
    (checks.brier, lambda p, o: sum((1 - a) ** 2 if b else a**2 for a, b in zip(p, o, strict=True)) / len(p)),
    (checks.expected_brier, lambda p: np.mean([a * (1 - a) for a in p])),
    (checks.expected_brier, lambda p: sum(a * (1 - a) ** 2 + (1 - a) * a**2 for a in p) / len(p)),
    (checks.teacher_scores, scores),
    (checks.teacher_scores, lambda z, y: (1 - measures.accuracy(z, y), measures.nll(z, y),
                                          torch.distributions.Categorical(logits=z).entropy().mean())),
    (checks.rank_correlation, lambda x, y: stats.spearmanr(x, y).statistic),
    (checks.rank_correlation, lambda x, y: pearson(ranks(x), ranks(y))),
    (checks.rank_correlation, lambda x, y: 1 - 6 * sum(
        (a - b) ** 2 for a, b in zip(ranks(x), ranks(y), strict=True)) / (len(x) ** 3 - len(x))),
    (checks.pick, lambda held, test: (name := sorted(held, key=lambda n: held[n])[0], test[name])),
    (checks.pick, lambda held, test: [min(held, key=held.get), torch.tensor(test[min(held, key=held.get)])]),
    (checks.paired_difference, interval), (checks.paired_difference, interval_of_stats),
    (checks.paper_loss, paper), (checks.paper_loss, paper_ce),
    (checks.given_weight, lambda s, h, c: 1 / (1 + h / (c * s))),
    (checks.given_weight, lambda s, h, c: s / (s + h / c)),
    (checks.two_ties, ties), (checks.two_ties, lambda z, y: (measures.logit_correlation(z), torch.stack(
        [z[y == k].mean(0) for k in range(z.shape[1])]))),
]  # fmt: skip


@pytest.mark.parametrize(("check", "right"), RIGHT)
def test_right_answers_written_several_ways_pass(check, right, capsys):
    check(right)
    assert capsys.readouterr().out.startswith("✓ ")


LISTS = [
    (checks.brier, prediction.BRIERS), (checks.expected_brier, prediction.EXPECTED),
    (checks.teacher_scores, choosing.SCORES), (checks.rank_correlation, choosing.RANKS),
    (checks.pick, list(choosing.PICKS.items())), (checks.paired_difference, invented.PAIRED),
    (checks.paper_loss, reading.LOSSES), (checks.given_weight, reading.ALPHAS), (checks.two_ties, reading.TIES),
]  # fmt: skip
NAMED = [(check, sentence, wrong) for check, some in LISTS for sentence, wrong in some if " And: " not in sentence]


@pytest.mark.parametrize(("check", "sentence", "wrong"), NAMED, ids=[f"{c.__name__}-{s[:30]}" for c, s, _ in NAMED])
def test_every_single_mistake_is_named_by_its_own_sentence(check, sentence, wrong):
    if check is checks.paper_loss and sentence == "Your soft term is the cross entropy.":
        check(wrong)  # the paper's own form: it passes
    else:
        assert said(check, wrong) == sentence


# As students write them, beside the lists' own.
WRITTEN = {
    "twice too large: you sum over true": (checks.brier, lambda p, o: np.mean(
        [(a - b) ** 2 + ((1 - a) - (1 - b)) ** 2 for a, b in zip(p, o, strict=True)])),
    "argsort gives the *order*": (checks.rank_correlation, lambda x, y: pearson(np.argsort(x), np.argsort(y))),
    "Your NLL averages over all labels": (checks.teacher_scores, lambda z, y: (
        scores(z, y)[0], -z.log_softmax(-1)[..., y].mean(), scores(z, y)[2])),
    "softmax is taken twice": (checks.teacher_scores, lambda z, y: (
        scores(z, y)[0], F.cross_entropy(z.softmax(-1), y), scores(z, y)[2])),
    "nothing in common": (checks.paired_difference, lambda a, b: (
        np.mean(a) - np.mean(b), stats.ttest_ind(a, b).confidence_interval().high - (np.mean(a) - np.mean(b)))),
    "average over the classes as well": (checks.paper_loss, lambda z, v, y, T, s, h: s * T * T * F.kl_div(
        (z / T).log_softmax(1), (v / T).softmax(1), reduction="none").mean() + h * F.cross_entropy(z, y)),
    "none of the mistakes we know": (checks.given_weight, lambda s, h, c: 0.9),
    "a tuple of 2": (checks.two_ties, lambda z, y: "both"),
}  # fmt: skip


@pytest.mark.parametrize("sentence", WRITTEN)
def test_mistakes_as_students_write_them(sentence):
    assert sentence in said(*WRITTEN[sentence])


RECORDS = {
    "returns nothing": lambda: None, "list of 10": lambda: TEN[:9], "write 0.7": lambda: [70] * 10,
    "True and False are answers": lambda: [True] * 10, "says nothing": lambda: [0.5] * 10,
    "sure of all ten": lambda: [0, 1] * 5, "or no number": lambda: [-0.1, *TEN[1:]],
    "not a word": lambda: ["high"] * 10,
    "The statements have the numbers": lambda: dict(enumerate(TEN)),
}  # fmt: skip


@pytest.mark.parametrize("sentence", RECORDS)
def test_what_is_no_record_is_named(sentence):
    assert sentence in said(checks.recorded, RECORDS[sentence])


def test_a_seal_fits_its_predictions_and_no_others(capsys):
    seal = prediction.seal(TEN)
    assert seal != prediction.seal([*TEN[:9], 0.31])
    checks.sealed(lambda: f" {seal.upper()} ", lambda: np.array(TEN))
    assert "is not that of your predictions" in said(checks.sealed, lambda: seal, lambda: [*TEN[:9], 0.31])
    assert "a string" in said(checks.sealed, lambda: 3, lambda: TEN)


def test_a_guess():
    checks.one_of(lambda: "a", ["a", "b"])
    assert "one of 'a', 'b'" in said(checks.one_of, lambda: "c", ["a", "b"])
    assert "a teacher's name and a number" in said(checks.pick, lambda held, test: min(held, key=held.get))
    assert "must be a number" in said(checks.pick, lambda held, test: ("a", "small"))


def match(z, v):
    return (v.softmax(-1) * (v.log_softmax(-1) - z.log_softmax(-1))).sum(-1)


OWN = [
    lambda student, teacher, labels, share=0.3: (
        match(student["logits"], teacher["logits"]) + share * match(student["logits"] / 4, teacher["logits"] / 4)
    ).mean(),
    lambda student, teacher, strength=2.0: (
        teacher["logits"].softmax(-1).amax(-1) * match(student["logits"], teacher["logits"])
    ).mean(),
    lambda student, teacher, labels, weight=0.1: (
        match(student["logits"], teacher["logits"]).mean() + weight * F.cross_entropy(student["logits"], labels)
    ),
    lambda student, teacher: (student["logits"].diff(dim=-1) - teacher["logits"].diff(dim=-1)).abs().mean(),
]


@pytest.mark.parametrize("loss", OWN)
def test_losses_of_ones_own_pass(loss, capsys):
    checks.own_loss(loss)
    assert capsys.readouterr().out.startswith("✓ ")


BAD = {
    "returns nothing": lambda student, teacher, labels: None,
    "a tensor, through which": lambda student, teacher, labels: 1.0,
    "take its mean": lambda student, teacher, labels: match(student["logits"], teacher["logits"]),
    "carries no gradient": lambda student, teacher, labels: match(
        student["logits"].detach(), teacher["logits"]).mean(),
    "0 everywhere": lambda student, teacher, labels: (
        student["logits"] * 0 + teacher["logits"].argmax(-1, keepdim=True)).mean(),
    "does not change when the teacher": lambda student, teacher, labels: F.cross_entropy(student["logits"], labels),
    "order of the examples": lambda student, teacher, labels: (
        match(student["logits"], teacher["logits"]) * torch.arange(len(labels))).mean(),
    "average over them": lambda student, teacher, labels, a=1.0: match(student["logits"], teacher["logits"]).sum(),
    "small step against": lambda student, teacher, labels: (
        match(student["logits"], teacher["logits"]).mean() - 2 * match(
            student["logits"].detach(), teacher["logits"]).mean()) if student["logits"].requires_grad else -match(
                student["logits"], teacher["logits"]).mean(),
    "large logits": lambda student, teacher, labels: (teacher["logits"].softmax(-1) * (
        teacher["logits"].softmax(-1).log() - student["logits"].softmax(-1).log())).sum(-1).mean(),
    "KL(teacher ‖ student) at T = 4": lambda student, teacher, labels: kd.objectives.soft_target_loss(
        student["logits"], teacher["logits"], 4.0),
    "squared difference of logits": lambda student, teacher: F.mse_loss(student["logits"], teacher["logits"]),
    "kd.objective cannot take it": lambda student, teacher, strength: 0,
    "does not ask the teacher": lambda student, labels: F.cross_entropy(student["logits"], labels),
}  # fmt: skip


@pytest.mark.parametrize("sentence", BAD)
def test_losses_that_are_none_are_named(sentence):
    assert sentence in said(checks.own_loss, BAD[sentence])


def test_a_fair_rival():
    digits = kd.load("digits")
    teacher = kd.Recipe(digits, kd.mlp(20), kd.HardLabels())
    own = kd.objective(lambda student, teacher, a=1.0: match(student["logits"], teacher["logits"]).mean())

    def mine(seed, **said):
        return kd.Recipe(digits, kd.mlp(8), own(teacher), epochs=3, seed=seed).replace(**said)

    def rival(seed, **said):
        return mine(seed).replace(objective=kd.SoftTargets(teacher, temperature=2), **said)

    checks.fair_rival(mine, rival, teacher)
    wrong = {
        "pass `seed` on": (mine, lambda seed: rival(0)),
        "differ in more than their objective: epochs": (mine, lambda seed: rival(seed, epochs=4)),
        "the data are whole": (lambda seed: mine(seed, data=digits.split(100, seed=0)), rival),
        "must learn from your loss": (rival, rival),
        "labels alone are on the card": (mine, lambda seed: mine(seed, objective=kd.HardLabels())),
        "that the notebook defines": (mine, lambda seed: rival(seed).replace(
            objective=kd.SoftTargets(teacher.replace(seed=5), temperature=2))),
        "a kd.Recipe": (lambda seed: None, rival),
    }  # fmt: skip
    for sentence, pair in wrong.items():
        assert sentence in said(checks.fair_rival, *pair, teacher)


def test_a_search_is_as_long_for_the_rival():
    checks.tried(lambda: {"mine": {1: 0.5}, "rival": {1: 0.4, 2: 0.6}})
    wrong = {
        "'rival': …": {"mine": {1: 0.5}}, "not tuned at all": {"mine": {1: 0.5}, "rival": {1: 0.5}},
        "tuned more often wins": {"mine": dict.fromkeys("abc", 0.5), "rival": {1: 0.5, 2: 0.5}},
        "shares between 0 and 1": {"mine": {1: 95.0}, "rival": {1: 0.5, 2: 0.5}},
        "a mapping of each setting": {"mine": [0.5], "rival": {1: 0.5, 2: 0.5}},
    }  # fmt: skip
    for sentence, given in wrong.items():
        assert sentence in said(checks.tried, lambda given=given: given)


def test_the_tables_name_the_row_that_is_wrong(capsys):
    checks.loss_table(lambda: LOSS, 7)
    checks.ties_table(lambda: {name: list(pair) for name, pair in TIES.items()}, 6)
    checks.loss_table(lambda: dict([*LOSS.items()][:4]) | {"soft term, code / paper": None}, 4)
    assert capsys.readouterr().out.count("✓") == 3
    for name, right in LOSS.items():
        wrong = 10 if isinstance(right, float) else "student first"
        told = said(checks.loss_table, lambda name=name, wrong=wrong: LOSS | {name: wrong}, 7)
        assert told.startswith(f"{name!r}: {wrong!r} is not right")
    for name, (first, second) in TIES.items():
        assert f"{name!r}: " in said(checks.ties_table, lambda n=name, a=first, b=second: TIES | {n: (a, not b)}, 6)
    for value, why in {9: "what the author meant", 0.09: "labels have 0.1"}.items():
        row = {"teacher's weight / labels' weight": value}
        assert why in said(checks.loss_table, lambda row=row: LOSS | row, 7)
    assert "Still empty: 'direction'" in said(checks.loss_table, lambda: {n: LOSS[n] for n in [*LOSS][1:]}, 7)
    assert "No row is called" in said(checks.loss_table, lambda: {"T": 4}, 1)
    assert "nothing" in said(checks.ties_table, lambda: None, 1)


def test_the_tables_say_what_the_code_does():
    """The right answers, measured."""
    z, v = torch.randn(2, 40, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    code = F.kl_div((z / 4).log_softmax(1), (v / 4).softmax(1), reduction="none").mean() * 16
    assert code / kd.objectives.soft_target_loss(z, v, 4.0) == pytest.approx(LOSS["soft term, code / paper"])
    y = torch.arange(40) % 10
    tables = [
        [*reading._ties(x, y)] for x in (z, 2 * z, z + 5 * F.one_hot(torch.tensor(3), 10), z + torch.randn(40, 1))
    ]
    names = ["doubled", "one class", "of its own"]
    for name, other in zip(names, tables[1:], strict=True):
        (row,) = [row for row in TIES if name in row]
        assert TIES[row] == tuple(torch.allclose(a, b) for a, b in zip(tables[0], other, strict=True))
    assert TIES["symmetric"] == tuple(torch.allclose(table, table.T) for table in tables[0])


def test_a_stub_is_heard_as_it_is():
    def untouched(*arguments):
        raise NotImplementedError()

    for check in (checks.brier, checks.expected_brier, checks.pick, checks.two_ties, checks.paired_difference):
        with pytest.raises(NotImplementedError):
            check(untouched)
