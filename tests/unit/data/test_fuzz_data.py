"""Damaged files of every data set end in DataError (FormatError is one) or in pictures: never in another exception, a
long wait or a large allocation.

N mutated inputs of each kind, N = TINYGAN_FUZZ (60), the same for every run. Damage is done to the packed file, and to
what is inside it, packed again with checksums that fit.
"""

import gzip
import json
import os
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from tinygan.data import open_data
from tinygan.errors import DataError
from tinygan.formats.pickled import parse_pickle

from ..limits import within
from ..published import (
    celeba,
    cifar_binary,
    cifar_python,
    digits_table,
    emoji,
    mat,
    mat_array,
    picture_file,
    python3_pickle,
    random_bytes,
    tar,
    zipped,
)

N = int(os.environ.get("TINYGAN_FUZZ", "60"))
SECONDS = 2.0
SLACK = 2**23  # bytes besides a few times the file: pictures of the seeds, tables of zlib and tar, pillow's modules
EDGES = [0, 1, 2, 3, 255, 2**12, 2**15, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1]


def spoil(rng, data: bytes, other: bytes) -> bytes:
    """Changed bytes, a truncation, an insertion, a splice with another file, or a number written anywhere."""
    at = int(rng.integers(0, len(data) + 1))
    match rng.integers(0, 6):
        case 0 | 1:
            changed = bytearray(data)
            for place in rng.integers(0, max(1, len(data)), rng.integers(1, 4)):
                changed[place : place + 1] = rng.bytes(1)
            return bytes(changed)
        case 2:
            return data[:at]
        case 3:
            return data[:at] + rng.bytes(int(rng.integers(1, 9))) + data[at:]
        case 4:
            return data[:at] + other[int(rng.integers(0, len(other) + 1)) :]
        case _:
            return data[:at] + struct.pack(rng.choice(["<I", ">I"]), int(rng.choice(EDGES))) + data[at + 4 :]


def spoil_one(rng, files: dict[str, bytes]) -> dict[str, bytes]:
    """One of the files spoilt, lost or given another name."""
    names = list(files)
    name, other = (names[k] for k in rng.integers(0, len(names), 2))
    files = dict(files)
    match rng.integers(0, 8):
        case 0:
            files.pop(name)
        case 1:
            files[spoil(rng, name.encode(), b"a/b").decode("latin-1").replace("\0", "")[:99] or "a"] = files.pop(name)
        case _:
            files[name] = spoil(rng, files[name], files[other])
    return files


def packed(rng, files: dict[str, bytes], pack) -> bytes:
    """An archive, spoilt within or without."""
    match rng.integers(0, 3):
        case 0:
            return spoil(rng, pack(files), pack(files))
        case 1:
            return pack(spoil_one(rng, files) or {"a": b""})
        case _ if pack is tar:
            return gzip.compress(spoil(rng, tar(files, packed=False), b"\0" * 600))
        case _:  # the directory at the end of a zip archive
            data = pack(files)
            at = data.index(b"PK\1\2")
            return data[:at] + spoil(rng, data[at:], data[at:])


class Kinds:
    """By kind: rng ↦ files by name for the folder, of which open_data gets the first one or the folder."""

    def cifar_binary(rng):
        return {"cifar-100-binary.tar.gz": packed(rng, SEEDS["cifar binary"], tar)}

    def cifar_python(rng):
        return {"cifar-100-python.tar.gz": packed(rng, SEEDS["cifar python"], tar)}

    def svhn(rng):
        pictures, digits = random_bytes(4, 4, 3, 5), np.array([[1], [10], [3], [4], [5]])
        plain = [mat_array("X", pictures, 2, 9, packed=False), mat_array("y", digits, 2, 6, packed=False)]
        match rng.integers(0, 3):
            case 0:
                file = spoil(rng, mat(*plain), mat(*plain[::-1]))
            case 1:
                spoilt = zlib.compress(spoil(rng, plain[0], plain[1]))
                whole = mat_array("y", digits, 2, 6)
                file = mat(struct.pack("<II", 15, len(spoilt)) + spoilt, whole)
            case _:
                file = mat(mat_array("X", pictures, 2, 9), mat_array("y", digits, 2, 6))
                file = spoil(rng, file, file)
        return {"train_32x32.mat": file}

    def celeba(rng):
        files = SEEDS["celeba"]
        if rng.random() < 0.6:
            inside = {f"img_align_celeba/{k:06d}.jpg": SEEDS["jpeg"]["a"] for k in range(1, 7)}
            return files | {"img_align_celeba.zip": packed(rng, inside, zipped)}
        return spoil_one(rng, files)

    def pictures(rng):
        files = dict(SEEDS["pictures"])
        if rng.random() < 0.5:
            files["dataset.json"] = json.dumps({"labels": [[name, k] for k, name in enumerate(files)]}).encode()
        method = zipfile.ZIP_DEFLATED if rng.random() < 0.5 else zipfile.ZIP_STORED
        return {"a.zip": packed(rng, files, lambda files: zipped(files, method))}

    def npz(rng):
        files = SEEDS["npz"]
        method = zipfile.ZIP_DEFLATED if rng.random() < 0.5 else zipfile.ZIP_STORED
        return {"a.npz": packed(rng, files, lambda files: zipped(files, method))}

    def digits(rng):
        file = digits_table(8, 16, n=20)[0]
        text = gzip.decompress(file)
        if rng.random() < 0.3:
            at = int(rng.integers(0, len(text)))
            text = text[:at] + str(rng.integers(0, 20)).encode() + text[at + 1 :]
        else:
            text = spoil(rng, text, text.replace(b",", b"\n"))
        spoilt = gzip.compress(text)
        return {"digits.csv.gz": spoilt if rng.random() < 0.7 else spoil(rng, file, spoilt)}

    def emoji(rng):
        return {"emoji-datasource-google-16.0.0.tgz": packed(rng, SEEDS["emoji"], tar)}


