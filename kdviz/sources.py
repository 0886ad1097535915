"""Where data sets come from: files on disk, scikit-learn's digits, a download when asked. Arrays, no tensors."""

import os
from pathlib import Path

import numpy as np
import pooch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

ROOT = Path(__file__).resolve().parent.parent
DIGITS = tuple("0123456789")
CLASSES = {
    "digits": DIGITS,
    "mnist": DIGITS,
    "fashion_mnist": (
        "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ),
}  # fmt: skip
# One folder for each in torchvision's layout, and where it is downloaded from: (address, {file: MD5 of the .gz}).
IDX = {
    "mnist": ("MNIST", "https://ossci-datasets.s3.amazonaws.com/mnist/", {
        "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
    }),
    "fashion_mnist": ("FashionMNIST", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", {
        "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
    }),
}  # fmt: skip


def read(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Training images (N, H, W) and labels (N,), test images and labels, and the value of a full pixel."""
    if name == "digits":
        images, labels = load_digits(return_X_y=True)
        images = images.reshape(-1, 8, 8)
        train, test = draw(labels, 1000, seed=0)
        return images[train], labels[train], images[test], labels[test], 16
    raw = folder() / IDX[name][0] / "raw"
    return *(_read_idx(raw / file, name) for file in IDX[name][2]), 255


def draw(labels: np.ndarray, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of ``n`` examples drawn with the classes in proportion, and the other rows; both in order."""
    classes = len(np.unique(labels))
    if not classes <= n <= len(labels) - classes:
        raise ValueError(f"cannot draw {n} of {len(labels)} examples: ask for {classes} to {len(labels) - classes}")
    chosen, rest = train_test_split(np.arange(len(labels)), train_size=n, random_state=seed, stratify=labels)
    return np.sort(chosen), np.sort(rest)


def folder() -> Path:
    """Where data sets lie: ``$KDVIZ_DATA``, read from the repository's root if relative, else ``data/``."""
    return (ROOT / (os.environ.get("KDVIZ_DATA") or "data")).resolve()


def on_disk(name: str) -> bool:
    """Whether ``name`` can be loaded without a download."""
    return name not in IDX or all((folder() / IDX[name][0] / "raw" / file).exists() for file in IDX[name][2])


def _read_idx(path: Path, name: str) -> np.ndarray:
    """An IDX file: magic 0, 0, 8 (unsigned byte), number of axes; big-endian lengths; the bytes."""
    if not path.exists():
        raise FileNotFoundError(f"{name} is not on disk: `make data` downloads it, or set KDVIZ_DATA to its folder")
    content = path.read_bytes()
    axes = content[3] if content[:3] == b"\x00\x00\x08" else 0
    shape = np.frombuffer(content, ">u4", axes, offset=4) if len(content) >= 4 + 4 * axes else []
    if not axes or len(content) != 4 + 4 * axes + np.prod(shape):
        raise ValueError(f"{path.name} of {name} is truncated or no IDX file: delete it and run `make data`")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def download(name: str) -> None:
    """Fetch the files of ``name`` into the data folder, each checked against its MD5."""
    place, address, files = IDX[name]
    raw = folder() / place / "raw"
    for file, md5 in files.items():
        try:
            unpack = pooch.Decompress(method="gzip", name=file)
            pooch.retrieve(f"{address}{file}.gz", f"md5:{md5}", f"{file}.gz", raw, unpack)
        except (OSError, ValueError) as problem:  # no connection, or content whose MD5 is another
            raise OSError(f"could not download {file}.gz of {name} ({problem}): put it into {raw}, unpacked") from None
