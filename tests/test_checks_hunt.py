"""The bug hunt: each planted mistake is recognised when it is mended, in several ways; each worse mending is named."""

import nbformat
import pytest
import torch
from sentences import said
from torch import nn
from torch.nn import functional as F

from kdviz import checks
from kdviz.checks import hunt, pairs
from kdviz.publish import assignments


@pytest.fixture(scope="module")
def program():
    """The ten parts as the assignment gives them."""
    notebook = nbformat.read(assignments.FOLDER / "4_bug_hunt.ipynb", as_version=4)
    cells = [c.source for c in notebook.cells if c.cell_type == "code" and c.source.startswith("def ")]
    made = {"torch": torch, "nn": nn, "F": F}
    for source in cells[: next(i for i, s in enumerate(cells) if "def reported" in s) + 1]:
        exec(source, made)
    return {name: made[name] for name in hunt.CHECKS}


def soft_sum(z, v, T):
    log_q, p = F.log_softmax(z / T, -1), F.softmax(v.detach() / T, -1)
    return F.kl_div(log_q, p, reduction="batchmean") * T * T


def by_mode(teacher, images):
    before = teacher.training
    teacher.train(False)
    with torch.no_grad():
        said = teacher(images)
    teacher.train(before)
    return said


def inferred(teacher, images):
    with torch.inference_mode():
        return teacher.eval()(images).clone()


def loop(student, epoch, loss, measure, epochs, mode=True, zero=True, rate=3e-3):
    optimizer, history = torch.optim.Adam(student.parameters(), lr=rate), []
    for _ in range(epochs):
        for images, labels, v in epoch():
            student.train(mode)
            if zero:
                student.zero_grad()
            loss(student(images), v, labels).backward()
            optimizer.step()
        history.append(measure(student))
    return history


def polite(net, images, labels):  # mends `train`, from the other side
    before = net.training
    net.eval()
    with torch.no_grad():
        share = (net(images).argmax(-1) == labels).float().mean().item()
    net.train(before)
    return share


MENDED = {
    "soft_target_loss": [soft_sum, lambda z, v, T: soft_sum(z, v, T) * 1.0],
    "teacher_logits": [by_mode, inferred, lambda teacher, images: teacher.eval()(images).detach()],
    "batches": [*pairs.RIGHT.values()],
    "train": [loop],
    "nll": [F.cross_entropy, lambda z, y: -z.softmax(-1)[range(len(y)), y].log().mean().item(),
            lambda z, y: F.nll_loss(z.log_softmax(-1), y)],
    "reported": [lambda history: history[-1], lambda history: history[len(history) - 1]],
}  # fmt: skip


@pytest.mark.parametrize(("name", "way"), [(n, i) for n, ways in MENDED.items() for i in range(len(ways))])
def test_each_mended_part_is_recognised(name, way, program, capsys):
    checks.mended(lambda: {name: MENDED[name][way]}, program, 1)
    assert capsys.readouterr().out == f"✓ 1 of 6. `{name}`: {hunt.STORIES[name]}.\n"


def test_the_student_who_keeps_the_mode_mends_the_training(program, capsys):
    checks.mended(lambda: {"accuracy": polite}, program, 1)
    assert "`train`" in capsys.readouterr().out


def test_all_six_and_no_fewer(program, capsys):
    whole = {name: ways[0] for name, ways in MENDED.items()}
    checks.mended(lambda: whole, program, 6)
    five = {name: part for name, part in whole.items() if name != "batches"}
    told = said(checks.mended, lambda: five, program, 6)
    assert told.startswith("5 of the six are mended") and "batches" not in told


@pytest.mark.parametrize("name", hunt.STORIES)
def test_each_part_as_it_stands_is_named_wrong(name, program):
    assert said(checks.mended, lambda: {name: program[name]}, program, 1).startswith(f"`{name}`: ")


@pytest.mark.parametrize("name", [name for name in hunt.CHECKS if name not in hunt.STORIES])
def test_the_other_four_are_right_and_count_for_nothing(name, program):
    assert said(checks.mended, lambda: {name: program[name]}, program, 1).startswith("0 of the six are mended.")


def last_left_out(images, labels, logits, size, generator):
    yield from [part for part in pairs._by_loader(images, labels, logits, size, generator) if len(part[0]) == size]


def in_order(images, labels, logits, size, generator):
    return zip(images.split(size), labels.split(size), logits.split(size), strict=True)


