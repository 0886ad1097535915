import functools
import gzip
import hashlib
import http.server
import io
import pickle
import subprocess
import sys
import tarfile
import threading

import numpy as np
import pytest
import scipy.io
import torch
from torchvision import datasets as theirs

import kdviz as kd
from kdviz.data import datasets, names, sources, vision

RANDOM = np.random.RandomState(0)


def md5(content):
    return hashlib.md5(content).hexdigest()


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def images(n, *shape):
    return RANDOM.randint(256, size=(n, *shape)).astype(np.uint8)


def old_pickle(array, labels, key):
    """A batch as Python 2 pickled it: NumPy warns of how its dtype was written."""
    entry = (
        b"(dS'data'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I%d\nI3072\nt"
        % len(array)
    )
    entry += (
        b"cnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS" + repr(array.tobytes())[1:].encode()
    )
    listed = b"".join(b"I%d\na" % label for label in labels)
    return entry + b"\ntbsS'" + key.encode() + b"'\n(l" + listed + b"s."


def write_cifar(name, root, patch):
    kind, key = (theirs.CIFAR10, "labels") if name == "cifar10" else (theirs.CIFAR100, "fine_labels")
    folder, known = root / kind.base_folder, {}
    folder.mkdir()
    lists = {}
    for which in ("train_list", "test_list"):
        lists[which] = []
        for file, _ in getattr(kind, which):
            known[file] = images(3, 3, 32, 32), RANDOM.randint(10, size=3).tolist()
            content = old_pickle(known[file][0].reshape(3, -1), known[file][1], key)
            (folder / file).write_bytes(content)
            lists[which].append([file, md5(content)])
        patch.setattr(kind, which, lists[which])
    called = [label.replace(" ", "_") for label in names.CLASSES[name]]
    content = pickle.dumps({kind.meta["key"]: called}, protocol=2)
    (folder / kind.meta["filename"]).write_bytes(content)
    patch.setattr(kind, "meta", kind.meta | {"md5": md5(content)})
    parts = [[known[file] for file, _ in lists[which]] for which in ("train_list", "test_list")]
    return [(np.concatenate([x for x, _ in part]), [label for _, labels in part for label in labels]) for part in parts]


def write_idx(name, root, patch):
    place, parts, classes = {
        "kmnist": ("KMNIST/raw", ("train", "t10k"), 10),
        "emnist": ("EMNIST/raw", ("emnist-balanced-train", "emnist-balanced-test"), 47),
    }[name]
    (root / place).mkdir(parents=True)
    told = []
    for part, n in zip(parts, (60, 50), strict=True):
        x, y = images(n, 28, 28), (np.arange(n) % classes).astype(np.uint8)
        (root / place / f"{part}-images-idx3-ubyte").write_bytes(idx(x))
        (root / place / f"{part}-labels-idx1-ubyte").write_bytes(idx(y))
        told.append(((x.transpose(0, 2, 1) if name == "emnist" else x)[:, None], y.tolist()))
    return told


def write_svhn(name, root, patch):
    told, listed = [], dict(theirs.SVHN.split_list)
    for part, n in (("train", 11), ("test", 12)):
        x, y = images(n, 3, 32, 32), np.arange(n) % 10
        file = io.BytesIO()
        scipy.io.savemat(file, {"X": x.transpose(2, 3, 1, 0), "y": np.where(y == 0, 10, y)[:, None].astype(np.uint8)})
        (root / f"{part}_32x32.mat").write_bytes(file.getvalue())
        listed[part] = [listed[part][0], listed[part][1], md5(file.getvalue())]
        told.append((x, y.tolist()))
    patch.setattr(theirs.SVHN, "split_list", listed)
    return told


def write_stl10(name, root, patch):
    (root / "stl10_binary").mkdir()
    sums, told = {}, {}
    for part, n in (("train", 10), ("test", 12), ("unlabeled", 14)):
        x, y = images(n, 3, 96, 96), np.arange(n) % 10
        written = {
            f"{part}_X.bin": x.transpose(0, 1, 3, 2).tobytes(),
            f"{part}_y.bin": (y + 1).astype(np.uint8).tobytes(),
        }
        for file, content in written.items():
            if file != "unlabeled_y.bin":
                (root / "stl10_binary" / file).write_bytes(content)
                sums[file] = md5(content)
        told[part] = x, y.tolist()
    for which in ("train_list", "test_list"):
        patch.setattr(theirs.STL10, which, [[file, sums[file]] for file, _ in getattr(theirs.STL10, which)])
    return [*(told[part] for part in ("train", "test")), told["unlabeled"][0]]


