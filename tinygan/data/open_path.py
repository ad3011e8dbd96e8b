"""A data set by the path of its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tinygan.data import folder, mnist, npz
from tinygan.data.registry import DATASETS, kind
from tinygan.errors import DataError

if TYPE_CHECKING:
    from tinygan.data.dataset import Dataset

SPLITS = ("train", "test")


def open_path(path: Path, split: str) -> Dataset:
    """What is at ``path``: a folder or a file, recognised by the names of its files, in this order.

    * the four IDX files of an MNIST-like set; the files of a set of the catalogue as they are published;
    * an .npz file (``npz.load``);
    * a folder with the folders train and test: that of the split;
    * a folder or a .zip of pictures (``folder.load_pictures``), which is one split, "train".

    Raises DataError (nothing of these, or not the split) and FormatError (damaged).
    """
    if any(mnist.holds(path, each) for each in SPLITS):
        return mnist.load_folder(path, split, path.name)
    for name in (name for name, known in DATASETS.items() if known.how_to_get and known.kind != "mnist"):
        if any(kind(name).find(path, name, each) for each in SPLITS):
            found = kind(name).find(path, name, split)
            if found is None:
                raise DataError(f"{path}: has no {split} files of {name}; expected them beside the others; add them")
            return kind(name).load(found, name, split)
    if path.suffix == ".npz" and path.is_file():
        return npz.load(path, split)
    if all((path / each).is_dir() for each in SPLITS):
        return folder.load_pictures(path / split, path.resolve().name)
    if path.suffix == ".zip" and path.is_file():
        name = path.stem
    elif path.is_dir():
        name = path.resolve().name
    else:
        raise DataError(
            f"{path}: no such folder, and no .npz or .zip file; expected pictures, IDX files or those of a set that has "
            "a name; check the path"
        )
    if split != "train":
        raise DataError(f"{path}: a folder of pictures is one split, 'train'; give the folder of the {split} pictures")
    return folder.load_pictures(path, name)
