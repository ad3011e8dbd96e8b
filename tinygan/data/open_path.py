"""Open a data set by the path of its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tinygan.data import folder, mnist, npz
from tinygan.data.dataset import SPLITS
from tinygan.data.registry import DATASETS, kind
from tinygan.errors import DataError

if TYPE_CHECKING:
    from tinygan.data.dataset import Dataset


def open_path(path: Path, split: str) -> Dataset:
    """Open the folder or file ``path``. Its kind is recognised by file names, in this order:

    * the four IDX files of a set in the format of MNIST, or the published files of a set in the catalogue;
    * an .npz file (``npz.load``);
    * a folder with sub-folders train and test, one for each split;
    * a folder or .zip file of images (``folder.load_images``), which has only the split "train".

    Raises DataError (none of these, or no such split) and FormatError (damaged files).
    """
    if any(mnist.holds(path, each) for each in SPLITS):
        return mnist.load_folder(path, split, path.name)
    for name in (name for name, spec in DATASETS.items() if spec.how_to_get and spec.kind != "mnist"):
        if any(kind(name).find(path, name, each) for each in SPLITS):
            found = kind(name).find(path, name, split)
            if found is None:
                raise DataError(f"{path}: has no {split} files of {name}; expected them beside the others; add them")
            return kind(name).load(found, name, split)
    if path.suffix == ".npz" and path.is_file():
        return npz.load(path, split)
    if all((path / each).is_dir() for each in SPLITS):
        return folder.load_images(path / split, path.resolve().name)
    if path.suffix == ".zip" and path.is_file():
        name = path.stem
    elif path.is_dir():
        name = path.resolve().name
    else:
        raise DataError(
            f"{path}: is not a folder, an .npz or a .zip file; expected images, IDX files or the files of a set in the "
            "catalogue; check the path"
        )
    if split != "train":
        raise DataError(f"{path}: a folder of images has only the split 'train'; give the path of the {split} images")
    return folder.load_images(path, name)
