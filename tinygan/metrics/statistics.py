"""Stored means and covariances of features: the .npz files of pytorch-fid, with arrays ``mu`` (d,) and ``sigma`` (d, d).

A .npz file is a zip archive of .npy files (NumPy Enhancement Proposal 1): 6 bytes of magic number, 2 of version, a header
with dtype, order and shape, then the values.
"""

from __future__ import annotations

import io
import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy import ndarray as Array
from numpy.lib import format as npy

from tinygan.errors import DataError, FormatError
from tinygan.formats.atomic import write_atomic
from tinygan.formats.limits import MOST_PACKED
from tinygan.metrics.frechet import Gaussian, of_covariance

MAX_BYTES = 2**29  # of one uncompressed array: sigma of 8192 features
_DAMAGE = (ValueError, KeyError, EOFError, RuntimeError, OSError, zipfile.BadZipFile, zlib.error)  # raised by zipfile
_ADVICE = "expected a .npz with mu (d,) and sigma (d, d) as pytorch-fid saves it; compute it again"


def save(path: str | Path, gaussian: Gaussian) -> None:
    """Write ``mu`` and ``sigma`` in float64, atomically. Raises DataError."""
    mu, sigma = gaussian.mean, gaussian.factor.T @ gaussian.factor
    write_atomic(path, lambda file: np.savez(file, mu=mu, sigma=sigma))


def load(path: str | Path) -> Gaussian:
    """The Gaussian of a file's ``mu`` and ``sigma``. Other arrays are ignored, and nothing is unpickled.

    Raises DataError (cannot be read) and FormatError (damaged, or not such a file).
    """
    try:
        with Path(path).open("rb") as file:
            return parse(file, str(path))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; expected a .npz file") from error


def parse(file: BinaryIO, name: str) -> Gaussian:
    """As ``load``, from an open file. ``name`` is used in error messages. Raises FormatError."""
    try:
        size = file.seek(0, os.SEEK_END)
        with zipfile.ZipFile(file) as archive:
            mu, sigma = (_member(archive, part, size) for part in ("mu.npy", "sigma.npy"))
        return of_covariance(mu, sigma)
    except _DAMAGE as error:
        raise FormatError(f"{name}: {error}; {_ADVICE}") from error


def _member(archive: zipfile.ZipFile, name: str, size: int) -> Array:
    """One float array in an archive of ``size`` bytes. Its declared size is checked before it is decompressed."""
    info = archive.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is neither stored nor deflated")
    most = size * (MOST_PACKED if info.compress_type == zipfile.ZIP_DEFLATED else 1)
    if info.compress_size > size or info.file_size > min(most, MAX_BYTES):
        raise ValueError(f"{name} declares {info.file_size} bytes, more than the file can contain or than {MAX_BYTES}")
    with archive.open(info) as stream:
        data = stream.read(info.file_size + 1)  # limits decompression
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{name} has version {version} of the .npy format")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.kind != "f" or math.prod(shape) * dtype.itemsize != len(data) - file.tell():
        raise ValueError(f"{name} declares {dtype} {shape} but has {len(data) - file.tell()} bytes of values")
    return np.frombuffer(data, dtype, offset=file.tell()).reshape(
        shape
    )  # the order does not matter: sigma is symmetric
