"""What lies on disk: the repository's own files, and the data sets'; what is said when one is missing, downloads."""

import hashlib
import math
import os
from pathlib import Path

import numpy as np
import pooch

AGAIN = "delete it and run `make data`"
ALL_AGAIN = "delete its files and run `make data`"
ROOT = Path(__file__).resolve().parents[2]
# Where each lies in the data folder (images as torchvision lays them out), and where it is downloaded from:
# (place, address, {file: MD5 or SHA-256 of what is downloaded}). A `.gz` lies unpacked.
FILES = {
    "mnist": ("MNIST/raw", "https://ossci-datasets.s3.amazonaws.com/mnist/", {
        "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
    }),
    "fashion_mnist": ("FashionMNIST/raw", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", {
        "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
    }),
    "banking77": (
        "text/BANKING77",
        "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/master/banking_data/", {
        "train.csv": "sha256:b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b",
        "test.csv": "sha256:d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d",
        "categories.json": "sha256:53261da888122daf2d120d925458631d9619e15d82e56052e7a42e535ce32b63",
    }),
}  # fmt: skip
# Of what lies unpacked: file: SHA-256.
UNPACKED = {
    "mnist": {
        "train-images-idx3-ubyte": "sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "sha256:c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "sha256:bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "sha256:5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "sha256:0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}
FILES["mnist_pairs"] = FILES["mnist"]  # made when read, of MNIST's own digits
FILES["banking77_pieces"] = FILES["banking77_short"] = FILES["banking77"]


def absent(path: Path) -> str:
    """What to do about a part of the repository that is not here: the package was installed alone. Else ``""``."""
    if path.exists() or not path.is_relative_to(ROOT):
        return ""
    name = path.relative_to(ROOT).as_posix()
    return f"{name} lies in kdviz's repository, not in the installed package: clone it, and there `pip install -e .`"


def in_repository(path: Path) -> Path:
    """``path``, a part of the repository; FileNotFoundError says what to do where only the package is installed."""
    if problem := absent(path):
        raise FileNotFoundError(problem)
    return path


def base() -> Path:
    """What relative folders are read from: the repository's root, the current folder where there is none."""
    return Path.cwd() if absent(ROOT / "notebooks") else ROOT


def folder() -> Path:
    """Where data sets lie: ``$KDVIZ_DATA``, read from :func:`base` if relative, else ``data/``."""
    return (base() / Path(os.environ.get("KDVIZ_DATA") or "data").expanduser()).resolve()


def paths(name: str) -> list[Path]:
    """The files that ``name`` is read from; none for what comes with scikit-learn."""
    place, _, files = FILES.get(name, ("", "", {}))
    return [folder() / place / file.removesuffix(".gz") for file in files]


def on_disk(name: str) -> bool:
    """Whether ``name`` can be loaded without a download."""
    return all(path.exists() for path in paths(name))


def content(path: Path, name: str) -> bytes:
    """The bytes of one of the files of ``name``, held against the digest it is known by."""
    if not path.exists():
        how = f"`make data` or kd.load({name!r}, download=True) downloads it"
        place = path.relative_to(folder())
        raise FileNotFoundError(
            f"{name} is not on disk: {how}, or set KDVIZ_DATA to the folder that holds {place.parts[0]}/, "
            f"not to {folder()}, which has no {place.as_posix()}"
        )
    found = path.read_bytes()
    known = UNPACKED.get(name) or FILES[name][2]
    if f"sha256:{hashlib.sha256(found).hexdigest()}" != known[path.name]:
        raise ValueError(f"{path.name} of {name} is truncated or altered: {AGAIN} ({path} has another digest)")
    return found


def read_images(name: str, classes: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """The training and the test part of IDX files: images, shape (N, H, W), and labels below ``classes``, shape (N,).

    Raises
    ------
    ValueError
        A file is not the one known, or images and labels do not belong together.
    """
    train, train_labels, test, test_labels = (read_idx(path, name) for path in paths(name))
    parts = (train, train_labels), (test, test_labels)
    for images, labels in parts:
        if (
            images.ndim != 3
            or labels.shape != images.shape[:1]
            or images.shape[1:] != train.shape[1:]
            or not len(labels)
        ):
            raise ValueError(
                f"{name} has images of shape {images.shape} and labels of shape {labels.shape}: {ALL_AGAIN}"
            )
        if labels.max() >= classes:
            raise ValueError(f"{name} has a label {labels.max()}, of {classes} classes: {ALL_AGAIN}")
    return parts


def read_idx(path: Path, name: str) -> np.ndarray:
    """An IDX file: magic 0, 0, 8 (unsigned byte), number of axes; big-endian lengths; the bytes."""
    found = content(path, name)
    axes = found[3] if found[:3] == b"\x00\x00\x08" and len(found) > 3 else 0
    shape = np.frombuffer(found, ">u4", axes, offset=4) if len(found) >= 4 + 4 * axes else []
    if not axes or len(found) != 4 + 4 * axes + math.prod(map(int, shape)):
        raise ValueError(f"{path.name} of {name} is truncated or no IDX file: {AGAIN}")
    return np.frombuffer(found, np.uint8, offset=4 + 4 * axes).reshape(shape)


def download(name: str) -> None:
    """Fetch the files of ``name`` into the data folder, each checked against its MD5 or SHA-256."""
    _, address, files = FILES[name]
    for (file, known), path in zip(files.items(), paths(name), strict=True):
        packed = file.endswith(".gz")
        try:
            unpack = pooch.Decompress(method="gzip", name=path.name) if packed else None
            pooch.retrieve(f"{address}{file}", known, file, path.parent, unpack)
        except (OSError, ValueError) as problem:  # no connection, or content whose checksum is another
            how = f"put it into {path.parent}{', unpacked' if packed else ''}"
            raise OSError(f"could not download {file} of {name} ({problem}): {how}") from None
