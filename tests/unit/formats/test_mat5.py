"""MATLAB 5 files, and SVHN in them."""

import struct
import zlib

import numpy as np
import pytest

from tinygan.data import open_data
from tinygan.errors import DataError, FormatError
from tinygan.formats.mat5 import read_mat

from ..published import mat, mat_array, mat_element, random_bytes, svhn


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [True, False])
def test_arrays_come_with_their_sizes_column_by_column(tmp_path, order, packed):
    cube, row = random_bytes(2, 3, 4), np.array([[1, 2, 700]])
    arrays = [mat_array("cube", cube, 2, 9, order, packed), mat_array("r", row, 4, 6, order, packed)]
    (tmp_path / "a.mat").write_bytes(mat(*arrays, order=order))
    got = read_mat(tmp_path / "a.mat")
    assert list(got) == ["cube", "r"]
    np.testing.assert_array_equal(got["cube"], cube)
    np.testing.assert_array_equal(got["r"], row)


def test_the_bytes_are_the_format_by_hand(tmp_path):
    """A double 1 x 2 of the numbers 3, 4 stored as bytes: small elements for the name and the numbers."""
    body = bytes.fromhex("06000000 08000000 06000000 00000000 05000000 08000000 01000000 02000000 01000100 78000000")
    body += bytes.fromhex("02000200 03040000")
    file = b"MATLAB 5.0 MAT-file".ljust(124) + bytes.fromhex("00014d49 0e000000") + struct.pack("<I", len(body)) + body
    (tmp_path / "a.mat").write_bytes(file.replace(b"\x00\x01MI", b"\x00\x01IM"))
    assert read_mat(tmp_path / "a.mat")["x"].tolist() == [[3, 4]]
    assert file.replace(b"\x00\x01MI", b"\x00\x01IM")[128:] == mat_array("x", np.array([[3, 4]]), 2, 6, packed=False)


def test_other_variables_are_ignored(tmp_path):
    text = mat_array("t", np.array([[104, 105]]), 4, 4)  # class 4: characters
    cell = struct.pack("<II", 14, 16) + mat_element(6, struct.pack("<II", 1, 0))
    extra = mat_element(2, b"not an array at all")
    (tmp_path / "a.mat").write_bytes(mat(text, cell, extra, mat_array("x", np.ones((1, 1)), 9, 6)))
    assert {name: array.tolist() for name, array in read_mat(tmp_path / "a.mat").items()} == {"x": [[1.0]]}


ONE = mat_array("x", np.ones((2, 2)), 9, 6, packed=False)


def packed(declared: int, data: bytes) -> bytes:
    body = zlib.compress(struct.pack("<II", 14, declared) + data)
    return struct.pack("<II", 15, len(body)) + body


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "does not have the header"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM", "does not have the header"),
        (mat(ONE[:-1]), "an element of 80 bytes where 79 are left"),
        (mat(ONE[:5]), "unpack"),
        (mat(struct.pack("<II", 14, 2**32 - 1)), "an element of 4294967295 bytes where 0 are left"),
        (mat(packed(2**31 + 8, b"")), "declares a compressed element of type 14 and 2147483656 bytes"),
        (mat(packed(2**25, b"")), "declares a compressed element of type 14 and 33554432 bytes in"),
        (mat(packed(16, bytes(8))), "compressed element that is not the 16 bytes"),
        (mat(packed(8, bytes(16))), "compressed element that is not the 8 bytes"),
        (mat(struct.pack("<II", 15, 4) + b"rubb"), "while decompressing"),
        (mat(ONE.replace(struct.pack("<II", 2, 2), struct.pack("<II", 2, 3))), r"shape \(2, 3\) in 32 bytes"),
        (mat(ONE.replace(struct.pack("<II", 2, 2), struct.pack("<ii", -2, -2))), r"shape \(-2, -2\)"),
    ],
)
def test_the_message_says_what_is_wrong(tmp_path, data, why):
    (tmp_path / "a.mat").write_bytes(data)
    with pytest.raises(FormatError, match=rf"a\.mat: .*{why}.*; expected a MATLAB 5 file of arrays") as caught:
        read_mat(tmp_path / "a.mat")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(("order", "packed"), [("<", True), ("<", False), (">", True)])
def test_svhn_has_the_digit_zero_for_ten(tmp_path, order, packed):
    file, pictures, digits = svhn(12, order, packed)
    (tmp_path / "train_32x32.mat").write_bytes(file)
    data = open_data(tmp_path)
    got, labels = data.batch(np.arange(12))
    np.testing.assert_allclose(got, pictures / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(labels["class"], digits)
    assert (data.name, data.size, data.shape, data.classes) == ("svhn", 12, (32, 32, 3), tuple("0123456789"))
    with pytest.raises(DataError, match="has no test files of svhn"):
        open_data(tmp_path, split="test")


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        (None, np.ones((3, 1)), r"has the arrays 'y' uint8 \(3, 1\); expected X"),
        (random_bytes(4, 4, 3, 3), np.ones((2, 1)), r"'X' uint8 \(4, 4, 3, 3\), 'y' uint8 \(2, 1\)"),
        (random_bytes(4, 4, 3, 2), np.array([[1], [11]]), "a label outside 1 to 10"),
        (random_bytes(4, 4, 3, 2), np.array([[1], [0]]), "a label outside 1 to 10"),
    ],
)
def test_svhn_of_other_arrays_is_refused(tmp_path, x, y, why):
    arrays = [mat_array("y", y, 2, 6)] + ([] if x is None else [mat_array("X", x, 2, 9)])
    (tmp_path / "train_32x32.mat").write_bytes(mat(*arrays[::-1]))
    with pytest.raises(FormatError, match=why):
        open_data(tmp_path / "train_32x32.mat")