WRITERS = {
    "kmnist": write_idx, "emnist": write_idx, "cifar10": write_cifar, "cifar100": write_cifar, "svhn": write_svhn,
    "stl10": write_stl10,
}  # fmt: skip


@pytest.fixture(autouse=True)
def read_afresh():
    datasets._load.cache_clear()
    yield
    datasets._load.cache_clear()


@pytest.fixture(params=sorted(WRITERS))
def written(request, tmp_path, monkeypatch):
    """A data set of torchvision's in a few images: its name, folder and content."""
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path))
    return request.param, tmp_path, WRITERS[request.param](request.param, tmp_path, monkeypatch)


def test_each_layout_is_read_as_bytes(written):
    name, _, (train, test, *unlabelled) = written
    data = kd.load(name)
    for part, (x, y) in ((data.train, train), (data.test, test)):
        assert part.inputs.dtype == torch.uint8 and part.labels.dtype == torch.int64
        assert np.array_equal(part.inputs.numpy(), x) and part.labels.tolist() == y
        assert part.images.dtype == torch.float32 and part.images.max() <= 1
    assert sources.on_disk(name) and (data.full_unlabelled is not None) == bool(unlabelled)
    if unlabelled:
        assert np.array_equal(data.unlabelled(5, seed=0).train.inputs.numpy(), unlabelled[0][data.unlabelled(5).rows])


def test_torchvision_reads_the_same(written):
    name, root, (train, test, *_) = written
    kind, *which = vision.KINDS[name]
    for asked, (x, y) in zip(which, (train, test), strict=True):
        read = getattr(theirs, kind)(root, download=False, **asked)
        theirs_x = np.asarray(read.data)
        theirs_x = theirs_x.transpose(0, 3, 1, 2) if name.startswith("cifar") else theirs_x
        theirs_x = theirs_x[:, None] if theirs_x.ndim == 3 else theirs_x
        assert np.array_equal(theirs_x.transpose(0, 1, 3, 2) if name == "emnist" else theirs_x, x)
        assert np.asarray(read.labels if hasattr(read, "labels") else read.targets).tolist() == y


def test_a_missing_file_says_what_to_do_and_nothing_is_downloaded(written, monkeypatch):
    name, _, _ = written
    monkeypatch.setattr(sources, "download_vision", lambda name: pytest.fail("downloaded without being asked"))
    path = [*vision._files(name)][-1]
    path.unlink()
    assert not sources.on_disk(name)
    said = f"{name} is not on disk \\({path.name} is missing\\): kd.load\\('{name}', download=True\\) downloads it"
    with pytest.raises(FileNotFoundError, match=said):
        kd.load(name)


def test_a_truncated_file_is_a_clear_error(written):
    name, _, _ = written
    for path in vision._files(name):
        whole = path.read_bytes()
        path.write_bytes(whole[:-2])
        with pytest.raises(ValueError, match=rf"{path.name} of {name} is truncated or .*: delete it, and"):
            kd.load(name)
        path.write_bytes(whole)
    kd.load(name)


@pytest.mark.parametrize("name", ["kmnist", "emnist"])
def test_labels_of_another_data_set_are_a_clear_error(name, tmp_path, monkeypatch):
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path))
    write_idx(name, tmp_path, monkeypatch)
    path = [*vision._files(name)][1]
    for labels in (np.full(60, len(names.CLASSES[name])), np.zeros(59)):
        path.write_bytes(idx(labels.astype(np.uint8)))
        with pytest.raises(ValueError, match=f"{path.name} of {name} is truncated or of another data set: delete it"):
            kd.load(name)
    path.write_bytes(b"\x00\x00\x0d\x01" + (60).to_bytes(4, "big") + np.zeros(60, ">f4").tobytes())
    with pytest.raises(ValueError, match=f"{path.name} of {name} is truncated or of another data set: delete it"):
        kd.load(name)


