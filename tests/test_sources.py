import gzip
import hashlib

import numpy as np
import pytest
import torch
from serving import load_on_disk, served

import kdviz as kd
from kdviz.data import datasets, files, sources
from kdviz.runs import default_store


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
    vouch(raw, monkeypatch)
    return raw


def vouch(folder, monkeypatch):
    """Make the digests those of the files in ``folder``."""
    sums = {path.name: f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in folder.iterdir()}
    monkeypatch.setitem(files.UNPACKED, "mnist", sums)


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


def test_a_truncated_file_is_a_clear_error(small_mnist, monkeypatch):
    path = small_mnist / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-7])
    for name in ("mnist", "mnist_pairs"):
        with pytest.raises(ValueError, match="t10k-images-idx3-ubyte of mnist is truncated .* run `make data`"):
            kd.load(name)
    for content in (gzip.compress(b"not an IDX file"), b"\0\0\x08", b"", b"\0\0\x08\x01\0\0"):
        path.write_bytes(content)
        vouch(small_mnist, monkeypatch)
        with pytest.raises(ValueError, match="truncated or no IDX file"):
            kd.load("mnist")


def test_a_file_is_known_by_its_digest(small_mnist):
    """Whatever it holds instead: images of another data set, labels shifted by a row."""
    for part in ("train-images-idx3", "t10k-images-idx3", "train-labels-idx1", "t10k-labels-idx1"):
        path = small_mnist / f"{part}-ubyte"
        whole = path.read_bytes()
        path.write_bytes(whole[:16] + whole[-1:] + whole[16:-1] if "labels" in part else whole[:-1] + b"\0")
        with pytest.raises(ValueError, match=f"{part}-ubyte of mnist is truncated or altered: .* has another digest"):
            kd.load("mnist")
        path.write_bytes(whole)
    assert len(kd.load("mnist").train) == 8


def test_the_files_on_disk_are_the_ones_known():
    for name in ("mnist", "fashion_mnist"):
        assert len(load_on_disk(name).train) == 60_000  # digests are held against them
    assert not {*files.UNPACKED["mnist"].values()} & {*files.UNPACKED["fashion_mnist"].values()}


@pytest.mark.parametrize(
    ("file", "holds", "said"),
    [
        ("train-labels-idx1-ubyte", np.arange(7), r"images of shape \(8, 28, 28\) and labels of shape \(7,\)"),
        ("train-labels-idx1-ubyte", np.arange(8)[None], r"labels of shape \(1, 8\)"),
        ("train-images-idx3-ubyte", np.zeros((8, 784)), r"images of shape \(8, 784\) and labels of shape \(8,\)"),
        ("t10k-images-idx3-ubyte", np.zeros((4, 7, 112)), r"images of shape \(4, 7, 112\) and labels of shape \(4,\)"),
        ("t10k-labels-idx1-ubyte", np.arange(7, 11), "label 10, of 10 classes"),
    ],
)
def test_images_and_labels_belong_together(small_mnist, monkeypatch, file, holds, said):
    (small_mnist / file).write_bytes(idx(holds.astype(np.uint8)))
    vouch(small_mnist, monkeypatch)
    with pytest.raises(ValueError, match=f"^mnist has .*{said}: delete its files and run `make data`"):
        kd.load("mnist")


def test_a_home_folder_is_found_where_python_sets_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("KDVIZ_DATA", "~/x")
    monkeypatch.setenv("KDVIZ_STORE", "~/runs")
    assert sources.folder() == (tmp_path / "x").resolve() and default_store().folder == tmp_path / "runs"


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
