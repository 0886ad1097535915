"""The papers' own settings run, on a thousand synthetic images, two epochs and small nets."""

import importlib.util

import pytest
import torch

import kdviz as kd
from kdviz.data.sources import ROOT


def example(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def thousand():
    """Images whose brightest corner says the class, nearly."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(1000) % 10
    images = torch.randint(0, 120, (1000, 3, 16, 16), generator=random, dtype=torch.uint8)
    for label in range(10):
        images[labels == label, label % 3, label // 3 * 4 : label // 3 * 4 + 4] += 100
    return kd.data_of(train=(images[:800], labels[:800]), test=(images[800:], labels[800:]))


def test_stantons_setting(thousand):
    table = example("stanton_cifar100").main(thousand, depth=8, teacher_epochs=2, epochs=2, seeds=range(2), store=None)
    assert len(table) == 4 and {*table.who} == {"student", "another teacher"}
    assert table.agreement.between(0, 1).all() and (table.KL >= 0).all()


def test_crds_setting(thousand):
    main = example("crd_cifar100").main
    table = main(thousand, (8, 8), epochs=2, milestones=(1,), negatives=32, seeds=range(1), store=None)
    assert [*table.method] == ["teacher", "labels", "soft targets", "CRD"]
    assert table.accuracy.between(0, 100).all()


@pytest.mark.parametrize("name", ["stanton_cifar100", "crd_cifar100"])
def test_they_are_short(name):
    lines = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 45 and sum(bool(line.strip()) for line in lines) < 40
