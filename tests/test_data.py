import functools
import gzip
import hashlib
import http.server
import threading

import numpy as np
import pytest
import torch

import kdviz as kd
from kdviz import sources
from kdviz.data import load_described


def test_digits_have_the_promised_shapes_and_one_fixed_split(digits):
    assert digits.train.inputs.shape == (1000, 1, 8, 8) and digits.test.images.shape == (797, 1, 8, 8)
    assert digits.train.inputs.dtype == torch.float32 and digits.train.labels.dtype == torch.int64
    assert digits.train.images.min() == 0 and digits.train.images.max() == 1
    whole = torch.bincount(torch.cat([digits.train.labels, digits.test.labels]))
    assert ((torch.bincount(digits.train.labels) / whole - 1000 / 1797).abs() < 0.01).all()


def test_the_omitted_class_is_in_no_training_tensor(digits):
    without = digits.without(3)
    assert 3 not in without.train.labels and len(without.train) == (digits.train.labels != 3).sum()
    assert torch.equal(without.train.inputs, digits.train.inputs[digits.train.labels != 3])
    assert torch.equal(without.train.index, (digits.train.labels != 3).nonzero().squeeze(1))
    assert (without.test.labels == 3).sum() == (digits.test.labels == 3).sum()
    assert without.description.missing == [3]


def test_only_keeps_what_it_says(digits):
    only = digits.only([7, "8"])
    assert set(only.train.labels.tolist()) == {7, 8}
    assert only.description.missing == [0, 1, 2, 3, 4, 5, 6, 9]


def test_split_holds_out_of_training_and_take_keeps_the_test_set(digits):
    held = digits.split(200, seed=0)
    assert len(held.train) == 800 and len(held.test) == 200
    assert not set(held.train.index.tolist()) & set(held.test.index.tolist())
    assert torch.bincount(held.test.labels).min() >= 18
    few = digits.take(50, seed=1)
    assert len(few.train) == 50 and torch.equal(few.test.labels, digits.test.labels)
    assert torch.equal(few.train.index, digits.take(50, seed=1).train.index)
    assert not torch.equal(few.train.index, digits.take(50, seed=2).train.index)


def test_a_description_finds_the_same_tensors_again(digits):
    narrowed = digits.without(3).take(100, seed=4)
    again = load_described(narrowed.description)
    assert torch.equal(again.train.index, narrowed.train.index)
    assert torch.equal(again.train.inputs, narrowed.train.inputs)


@pytest.mark.parametrize("classes", [10, -1, "three", [3, 11], []])
def test_a_class_that_does_not_exist_is_a_clear_error(digits, classes):
    with pytest.raises(ValueError, match="no class .* in digits: give one or several of"):
        digits.without(classes)


def test_a_part_is_held_out_before_classes_are_left_out(digits):
    assert 3 in digits.split(200, seed=0).without(3).test.labels
    with pytest.raises(ValueError, match="split first"):
        digits.without(3).split(200, seed=0)


def test_an_empty_training_set_and_an_impossible_draw_are_clear_errors(digits):
    with pytest.raises(ValueError, match="leaves no training example"):
        digits.without(3).only(3)
    with pytest.raises(ValueError, match="cannot draw 5 of 1000 examples: ask for 10 to 990"):
        digits.take(5, seed=0)


def test_an_unknown_data_set_names_the_known_ones():
    with pytest.raises(ValueError, match="unknown data set 'cifar': choose one of digits, mnist"):
        kd.load("cifar")


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


def test_mnist_is_read_from_torchvisions_layout(small_mnist):
    mnist = kd.load("mnist")
    assert mnist.train.images.shape == (8, 1, 28, 28) and mnist.test.labels.tolist() == [0, 1, 2, 3]
    assert torch.allclose(mnist.train.images, torch.tensor(0.2))


def test_a_truncated_file_is_a_clear_error(small_mnist):
    path = small_mnist / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match="t10k-images-idx3-ubyte of mnist is truncated .* run `make data`"):
        kd.load("mnist")
    path.write_bytes(gzip.compress(b"not an IDX file"))
    with pytest.raises(ValueError, match="truncated or no IDX file"):
        kd.load("mnist")


