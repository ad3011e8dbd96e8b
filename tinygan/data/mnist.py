"""MNIST and data sets in the same format: four IDX files in a folder."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import NamedTuple

from numpy import ndarray as Array

from tinygan.data.images import Images
from tinygan.data.registry import DATASETS
from tinygan.data.search_path import cache
from tinygan.errors import DataError, FormatError
from tinygan.formats.idx import digest, parse_idx, read_idx

_STEMS = {"train": "train", "test": "t10k"}
_KINDS = ("images-idx3-ubyte", "labels-idx1-ubyte")


class MnistSpec(NamedTuple):
    """A public set of 28 x 28 grey images: its classes, where to download it, and the hashes of its files."""

    classes: tuple[str, ...]
    mirrors: tuple[str, ...]
    sha256: dict[str, str]  # of the unpacked files, so it does not depend on the gzip program


MNIST_SETS = {
    "fashion-mnist": MnistSpec(
        classes=("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        ),
        sha256={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ),
    "mnist": MnistSpec(
        classes=tuple("0123456789"),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        sha256={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
}


def find(place: Path, name: str, split: str) -> Path | None:
    """``place`` if it is called ``name`` and has the split: all sets of this kind use the same file names."""
    return place if place.name == name and holds(place, split) else None


def holds(folder: Path, split: str) -> bool:
    """Does ``folder`` have the images and the labels of the split, gzipped or not?"""
    return all(_file(folder, f"{_STEMS[split]}-{kind}") for kind in _KINDS)


def load(path: Path, name: str, split: str) -> Images:
    """Load one of ``MNIST_SETS``. Downloaded files in the cache are checked against their hashes. Raises FormatError."""
    return load_folder(path, split, name, MNIST_SETS[name].sha256 if path == cache(name) else {})


def download(name: str, split: str) -> None:
    """Download the files of the split to the cache. Raises DataError, which says how else to get them."""
    for kind in _KINDS:
        _download(name, f"{_STEMS[split]}-{kind}", cache(name))


def load_folder(folder: Path, split: str, name: str, sha256: dict[str, str] | None = None) -> Images:
    """Load the IDX files of a split, checked against the hashes in ``sha256`` if given. Raises DataError and FormatError."""
    arrays = []
    for kind in _KINDS:
        stem = f"{_STEMS[split]}-{kind}"
        path = _file(folder, stem)
        if path is None:
            raise DataError(f"{folder}: has no {stem} or {stem}.gz, which the split {split!r} needs; add it")
        arrays.append(read_idx(path))
        _check(arrays[-1], (sha256 or {}).get(stem), str(path))
    pixels, labels = arrays
    if pixels.ndim not in (3, 4) or labels.ndim != 1 or len(pixels) != len(labels) or not pixels.size:
        raise FormatError(
            f"{folder}: the {split} images are {pixels.shape} and the labels {labels.shape}; expected (N, H, W) or "
            "(N, H, W, C) and (N,); use the images and labels of one set"
        )
    count = int(labels.max()) + 1
    known = MNIST_SETS[name].classes if name in MNIST_SETS else ()
    classes = known if count <= len(known) else tuple(str(k) for k in range(count))
    return Images(name, pixels if pixels.ndim == 4 else pixels[..., None], labels, classes)


def _file(folder: Path, stem: str) -> Path | None:
    return next((path for path in (folder / f"{stem}.gz", folder / stem) if os.path.isfile(path)), None)  # noqa: PTH113 (no error in a folder without permission)


def _check(array: Array, sha256: str | None, name: str) -> None:
    if sha256 is not None and digest(array) != sha256:
        raise FormatError(f"{name}: is not the published file (SHA-256 differs); remove it and try again")


def _download(name: str, stem: str, folder: Path) -> None:
    from tinygan.data.fetch import fetch  # imported here: urllib takes longer to import than all of tinygan.data

    spec = MNIST_SETS[name]
    if _file(folder, stem):
        return

    def verify(file: io.BufferedIOBase) -> None:
        _check(parse_idx(file, stem), spec.sha256[stem], stem)

    fetch(
        [f"{url}{stem}.gz" for url in spec.mirrors],
        folder / f"{stem}.gz",
        verify,
        hint=f"to get it: {DATASETS[name].how_to_get}",
    )
