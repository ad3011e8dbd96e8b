"""Stored mean and covariance of features: the .npz files of pytorch-fid, arrays ``mu`` (d,) and ``sigma`` (d, d).

A .npz is a zip archive of .npy members (NEP 1): 6 bytes of magic, 2 of version, a header with the dtype, order and
shape, then the values.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy import ndarray as Array
from numpy.lib import format as npy

from tinygan.atomic import write_atomic
from tinygan.errors import DataError, FormatError
from tinygan.metrics.frechet import Gaussian, of_covariance

MAX_BYTES = 2**29  # of one unpacked member: sigma of 8192 features
_MOST_PACKED = 1032  # bytes that one byte of deflate can stand for (RFC 1951: 258 bytes by 2 bits)
_DAMAGE = (ValueError, KeyError, EOFError, RuntimeError, OSError, zipfile.BadZipFile, zlib.error)  # as zipfile meets it
_ADVICE = "expected a .npz with mu (d,) and sigma (d, d) as pytorch-fid saves it; compute it again"


def save(path: str | Path, gaussian: Gaussian) -> None:
    """Write ``mu`` and ``sigma`` in float64, whole or not at all. Raises DataError."""
    mu, sigma = gaussian.mean, gaussian.factor.T @ gaussian.factor
    write_atomic(path, lambda file: np.savez(file, mu=mu, sigma=sigma))


def load(path: str | Path) -> Gaussian:
    """The Gaussian of a file's ``mu`` and ``sigma``; other members are left alone, and nothing is unpickled.

    Raises DataError (no such file), FormatError (damaged, or not such a file).
    """
    try:
        file = Path(path).open("rb")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; expected a .npz file") from error
    try:
        with file, zipfile.ZipFile(file) as archive:
            mu, sigma = _member(archive, "mu.npy"), _member(archive, "sigma.npy")
        return of_covariance(mu, sigma)
    except _DAMAGE as error:
        raise FormatError(f"{path}: {error}; {_ADVICE}") from error


def _member(archive: zipfile.ZipFile, name: str) -> Array:
    """One array of floats; its bytes are counted before they are unpacked."""
    info = archive.getinfo(name)
    most = info.compress_size * (_MOST_PACKED if info.compress_type == zipfile.ZIP_DEFLATED else 1)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.file_size > min(most, MAX_BYTES):
        raise ValueError(f"{name} declares {info.file_size} bytes, more than are packed or than {MAX_BYTES}")
    data = archive.read(info)
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{name} has version {version} of the .npy format")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.kind != "f" or math.prod(shape) * dtype.itemsize != len(data) - file.tell():
        raise ValueError(f"{name} declares {dtype} {shape} and holds {len(data) - file.tell()} bytes of values")
    values = np.frombuffer(data, dtype, offset=file.tell())
    return values.reshape(shape, order="F" if fortran else "C")
