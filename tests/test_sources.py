import gzip
import hashlib

import numpy as np
import pytest
import torch
from serving import load_on_disk, served

import kdviz as kd
from kdviz.data import datasets, sources


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """A folder laid out as torchvision's, with twelve images in all."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, n in (("train", 8), ("t10k", 4)):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(np.full((n, 28, 28), 51, np.uint8)))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(n, dtype=np.uint8)))
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path))
    return raw


@pytest.fixture(params=["mnist", "mnist_pairs"])
def served_mnist(request, small_mnist, tmp_path, monkeypatch):
    for path in list(small_mnist.iterdir()):
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    contents = {file: (tmp_path / file).read_bytes() for file in sources.FILES["mnist"][2]}
    sums = {file: f"md5:{hashlib.md5(content).hexdigest()}" for file, content in contents.items()}
    with served(request.param, tmp_path, sums, monkeypatch, tmp_path / "target"):
        yield request.param, sums


def test_mnist_is_read_from_torchvisions_layout(small_mnist):
    mnist = kd.load("mnist")
    assert mnist.train.images.shape == (8, 1, 28, 28) and mnist.test.labels.tolist() == [0, 1, 2, 3]
    assert torch.allclose(mnist.train.images, torch.tensor(0.2))


def test_a_truncated_file_is_a_clear_error(small_mnist):
    path = small_mnist / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-7])
    for name in ("mnist", "mnist_pairs"):
        with pytest.raises(ValueError, match="t10k-images-idx3-ubyte of mnist is truncated .* run `make data`"):
            kd.load(name)
    path.write_bytes(gzip.compress(b"not an IDX file"))
    with pytest.raises(ValueError, match="truncated or no IDX file"):
        kd.load("mnist")


@pytest.mark.parametrize(
    ("name", "named"), [("mnist", "mnist"), ("mnist_pairs", "mnist"), ("fashion_mnist",) * 2, ("banking77",) * 2]
)
def test_missing_files_say_what_to_do_and_nothing_is_downloaded(name, named, tmp_path, monkeypatch):
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path))
    monkeypatch.setattr(sources, "download", lambda name: pytest.fail("downloaded without being asked"))
    assert not sources.on_disk(name)
    with pytest.raises(FileNotFoundError, match=f"^{named} is not on disk: `make data` or kd.load.* downloads it"):
        kd.load(name)


def test_what_comes_with_scikit_learn_is_always_there(tmp_path, monkeypatch):
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path))
    assert sources.on_disk("digits") and sources.on_disk("digits_pairs")
    assert len(kd.load("digits_pairs", download=True).train) == 20_000


def test_download_when_asked(served_mnist):
    name, _ = served_mnist
    assert len(kd.load(name, download=True).train) == {"mnist": 8, "mnist_pairs": 20_000}[name]
    assert sources.on_disk("mnist") and sources.on_disk("mnist_pairs")


def test_a_download_of_another_content_is_refused(served_mnist):
    name, sums = served_mnist
    sums["t10k-labels-idx1-ubyte.gz"] = "md5:" + "0" * 32
    with pytest.raises(OSError, match="could not download t10k-labels-idx1-ubyte.gz .* put it into .*, unpacked"):
        kd.load(name, download=True)
    assert not sources.on_disk("mnist") and not sources.on_disk("mnist_pairs")


def test_the_lane_is_chosen_by_the_environment_then_by_the_disk(small_mnist, monkeypatch, capsys, tmp_path):
    assert kd.lane() == "mnist" and capsys.readouterr().out == ""
    monkeypatch.setenv("KDVIZ_DATASET", "digits")
    assert kd.lane() == "digits" and "make data" in capsys.readouterr().out
    monkeypatch.delenv("KDVIZ_DATASET")
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path / "empty"))
    assert kd.lane() == "digits"


def test_a_relative_data_folder_is_read_from_the_repositorys_root(monkeypatch):
    monkeypatch.setenv("KDVIZ_DATA", "../elsewhere")
    assert sources.folder() == (sources.ROOT / "../elsewhere").resolve()
    assert (sources.ROOT / "pyproject.toml").exists()


@pytest.mark.parametrize("name", ["digits_pairs", "mnist_pairs"])
def test_a_pair_is_two_digits_of_its_own_part_side_by_side(name):
    pairs, base = load_on_disk(name), kd.load(name.removesuffix("_pairs"))
    size = base.train.images.shape[-1]
    for part, of, n in ((pairs.train, base.train, 20_000), (pairs.test, base.test, 2_000)):
        assert part.images.shape == (n, 1, size, 2 * size) and part.inputs.dtype == torch.float32
        assert part.images.min() == 0 and part.images.max() == 1 and part.labels.dtype == torch.int64
        known = {(image.tobytes(), label) for image, label in zip(of.inputs.numpy(), of.labels.tolist(), strict=True)}
        for half, digits in ((part.images[..., :size], part.labels // 10), (part.images[..., size:], part.labels % 10)):
            assert known.issuperset(zip(map(np.ndarray.tobytes, half.numpy()), digits.tolist(), strict=True))


@pytest.mark.parametrize("name", ["digits_pairs", "mnist_pairs"])
def test_all_hundred_classes_of_pairs_occur_and_carry_their_digits(name):
    pairs = load_on_disk(name)
    assert pairs.classes == tuple(f"{n:02d}" for n in range(100))
    assert pairs.train.labels.unique().tolist() == pairs.test.labels.unique().tolist() == list(range(100))
    without = pairs.without("07")
    assert without.description.missing == [7] and 7 not in without.train.labels and 7 in without.test.labels


def test_pairs_are_the_same_in_every_process_whatever_its_seeds(monkeypatch):
    first = kd.load("digits_pairs")
    np.random.seed(5)
    torch.manual_seed(5)
    again = datasets._load.__wrapped__("digits_pairs", sources.folder())
    assert again is not first and torch.equal(again.train.inputs, first.train.inputs)
    assert torch.equal(again.test.inputs, first.test.inputs) and torch.equal(again.test.labels, first.test.labels)
    assert first.train.labels[:8].tolist() == [79, 48, 47, 47, 37, 35, 96, 80]
    assert first.test.labels[:8].tolist() == [85, 61, 60, 79, 68, 60, 92, 91]


def test_a_data_set_is_read_once_a_process():
    assert kd.load("digits_pairs").full_train is kd.load("digits_pairs").full_train
