import matplotlib

matplotlib.use("agg")

import pytest
import torch

import kdviz as kd


@pytest.fixture(autouse=True)
def tidy(monkeypatch):
    """One thread, no lane from outside, and neither a figure nor a style left from another test."""
    import matplotlib.pyplot as plt

    for name in ("KDVIZ_DATASET", "KDVIZ_TRAIN", "KDVIZ_STORE", "KDVIZ_STATIC"):
        monkeypatch.delenv(name, raising=False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    matplotlib.rcdefaults()
    yield
    torch.set_num_threads(threads)
    plt.close("all")


@pytest.fixture
def digits():
    return kd.load("digits")


@pytest.fixture
def store(tmp_path):
    return kd.Store(tmp_path / "store")


@pytest.fixture
def teacher(digits):
    return kd.Recipe(digits, kd.mlp(12), kd.HardLabels(), epochs=1)


@pytest.fixture
def student(digits, teacher):
    return kd.Recipe(digits, kd.mlp(8), kd.SoftTargets(teacher, temperature=2), epochs=1)


@pytest.fixture
def one_array(monkeypatch):
    """Train recipes as a single array, convolutional ones too."""
    from kdviz.training import grouping

    def train(recipes):
        with monkeypatch.context() as patch:
            patch.setattr(grouping, "most_at_once", lambda recipe, wanted, device: wanted)
            runs = kd.train(recipes, store=None)
        assert {run.facts["trained_together"] for run in runs} == {len(recipes)}
        return runs

    return train


@pytest.fixture
def double():
    """Everything in float64, as a comparison at 1e-9 needs it."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def big(digits):
    """A convolutional teacher with layers to look into."""
    return kd.Recipe(digits, kd.cnn(4, 6, hidden=(12,)), kd.HardLabels(), epochs=2)


@pytest.fixture
def small(digits):
    """A student with layers of other sizes."""
    return kd.Recipe(digits, kd.cnn(2, 3), kd.HardLabels(), epochs=2)
