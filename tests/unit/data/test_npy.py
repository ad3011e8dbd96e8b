"""A .npy file of images is read a batch at a time, or refused in one line."""

import contextlib
import io
import random
import tracemalloc

import numpy as np
import pytest

from tinygan.data.npy import Npy
from tinygan.errors import DataError, FormatError

MUTATIONS = 500


def write(path, array):
    np.save(path, array)
    return Npy(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64, ">f4"])
def test_batches_are_the_images_in_any_order_and_type(tmp_path, rng, dtype):
    pixels = rng.integers(0, 256, (9, 4, 5, 3)).astype(np.uint8)
    images = (pixels / 127.5 - 1).astype(np.float32)
    data = write(tmp_path / "x.npy", pixels if dtype == np.uint8 else images.astype(dtype))
    assert (data.size, data.shape) == (9, (4, 5, 3))
    x, labels = data.batch(np.array([7, 0, 7]))
    np.testing.assert_allclose(x, images[[7, 0, 7]], atol=1e-3 if dtype == np.float16 else 1e-7)
    assert x.dtype == np.float32 and labels["class"].tolist() == [0, 0, 0]


def test_a_batch_takes_the_memory_of_its_images_only(tmp_path):
    data = write(tmp_path / "x.npy", np.zeros((2000, 32, 32, 3), np.float32))
    tracemalloc.start()
    data.batch(np.arange(0, 2000, 200))
    assert tracemalloc.get_traced_memory()[1] < 40 * 32 * 32 * 3 * 4
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 8, 8), np.float32), r"has <f4 \(4, 8, 8\); expected images"),
        (np.zeros((4, 8, 8, 2), np.float32), "with C of 1 or 3"),
        (np.zeros((0, 8, 8, 1), np.float32), "expected images"),
        (np.zeros((4, 8, 8, 1), np.int64), "has <i8"),
        (np.asfortranarray(np.zeros((4, 8, 8, 3), np.float32)), "Fortran order"),
        (np.array([{}, None]), "has .O "),
    ],
)
def test_an_array_of_another_kind_is_refused(tmp_path, array, message):
    with pytest.raises(FormatError, match=message):
        write(tmp_path / "x.npy", array)


@pytest.mark.parametrize("value", [2.0, -1.5, np.nan, np.inf])
def test_pixels_out_of_range_are_refused_when_they_are_read(tmp_path, value):
    images = np.zeros((3, 4, 4, 1), np.float32)
    images[1, 2, 2] = value
    data = write(tmp_path / "x.npy", images)
    data.batch(np.array([0, 2]))
    with pytest.raises(FormatError, match="expected floats in \\[-1, 1\\] or uint8"):
        data.batch(np.array([1]))


def test_a_file_that_is_missing_cut_or_no_array_is_refused(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        Npy(tmp_path / "none.npy")
    path = tmp_path / "x.npy"
    write(path, np.zeros((3, 4, 4, 1), np.float32))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match="but has 191 bytes"):
        Npy(path)
    path.write_bytes(b"not an array")
    with pytest.raises(FormatError, match=r"is not a \.npy file"):
        Npy(path)


def test_mutated_files_give_the_documented_error_or_images(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((2, 2, 2, 1), np.uint8))
    whole, rng, path = buffer.getvalue(), random.Random(0), tmp_path / "x.npy"
    read = 0
    for _ in range(MUTATIONS):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(data))
            data[at : at + rng.randint(0, 2)] = bytes(rng.choices(b"()[]{}'\",:0123456789 \n\x00abLTF\xff", k=1))
        path.write_bytes(data)
        with contextlib.suppress(FormatError):
            read += Npy(path).batch(np.array([1]))[0].size > 0
    assert 0 < read < MUTATIONS
