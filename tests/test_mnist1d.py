import os
import random
import tempfile

import numpy as np
import pytest
import torch

import kdviz as kd
from kdviz.data import datasets, load_described, mnist1d


@pytest.fixture(scope="module")
def made():
    """What the package makes, and whether the process's random numbers are what they were before."""
    random.seed(5)
    np.random.seed(5)
    expected = random.random(), np.random.rand()
    random.seed(5)
    np.random.seed(5)
    curves, labels = mnist1d._made()
    return curves, labels, (random.random(), np.random.rand()) == expected


@pytest.fixture
def calls(made, tmp_path, monkeypatch):
    """Empty folders of data and of temporary files, and the calls of the generator, which costs seconds: one."""
    pytest.importorskip("mnist1d")
    calls = []
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(mnist1d, "_made", lambda: calls.append("made") or made[:2])
    datasets._load.cache_clear()
    yield calls
    datasets._load.cache_clear()


def test_the_curves_are_the_known_ones_and_the_random_state_is_put_back(made):
    curves, labels, as_it_was = made
    assert as_it_was and mnist1d._digest(curves, labels) == mnist1d.KNOWN
    assert np.bincount(labels).tolist() == [4_800] * 10


def test_it_has_a_training_a_test_and_an_unlabelled_part(calls):
    data = kd.load("mnist1d")
    for part, n in ((data.train, 4_000), (data.test, 4_000), (data.full_unlabelled, 40_000)):
        assert part.inputs.shape == (n, 1, 40) and part.inputs.dtype == torch.float32 and len(part) == n
    assert abs(data.train.inputs.mean()) < 1e-4 and abs(data.train.inputs.std(correction=0) - 1) < 1e-4
    assert data.classes == tuple("0123456789") and data.train.labels.unique().tolist() == list(range(10))
    whole = torch.cat([part.inputs for part in (data.train, data.test, data.full_unlabelled)]).flatten(1)
    assert len(whole.unique(dim=0)) == 48_000


def test_it_is_made_once_then_read_and_made_again_where_the_file_is_damaged(calls, tmp_path):
    first = kd.load("mnist1d")
    datasets._load.cache_clear()
    assert torch.equal(kd.load("mnist1d").train.inputs, first.train.inputs) and calls == ["made"]
    path = tmp_path / "data" / "mnist1d" / "mnist1d.npz"
    assert path.stat().st_mode & 0o777 == 0o644 or os.name == "nt"
    whole = path.read_bytes()
    for damaged in (whole[:-1000], whole[:5000] + b"\x07\x07" + whole[5002:], b""):
        path.write_bytes(damaged)
        datasets._load.cache_clear()
        assert torch.equal(kd.load("mnist1d").train.inputs, first.train.inputs)
        assert path.read_bytes() == whole and [*path.parent.iterdir()] == [path]
    assert calls == ["made"] * 4


def test_where_no_data_can_be_written_it_is_kept_among_temporary_files(calls, tmp_path):
    (tmp_path / "data").write_text("a file where the folder would be")
    first = kd.load("mnist1d")
    datasets._load.cache_clear()
    assert torch.equal(kd.load("mnist1d").train.inputs, first.train.inputs) and calls == ["made"]
    assert [*tmp_path.rglob("*.npz")] == [tmp_path / "kdviz" / "mnist1d" / "mnist1d.npz"]


def test_where_nothing_can_be_written_it_is_made_each_time(calls, tmp_path):
    for place in ("data", "kdviz"):
        (tmp_path / place).write_text("a file where the folder would be")
    for times in (1, 2):
        datasets._load.cache_clear()
        assert len(kd.load("mnist1d").train) == 4_000 and calls == ["made"] * times


def test_other_curves_than_the_known_are_a_clear_error(calls, made, monkeypatch, tmp_path):
    monkeypatch.setattr(mnist1d, "_made", lambda: (made[0][::-1], made[1]))
    with pytest.raises(ValueError, match="the package mnist1d makes other curves here than are known"):
        kd.load("mnist1d")
    assert not [*tmp_path.iterdir()]


def test_unlabelled_inputs_become_the_training_set_and_the_test_stays(calls):
    data = kd.load("mnist1d")
    bare = data.unlabelled()
    assert bare.description.narrowed == (("unlabelled",),) and bare.description.unlabelled
    assert bare.train is bare.full_train is data.full_unlabelled and bare.test is data.test
    few = data.unlabelled(300, seed=2)
    assert few.full_train is data.full_unlabelled and len(few.train) == 300
    assert torch.equal(few.train.inputs, data.full_unlabelled.inputs[few.rows])
    assert torch.equal(load_described(few.description).rows, few.rows)
    assert not torch.equal(data.unlabelled(300, seed=3).rows, few.rows)
    held = data.split(500, seed=0)
    assert torch.equal(held.unlabelled().test.inputs, held.test.inputs) and len(held.unlabelled().test) == 500


def test_what_unlabelled_inputs_cannot_do_is_a_clear_error(calls, digits):
    data = kd.load("mnist1d")
    with pytest.raises(ValueError, match="digits has no inputs without labels"):
        digits.unlabelled()
    with pytest.raises(ValueError, match="only split comes before it, not without, take"):
        data.without(3).take(200, seed=0).unlabelled()
    for verb in (lambda bare: bare.without(3), lambda bare: bare.take(20, 0), lambda bare: bare.unlabelled()):
        with pytest.raises(ValueError, match="no .* after unlabelled"):
            verb(data.unlabelled())
    for n in (0, 40_001):
        with pytest.raises(ValueError, match=f"cannot draw {n} of 40000 examples without labels: ask for 1 to 40000"):
            data.unlabelled(n)
    with pytest.raises(ValueError, match="labels of mnist1d unlabelled do not belong to its inputs"):
        kd.Recipe(data.unlabelled(), kd.mlp(5), kd.HardLabels())


def test_a_recipe_of_unlabelled_inputs_is_found_again_by_its_description(calls):
    import json

    from kdviz.recipes import restored
    from kdviz.recipes.descriptions import describe

    data = kd.load("mnist1d")
    teacher = kd.Recipe(data, kd.mlp(5), kd.HardLabels())
    for narrowed in (data.unlabelled(), data.unlabelled(100, seed=1), data.split(500, seed=0).unlabelled()):
        recipe = kd.Recipe(narrowed, kd.mlp(5), kd.SoftTargets(teacher, temperature=1))
        assert restored(json.loads(json.dumps(describe(recipe)))) == recipe
