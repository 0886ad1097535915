"""A folder of images of one's own, a folder a class, as torchvision's ImageFolder reads it."""

from pathlib import Path

import torch
from torch import Tensor

from kdviz.data.datasets import Dataset
from kdviz.data.own import data_of


def image_folder(path: Path | str, size: int = 32) -> Dataset:
    """Colour images in ``train/<class>/`` and ``test/<class>/``; those in ``unlabelled/``, if there, have no labels.

    Each is resized, its shorter side to ``size`` pixels, and its middle cut out, shape (3, size, size), as bytes. They
    are all kept in memory, and known by their pixels.

    Parameters
    ----------
    path : Path or str
        Read from the current folder if relative.
    size : int
        Pixels.

    Raises
    ------
    FileNotFoundError
        No such folder, or no image in a class.
    ValueError
        Classes that differ between training and test, or a file that is no image.
    """
    root = Path(path)
    for part in ("train", "test"):
        if not (root / part).is_dir():
            raise FileNotFoundError(f"no folder {part} in {path}: images lie in train/<class>/ and test/<class>/")
    train, classes = _read(root / "train", size)
    test, others = _read(root / "test", size)
    if classes != others:
        raise ValueError(f"train and test have other classes: {sorted({*classes} ^ {*others})} is in one of them alone")
    bare = _read_flat(root / "unlabelled", size) if (root / "unlabelled").is_dir() else None
    return data_of(train=train, test=test, classes=classes, unlabelled=bare)


def _read(folder: Path, size: int) -> tuple[tuple[Tensor, Tensor], list[str]]:
    from torchvision.datasets import ImageFolder

    listed = ImageFolder(folder)
    images = torch.stack([_pixels(Path(file), size) for file, _ in listed.samples])
    return (images, torch.tensor(listed.targets)), listed.classes


def _read_flat(folder: Path, size: int) -> Tensor:
    from torchvision.datasets.folder import IMG_EXTENSIONS

    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMG_EXTENSIONS)
    if not files:
        raise FileNotFoundError(f"no image in {folder.name}: leave the folder out, or fill it")
    return torch.stack([_pixels(file, size) for file in files])


def _pixels(file: Path, size: int) -> Tensor:
    from PIL import UnidentifiedImageError
    from torchvision.datasets.folder import pil_loader
    from torchvision.transforms.functional import center_crop, pil_to_tensor, resize

    try:
        return pil_to_tensor(center_crop(resize(pil_loader(str(file)), size), [size, size]))
    except (UnidentifiedImageError, OSError) as problem:
        raise ValueError(f"{file.parent.name}/{file.name} is no image that can be read: {problem}") from None