class Harmful:
    def __reduce__(self):
        return pytest.fail, ("an altered pickle was opened",)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_no_altered_pickle_is_opened(name, tmp_path, monkeypatch):
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path))
    write_cifar(name, tmp_path, monkeypatch)
    opened = []
    monkeypatch.setattr(pickle, "loads", lambda *_, **__: opened.append("loads"))
    monkeypatch.setattr(pickle, "load", lambda *_, **__: opened.append("load"))
    for path in vision._files(name):
        whole = path.read_bytes()
        path.write_bytes(pickle.dumps(Harmful()))
        with pytest.raises(ValueError, match=f"{path.name} of {name} is .* not its publisher's, and is not opened"):
            kd.load(name)
        path.write_bytes(whole)
    assert not opened


def test_the_digests_are_the_publishers():
    known = {file: md5 for kind in (theirs.CIFAR10, theirs.CIFAR100) for file, md5 in kind.train_list + kind.test_list}
    assert known["data_batch_1"] == "c99cafc152244af753f735de768cd75f" and len({*known.values()}) == 8
    for name in ("cifar10", "cifar100", "svhn", "stl10"):
        assert all(len(md5) == 32 for md5 in vision._files(name).values())
    assert theirs.KMNIST.classes == [*names.CLASSES["kmnist"]]
    assert theirs.EMNIST.classes_split_dict["balanced"] == [*names.CLASSES["emnist"]]


def test_other_classes_than_the_written_ones_are_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path))
    monkeypatch.setitem(names.CLASSES, "cifar10", names.CLASSES["cifar10"][::-1])
    write_cifar("cifar10", tmp_path, monkeypatch)
    monkeypatch.setitem(names.CLASSES, "cifar10", names.CLASSES["cifar10"][::-1])
    with pytest.raises(ValueError, match="cifar10 lists other classes than kdviz/data/names.py"):
        kd.load("cifar10")


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A loopback server of a folder: the folder, its address, and another folder to download into."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=source)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    monkeypatch.setenv("KDVIZ_DATA", str(target))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield source, f"http://127.0.0.1:{server.server_port}/", target
        server.shutdown()


def test_an_archive_is_downloaded_when_asked_and_refused_where_it_is_another(served, monkeypatch):
    source, address, target = served
    (train, _) = write_cifar("cifar10", source, monkeypatch)
    with tarfile.open(source / theirs.CIFAR10.filename, "w:gz") as archive:
        archive.add(source / theirs.CIFAR10.base_folder, theirs.CIFAR10.base_folder)
    monkeypatch.setattr(theirs.CIFAR10, "url", address + theirs.CIFAR10.filename)
    with pytest.raises(OSError, match="could not download cifar10 .*: put its files into"):
        kd.load("cifar10", download=True)  # the digest is still the real one
    assert not sources.on_disk("cifar10")
    (target / theirs.CIFAR10.filename).unlink()
    monkeypatch.setattr(theirs.CIFAR10, "tgz_md5", md5((source / theirs.CIFAR10.filename).read_bytes()))
    assert np.array_equal(kd.load("cifar10", download=True).train.inputs.numpy(), train[0])
    monkeypatch.setattr(sources, "download_vision", lambda name: pytest.fail("downloaded again"))
    kd.load("cifar10", download=True)


def test_packed_files_are_downloaded_when_asked(served, monkeypatch):
    source, address, _ = served
    (train, _) = write_idx("kmnist", source, monkeypatch)
    resources = []
    for file, _ in theirs.KMNIST.resources:
        content = gzip.compress((source / "KMNIST/raw" / file.removesuffix(".gz")).read_bytes(), mtime=0)
        (source / file).write_bytes(content)
        resources.append((file, md5(content)))
    monkeypatch.setattr(theirs.KMNIST, "mirrors", [address])
    monkeypatch.setattr(theirs.KMNIST, "resources", resources)
    assert np.array_equal(kd.load("kmnist", download=True).train.inputs.numpy(), train[0])


def test_torchvision_is_imported_only_where_it_is_used():
    script = "import sys, kdviz as kd; kd.load('digits'); print('torchvision' in sys.modules, 'mnist1d' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
