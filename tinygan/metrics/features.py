"""Features that measures are taken on: the last hidden layer of a classifier that this engine trained.

A file holds ``weights`` (P,) in float16 and ``running`` (R,) in float32, and in its metadata what the net is. The
one that comes with the package is pinned by its hash, so a score has one meaning:

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
CHUNK = 100  # images at a time: every layer keeps its output


class Extractor(Protocol):
    """Images (n, H, W, C) in [-1, 1] ↦ features (n, dim), and logits (n, C) or None; ``name`` goes into every score."""

    name: str
    dim: int

    def __call__(self, images: Array) -> tuple[Array, Array | None]: ...


class Features:
    """The extractor of a trained classifier of images of ``shape`` (H, W, C), its weights made ``coarse``.

    Its name ends in 8 digits of the hash of its numbers, so that no two are called the same; the pinned ones need none.
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
        """Features (n, dim) and logits (n, classes), float32. UsageError for images of another shape."""
        if images.shape[1:] != self.shape:
            raise UsageError(
                f"the {self.name} are of images {by(self.shape)}: these are {by(images.shape[1:])}; give --features "
                "the run of a classifier of such images"
            )
        parts = [self._f.read(self._weights, self._running, part) for part in _chunks(images)]
        features, logits = (np.concatenate(each) for each in zip(*parts, strict=True))
        return features, logits


def coarse(weights: Array) -> Array:
    """Multiples of 1/1024 in float16, which pack well: a Frechet distance moves by some 0.2 %, a logit by 0.004."""
    return (np.round(weights.astype(np.float32) * 1024) / 1024).astype(np.float16)


def save_features(
    path: Path, data: str, shape: tuple[int, ...], f: Classifier, weights: Array, running: Array, classes: int
) -> str:
    """Write a classifier's file; returns its SHA-256."""
    width = f.body.out_shape(shape)[0] // 4
    facts = {"data": data, "shape": " ".join(map(str, shape)), "classes": str(classes), "width": str(width)}
    save(path, {"weights": coarse(weights), "running": running.astype(np.float32)}, facts)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_features(path: Path, sha256: str | None = None) -> Features:
    """The extractor in a file; with ``sha256``, of those bytes only. Raises DataError and FormatError."""
    tensors, facts = load(path)
    if sha256 is not None and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise FormatError(f"{path}: its contents are not the published ones (SHA-256 differs); install tinygan again")
    try:
        shape = tuple(map(int, facts["shape"].split()))
        f = classifier(shape, int(facts["classes"]), int(facts["width"]))
        weights, running = tensors["weights"], tensors["running"].astype(np.float32)
        if weights.shape != (f.net.size,) or running.shape != (f.net.running_size,):
            raise ValueError(f"weights {weights.shape}, running {running.shape}")
        return Features(facts["data"], shape, f, weights, running, pinned=sha256 is not None)
    except (KeyError, ValueError) as error:
        raise FormatError(
            f"{path}: no classifier that fits its metadata ({error}); expected a file of evaluate.export"
        ) from error


def load_shipped(name: str) -> Features:
    """The extractor that comes with the package under ``name``. Raises DataError where its file is missing."""
    path = SHIPPED / f"{name}.safetensors"
    if not path.is_file():
        raise DataError(
            f"the weights of the {name} features are not in this installation: train them, tinygan train classifier "
            f"--data {name} --set flip=true --out RUN, and give --features RUN"
        )
    return load_features(path, PINNED[name])


def _chunks(images: Array) -> Iterator[Array]:
    """At least one part, also of no images."""
    return (images[i : i + CHUNK] for i in range(0, max(len(images), 1), CHUNK))