def test_missing_files_say_what_to_do_and_nothing_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path))
    monkeypatch.setattr(sources, "download", lambda name: pytest.fail("downloaded without being asked"))
    with pytest.raises(FileNotFoundError, match="mnist is not on disk: `make data` downloads it"):
        kd.load("mnist")


@pytest.fixture
def served(small_mnist, tmp_path, monkeypatch):
    """The small files on a loopback server, as `.gz`, and an empty folder to download them into."""
    for path in list(small_mnist.iterdir()):
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place, _, files = sources.IDX["mnist"]
        sums = {name: hashlib.md5((tmp_path / f"{name}.gz").read_bytes()).hexdigest() for name in files}
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setitem(sources.IDX, "mnist", (place, address, sums))
        monkeypatch.setenv("KDVIZ_DATA", str(tmp_path / "target"))
        yield sums
        server.shutdown()


def test_download_when_asked(served):
    assert len(kd.load("mnist", download=True).train) == 8


def test_a_download_of_another_content_is_refused(served):
    served["t10k-labels-idx1-ubyte"] = "0" * 32
    with pytest.raises(OSError, match="could not download t10k-labels-idx1-ubyte.gz .* put it into"):
        kd.load("mnist", download=True)
    assert not sources.on_disk("mnist")


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


def test_jitter_shifts_each_image_by_its_own_whole_pixels():
    image = torch.zeros(64, 1, 8, 8)
    image[:, :, 4, 4] = 1
    jitter = kd.Jitter(2)
    moved = jitter(image, jitter.draw(64, torch.Generator().manual_seed(0)))
    places = moved.flatten(1).argmax(-1)
    rows, columns = places // 8, places % 8
    assert moved.shape == image.shape and (moved.sum((1, 2, 3)) == 1).all()
    assert set(rows.tolist()) == set(columns.tolist()) == {2, 3, 4, 5, 6}
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) > 10


def test_labels_are_shuffled_among_the_training_examples_alone(digits):
    few = digits.take(100, seed=0)
    shuffled = few.shuffle_labels(1)
    assert torch.equal(shuffled.train.inputs, few.train.inputs) and torch.equal(
        shuffled.test.labels, digits.test.labels
    )
    assert torch.equal(torch.bincount(shuffled.train.labels), torch.bincount(few.train.labels))
    assert (shuffled.train.labels == few.train.labels).double().mean() < 0.3
    assert torch.equal(load_described(shuffled.description).train.labels, shuffled.train.labels)
    untouched = torch.ones(1000, dtype=torch.bool)
    untouched[few.rows] = False
    assert torch.equal(shuffled.full_train.labels[untouched], digits.train.labels[untouched])


def test_inputs_are_replaced_in_training_and_not_in_the_test(digits):
    noise = digits.replace_inputs("noise")
    assert noise.train.inputs.shape == digits.train.inputs.shape and 0.49 < noise.train.inputs.mean() < 0.51
    assert torch.equal(noise.test.inputs, digits.test.inputs) and noise.description.unlabelled
    assert torch.equal(load_described(noise.description).train.inputs, noise.train.inputs)
    held = digits.split(200, seed=0)
    assert torch.equal(held.replace_inputs("noise").test.inputs, held.test.inputs)
    with pytest.raises(ValueError, match="split first"):
        noise.split(200, seed=0)
    with pytest.raises(ValueError, match="unknown data set 'static'"):
        digits.replace_inputs("static")


def test_inputs_of_another_shape_are_a_clear_error(digits, monkeypatch):
    wide = digits.full_train.inputs.new_zeros(1000, 1, 9, 9)
    other = type(digits)(
        digits.description,
        type(digits.train)(wide, digits.train.labels, digits.train.index),
        digits.full_test,
        digits.rows,
    )
    monkeypatch.setattr("kdviz.data.load", lambda name: other)
    with pytest.raises(
        ValueError, match=r"mnist has images of shape \(1000, 1, 9, 9\): digits needs \(1000, 1, 8, 8\)"
    ):
        digits.replace_inputs("mnist")