def npy(array) -> bytes:
    header = f"{{'descr': {array.dtype.str!r}, 'fortran_order': False, 'shape': {array.shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + array.tobytes()


SEEDS = {
    "cifar binary": cifar_binary("cifar-100", n=1),
    "cifar python": cifar_python("cifar-100", n=1),
    "celeba": celeba(6, (12, 10)),
    "jpeg": {"a": picture_file(random_bytes(12, 10, 3), "JPEG")},
    "emoji": emoji("google", n=2),
    "pictures": {name: picture_file(random_bytes(5, 4, 3)) for name in ("cat/1.png", "cat/2.png", "dog/1.png")},
    "npz": {"x.npy": npy(random_bytes(6, 3, 3, 3)), "y.npy": npy(np.arange(6))},
}


def survive(k, seed_size, read) -> bool:
    """Was input k read? Raises what a reader should not do, with the number of the input."""
    with within(SECONDS, 8 * seed_size + SLACK, f"input {k} of {seed_size} bytes"):
        try:
            read()
            accepted = True
        except DataError as error:
            accepted = False
            assert str(error).isprintable(), f"input {k}: {error!r}"
        except Exception as error:
            raise AssertionError(f"input {k}: {type(error).__name__}, not DataError") from error
    return accepted


@pytest.fixture
def traced():
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("kind", [name for name in vars(Kinds) if not name.startswith("_")])
def test_damaged_sets_end_in_a_data_error_or_in_pictures(tmp_path, kind):
    rng, accepted = np.random.default_rng(40), 0
    for k in range(N):
        files = vars(Kinds)[kind](rng)
        for old in tmp_path.iterdir():
            old.unlink()
        for name, data in files.items():
            (tmp_path / name.replace("/", "_")[:99]).write_bytes(data)
        path = tmp_path if kind == "celeba" else tmp_path / next(iter(files))

        def read(path=path):
            data = open_data(path)
            pictures, labels = data.batch(np.arange(min(data.size, 64)))
            assert np.abs(pictures).max() <= 1
            assert labels["class"].max() < len(data.classes)

        accepted += survive(k, sum(map(len, files.values())), read)
    assert 0.01 * N <= accepted <= 0.8 * N  # the damage reaches the depths of the reader, and breaks files


@pytest.mark.usefixtures("traced")
def test_damaged_pickles_end_in_a_data_error_or_in_a_value():
    rng, accepted = np.random.default_rng(41), 0
    table = {"data": random_bytes(2, 9), "labels": [1, 300], "filenames": ["a", "b"], "deep": ((1, 2), [{}])}
    seeds = [python3_pickle(protocol)(table) for protocol in (2, 3, 4, 5)]
    seeds.append(cifar_python("cifar-10", n=1)["cifar-10-batches-py/test_batch"])
    for k in range(N):
        data = seeds[rng.integers(0, len(seeds))]
        for _ in range(rng.integers(1, 4)):
            data = spoil(rng, data, seeds[rng.integers(0, len(seeds))])
        accepted += survive(k, len(data), lambda data=data: parse_pickle(data, "a"))
    assert 0.01 * N <= accepted <= 0.8 * N
