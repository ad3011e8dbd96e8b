"""The features of the original Frechet Inception Distance: the published network, its weights and its preprocessing."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tinygan.core.layer import Array, apply
from tinygan.errors import DataError, FormatError, ShapeError, UsageError
from tinygan.formats.torchfile import read_torch
from tinygan.images.grid import to_uint8
from tinygan.metrics.resize import pil_bicubic, resize, tf1_bilinear
from tinygan.models.inception import CLASSES, FEATURES, SIDE, inception

FILE = "pt_inception-2015-12-05-6726825d.pth"
OTHER = "weights-inception-2015-12-05-6726825d.pth"  # the same file
BYTES = 95_628_359
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
MIRRORS = (
    f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}",
    f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{OTHER}",
)
HINT = f"get {FILE} elsewhere, put it in DIR and set TINYGAN_DATA=DIR"
RESIZERS = {"tf1-bilinear": tf1_bilinear, "pil-bicubic": pil_bicubic}

_EPS = 0.001  # of every batch norm in the network
_PART = 4  # images at a time, about 50 MB each
_35 = "1x1 5x5_1 5x5_2 3x3dbl_1 3x3dbl_2 3x3dbl_3 _pool"
_17 = "1x1 7x7_1 7x7_2 7x7_3 7x7dbl_1 7x7dbl_2 7x7dbl_3 7x7dbl_4 7x7dbl_5 _pool"
_8 = "1x1 3x3_1 3x3_2a 3x3_2b 3x3dbl_1 3x3dbl_2 3x3dbl_3a 3x3dbl_3b _pool"
_BLOCKS = {
    **dict.fromkeys(("5b", "5c", "5d"), _35),
    "6a": "3x3 3x3dbl_1 3x3dbl_2 3x3dbl_3",
    **dict.fromkeys(("6b", "6c", "6d", "6e"), _17),
    "7a": "3x3_1 3x3_2 7x7x3_1 7x7x3_2 7x7x3_3 7x7x3_4",
    **dict.fromkeys(("7b", "7c"), _8),
}
CONVOLUTIONS = (  # the file's names, in the order of the net
    *(f"Conv2d_{name}" for name in ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3")),
    *(f"Mixed_{block}.branch{branch}" for block, branches in _BLOCKS.items() for branch in branches.split()),
)


class Inception:
    """Maps images (n, H, W, C), floats in [-1, 1], to features (n, 2048) and logits without bias (n, 1008), float32.

    Pixels are first rounded to bytes, because the reference tools read image files. Grey images become three equal channels.
    Bytes b are resized to 299 x 299, clipped to [0, 255] without rounding, and scaled to (b − 128) / 128. ``resizer`` is
    "tf1-bilinear" (Heusel et al. 2017, torch-fidelity) or "pil-bicubic" (clean-fid). It is part of ``name``, because scores of
    different resizers are not comparable. ``theta`` is the result of ``load_inception``.
    Raises UsageError (pixels not finite, unknown resizer) and ShapeError.
    """

    dim = FEATURES

    def __init__(self, theta: Array, resizer: str = "tf1-bilinear") -> None:
        if resizer not in RESIZERS:
            raise UsageError(f"unknown resizer {resizer!r}; expected one of {', '.join(RESIZERS)}")
        self.name = f"inception-2015-12-05, {resizer}"
        self._matrix = RESIZERS[resizer]
        self._net, self._theta = inception(), theta

    def __call__(self, images: Array) -> tuple[Array, Array]:
        if not np.isfinite(images).all():
            raise UsageError(
                "the images have a NaN or an infinity, so they have no score; look for the image that has it"
            )
        if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape[1:]:
            raise ShapeError(f"Inception: images are (N, H, W, 1) or (N, H, W, 3): images {images.shape}")
        y = np.empty((len(images), FEATURES + CLASSES), np.float32)
        for start in range(0, len(images), _PART):
            y[start : start + _PART] = self._forward(self.prepare(images[start : start + _PART]))
        return y[:, :FEATURES], y[:, FEATURES:]

    def prepare(self, images: Array) -> Array:
        """What enters the net: float32 (n, 299, 299, 3)."""
        pixels = np.broadcast_to(to_uint8(images), (*images.shape[:3], 3))
        return (np.clip(resize(pixels, SIDE, self._matrix), 0, 255) - 128) / 128

    def _forward(self, x: Array) -> Array:
        """The net, block by block, so that nothing is kept for a backward."""
        X = x[None]
        for f, p in zip(self._net.f.children, self._net.params(self._theta), strict=True):  # type: ignore[attr-defined]
            X, _ = apply(f, p, X)
        return X[0]


def load_inception(path: Path | None = None, *, sha256: str | None = SHA256) -> Array:
    """θ of ``inception()`` from the published PyTorch file. Every batch norm is folded into its convolution:

        w' = w γ/√(σ² + ε),  b' = β − μ γ/√(σ² + ε).

    Without ``path`` the file is searched for (``locate``), and downloaded to the cache if it is not found. With
    ``sha256=None`` any file of this layout is accepted. Raises DataError (not found) and FormatError (not that file).
    """
    path = path or locate() or _download()
    if sha256 is not None:
        _verify(path, sha256)
    tensors = read_torch(path, max_bytes=2 * BYTES)
    net = inception()
    theta = np.empty(net.size, np.float32)
    arrays = list(net.view(theta).values())
    for name, w, b in zip(CONVOLUTIONS, arrays[:-1:2], arrays[1::2], strict=True):
        gain, shift, mean, var = (_get(tensors, f"{name}.bn.{part}", b.shape, path) for part in _NORM)
        with np.errstate(all="ignore"):  # values that are not finite are refused below
            gain = gain / np.sqrt(var + _EPS)
        kernel = _get(tensors, f"{name}.conv.weight", w.transpose(3, 2, 0, 1).shape, path)
        w[:] = kernel.transpose(2, 3, 1, 0) * gain
        b[:] = shift - mean * gain
    arrays[-1][:] = _get(tensors, "fc.weight", arrays[-1].shape, path)
    if not np.isfinite(theta).all():
        raise FormatError(f"{path}: has weights that are not finite; download it again")
    return theta


_NORM = ("weight", "bias", "running_mean", "running_var")


def _get(tensors: dict[str, Array], name: str, shape: tuple[int, ...], path: Path) -> Array:
    """One tensor in float64, with its shape checked."""
    found = tensors.get(name)
    if found is None or found.shape != shape:
        what = "no such tensor" if found is None else f"the shape {found.shape}"
        raise FormatError(f"{path}: has {what} for {name}, expected {shape}; it is not {FILE}")
    return found.astype(np.float64)


def locate() -> Path | None:
    """The file of weights in $TINYGAN_DATA, $TINYGAN_DATA/inception, our cache or PyTorch's cache; None if it is in none."""
    from tinygan.data.search_path import cache

    own = os.environ.get("TINYGAN_DATA")
    ours = cache("inception")
    folders = [*([Path(own), Path(own) / "inception"] if own else []), ours, ours.parents[1] / "torch/hub/checkpoints"]
    paths = (folder / name for folder in folders for name in (FILE, OTHER))
    return next((path for path in paths if path.is_file()), None)


def _download() -> Path:
    from tinygan.data.fetch import fetch, sha256_is
    from tinygan.data.search_path import cache

    target = cache("inception") / FILE
    fetch(MIRRORS, target, sha256_is(SHA256), max_bytes=BYTES, hint=HINT)
    return target


def _verify(path: Path, sha256: str) -> None:
    from tinygan.data.fetch import sha256_is

    try:
        with path.open("rb") as file:
            sha256_is(sha256)(file)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; {HINT}") from error
    except DataError as error:
        raise FormatError(f"{path}: is not the published {FILE} ({error}); remove it and try again") from error
