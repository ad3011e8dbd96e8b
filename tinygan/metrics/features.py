"""Feature extractors for the measures: the last hidden layer of a classifier trained with this package.

A file has ``weights`` (P,) in float16 and ``running`` values (R,) in float32, and a description of the network in its
metadata. The extractor that comes with the package is pinned by its hash, so scores are comparable. It was made by

    tinygan train classifier --data fashion-mnist --set flip=true --out RUN     and then     evaluate.export(run, path)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import DataError, FormatError, UsageError, by
from tinygan.formats.safetensors import load, save
from tinygan.models.classifier import Classifier, classifier

SHIPPED = Path(__file__).parent / "weights"
PINNED = {
    "fashion-mnist": "dde29eeb56f961d9367361b832dae6b5c39eccaa6a6bc4025a14976b7b005e16"
}  # SHA-256 of SHIPPED/NAME.safetensors
CHUNK = 100  # images per forward pass, which keeps the output of every layer


class Extractor(Protocol):
    """Maps images (n, H, W, C) in [-1, 1] to features (n, dim), and to logits (n, C) or None. Every score includes ``name``."""

    name: str
    dim: int

    def __call__(self, images: Array) -> tuple[Array, Array | None]: ...


class Features:
    """The extractor of a trained classifier of images with ``shape`` (H, W, C). Its weights are rounded by ``coarse``.

    Its name ends in 8 digits of the hash of its weights, so different extractors have different names. A pinned extractor
    needs no hash in its name.
    """

    def __init__(
        self, data: str, shape: tuple[int, ...], f: Classifier, weights: Array, running: Array, *, pinned: bool = False
    ) -> None:
        half = coarse(weights)
        digits = hashlib.sha256(half.tobytes() + running.tobytes()).hexdigest()[:8]
        self.name, self.shape = f"tinygan-{data} features" + ("" if pinned else f" {digits}"), shape
        self.dim = f.body.out_shape(shape)[0]
        self._f, self._weights, self._running = f, half.astype(np.float32), running

    def __call__(self, images: Array) -> tuple[Array, Array]:
        """Features (n, dim) and logits (n, classes), float32. Raises UsageError for images of another shape."""
        if images.shape[1:] != self.shape:
            raise UsageError(
                f"the {self.name} are for images {by(self.shape)}, these are {by(images.shape[1:])}; set --features to the run "
                "of a classifier of such images"
            )
        parts = [self._f.read(self._weights, self._running, part) for part in _chunks(images)]
        features, logits = (np.concatenate(each) for each in zip(*parts, strict=True))
        return features, logits


def coarse(weights: Array) -> Array:
    """Round to multiples of 1/1024 in float16, which compress well. A Frechet distance changes by about 0.2 %, a logit by
    about 0.004."""
    return (np.round(weights.astype(np.float32) * 1024) / 1024).astype(np.float16)


def save_features(
    path: Path, data: str, shape: tuple[int, ...], f: Classifier, weights: Array, running: Array, classes: int
) -> str:
    """Write a classifier to a file; returns the file's SHA-256."""
    width = f.body.out_shape(shape)[0] // 4
    facts = {"data": data, "shape": " ".join(map(str, shape)), "classes": str(classes), "width": str(width)}
    save(path, {"weights": coarse(weights), "running": running.astype(np.float32)}, facts)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_features(path: Path, sha256: str | None = None) -> Features:
    """Load an extractor from a file, whose hash must be ``sha256`` if that is given. Raises DataError and FormatError."""
    tensors, facts = load(path)
    if sha256 is not None and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise FormatError(f"{path}: is not the published file (SHA-256 differs); install tinygan again")
    try:
        shape = tuple(map(int, facts["shape"].split()))
        f = classifier(shape, int(facts["classes"]), int(facts["width"]))
        weights, running = tensors["weights"], tensors["running"].astype(np.float32)
        if weights.shape != (f.net.size,) or running.shape != (f.net.running_size,):
            raise ValueError(f"weights {weights.shape}, running {running.shape}")
        data = facts["data"]
    except (KeyError, ValueError) as error:
        raise FormatError(
            f"{path}: its weights do not match its metadata ({error}); expected a file of evaluate.export"
        ) from error
    return Features(data, shape, f, weights, running, pinned=sha256 is not None)


def load_shipped(name: str) -> Features:
    """Load the extractor ``name`` that comes with the package. Raises DataError if its file is missing."""
    path = SHIPPED / f"{name}.safetensors"
    if not path.is_file():
        raise DataError(
            f"the weights of the {name} features are missing in this installation; train them by tinygan train classifier "
            f"--data {name} --set flip=true --out RUN, and set --features RUN"
        )
    return load_features(path, PINNED[name])


def _chunks(images: Array) -> Iterator[Array]:
    """Parts of CHUNK images; one empty part if there are no images."""
    return (images[i : i + CHUNK] for i in range(0, max(len(images), 1), CHUNK))