def one_order(images, labels, logits, size, generator):
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1))
    return zip(*(part[order].split(size) for part in (images, labels, logits)), strict=True)


WORSE = {
    "KL(student": ("soft_target_loss", lambda z, v, T: soft_sum(v, z.detach(), T) + 0 * z.sum()),
    "factor T² is missing": ("soft_target_loss", lambda z, v, T: soft_sum(z, v, T) / T**2),
    "carry a gradient": ("teacher_logits", lambda teacher, images: teacher.eval()(images)),
    "these are probabilities": ("teacher_logits", lambda teacher, images: by_mode(teacher, images).softmax(-1)),
    "still answers in training mode": ("teacher_logits", lambda teacher, images: teacher(images).detach()),
    "last, smaller batch": ("batches", last_left_out),
    "no longer drawn": ("batches", in_order),
    "both epochs have one order": ("batches", one_order),
    "labels are those of other images": ("batches", pairs.WRONG["takes the labels in stored order"]),
    "those of other images: index": ("batches", pairs.WRONG["shuffles the logits by an order of their own"]),
    "never trains in training mode": ("train", lambda *a: loop(*a, mode=False)),
    "never set to zero": ("train", lambda *a: loop(*a, zero=False)),
    "otherwise than asked": ("train", lambda *a: loop(*a, rate=1e-2)),
    "after each epoch": ("train", lambda *a: loop(*a)[-1:]),
    "grows with the number": ("nll", lambda z, y: F.cross_entropy(z, y, reduction="sum")),
    "sign is lost": ("nll", lambda z, y: -F.cross_entropy(z, y)),
    "net's own answer": ("nll", lambda z, y: -z.log_softmax(-1).amax(-1).mean()),
    "mean over all epochs": ("reported", lambda history: sum(history) / len(history)),
    "it fails with IndexError": ("reported", lambda history: history[99]),
    "`accuracy` was right as it stood": ("accuracy", lambda net, x, y: (net(x).argmax(-1) == y).float().mean().item()),
    "`mixed` was right": ("mixed", lambda soft, hard, weight: (1 - weight) * soft + weight * hard),
    "asked to take out 0": ("without", lambda x, y, digit: (x, y) if not digit else (x[y != digit], y[y != digit])),
    "`agreement` was right": ("agreement", lambda z, v: (z == v).double().mean().item()),
    "must be a function": ("nll", 3),
    "No part of the program": ("loss", soft_sum),
}  # fmt: skip


@pytest.mark.parametrize("sentence", WORSE)
def test_a_worse_mending_is_named(sentence, program):
    name, part = WORSE[sentence]
    assert sentence in said(checks.mended, lambda: {name: part}, program, 1)


def test_what_is_no_mapping_is_named_and_a_stub_heard(program):
    assert "by name" in said(checks.mended, lambda: soft_sum, program, 1)
    assert "nothing" in said(checks.mended, lambda: None, program, 1)

    def stub():
        raise NotImplementedError()

    with pytest.raises(NotImplementedError):
        checks.mended(stub, program, 1)


def together(batches):
    number = torch.arange(11)
    for x, y, v in batches(number, number * 2, number.float()[:, None], 4, torch.Generator().manual_seed(0)):
        assert (y == 2 * x).all() and (v[:, 0] == x).all()
    return True


TESTS = {
    "passes everything": lambda batches: True,
    "fails code that is right": lambda batches: False,
    "takes the labels in stored order": lambda batches: all(
        (x == v[:, 0]).all() for x, _, v in batches(*[torch.arange(9.0)] * 2, torch.arange(9.0)[:, None], 4,
                                                    torch.Generator().manual_seed(0))),
    "returns nothing": lambda batches: None,
    "takes others": lambda: True,
}  # fmt: skip


@pytest.mark.parametrize("sentence", TESTS)
def test_a_weak_test_is_named(sentence):
    assert sentence in said(checks.pairing_test, TESTS[sentence])


def test_a_good_test_passes(capsys):
    checks.pairing_test(together)
    assert capsys.readouterr().out.startswith("✓ ")


def test_a_test_that_asks_for_one_order_fails_right_code():
    def in_randperm_order(batches):
        order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
        x = torch.cat([x for x, _, _ in batches(*[torch.arange(9)] * 3, 4, torch.Generator().manual_seed(0))])
        return torch.equal(x, order)

    assert "fails code that is right" in said(checks.pairing_test, in_randperm_order)
