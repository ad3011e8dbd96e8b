"""Pictures in .npz files."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from tinygan.data import open_data
from tinygan.errors import DataError, FormatError

from ..published import random_bytes, zipped

X, Y = random_bytes(6, 4, 5, 3), np.array([0, 2, 1, 0, 2, 2])


def saved(path, save=np.savez, **arrays):
    save(path / "a.npz", **arrays)
    return path / "a.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(("x", "y"), [("x", "y"), ("images", "labels"), ("x_train", "y_train")])
def test_pictures_and_labels_by_either_name(tmp_path, save, x, y):
    data = open_data(saved(tmp_path, save, **{x: X, y: Y}))
    pictures, labels = data.batch(np.array([5, 1]))
    np.testing.assert_allclose(pictures, X[[5, 1]] / 127.5 - 1, atol=1e-6)
    assert (labels["class"].tolist(), labels["class"].dtype) == ([2, 2], np.int64)
    assert (data.name, data.size, data.shape, data.classes) == ("a", 6, (4, 5, 3), ("0", "1", "2"))


def test_both_splits_in_one_file(tmp_path):
    path = saved(tmp_path, train_images=X, train_labels=Y[:, None], test_images=X[:2], test_labels=Y[:2, None])
    assert (open_data(path).size, open_data(path, split="test").size) == (6, 2)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, ">i4", np.int64, np.uint64, bool])
def test_labels_of_any_whole_numbers(tmp_path, kind):
    data = open_data(saved(tmp_path, x=X, y=(Y % 2).astype(kind)))
    assert data.batch(np.arange(6))[1]["class"].tolist() == (Y % 2).tolist()


def test_grey_fortran_order_and_no_labels(tmp_path):
    data = open_data(saved(tmp_path, x=np.asfortranarray(X[..., 0])))
    pictures, labels = data.batch(np.arange(6))
    np.testing.assert_allclose(pictures, X[..., :1] / 127.5 - 1, atol=1e-6)
    assert labels["class"].tolist() == [0] * 6


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"x": X.astype(np.float32)}, "x: is <f4 .*, not an array of integers"),
        ({"x": X.astype(object)}, "x: is .O .*, not an array of integers"),
        ({"x": X.astype(np.int16)}, r"x is int16 \(6, 4, 5, 3\)"),
        ({"x": X[:, :, 0, 0]}, r"x is uint8 \(6, 4\)"),
        ({"x": X[:0]}, r"x is uint8 \(0, 4, 5, 3\)"),
        ({"x": X, "y": Y[:5]}, r"y is int64 \(5,\) from 0 to 2"),
        ({"x": X, "y": Y - 1}, r"y is int64 \(6,\) from -1 to 1"),
        ({"x": X, "y": Y * 40_000}, r"y is int64 \(6,\) from 0 to 80000"),
    ],
)
def test_other_arrays_are_refused(tmp_path, arrays, why):
    with pytest.raises(FormatError, match=rf"a\.npz.*{why}; np\.savez\(file, x=\.\.\., y=\.\.\.\) writes"):
        open_data(saved(tmp_path, **arrays))


def test_missing_arrays_are_reported_with_those_in_the_file(tmp_path):
    with pytest.raises(DataError, match="no images of the split 'train', only pixels, y; "):
        open_data(saved(tmp_path, pixels=X, y=Y))
    with pytest.raises(DataError, match="no images of the split 'test', only x; "):
        open_data(saved(tmp_path, x=X), split="test")


def entry(header: bytes, content: bytes = b"") -> bytes:
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + content


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is not a .npy file of version 1 or 2"),
        (b"\x93NUMPY\7\0", "is not a .npy file of version 1 or 2"),
        (entry(b"{}"), "its header .* is not one"),
        (
            entry(b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999, 2, 2), }\n", b"a"),
            "declares .* 1 bytes",
        ),
        (entry(b"{'descr': '|u1', 'fortran_order': False, 'shape': (0, 999999999999999999, 9), }\n"), "declares"),
        (entry(b"{'descr': 'b2', 'fortran_order': False, 'shape': (1, 1, 1), }\n", b"a"), "not an array of integers"),
        (entry(b"{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1), }\n", b"ab"), "but has 2 bytes"),
    ],
)
def test_sizes_are_checked_before_anything_is_allocated(tmp_path, data, why):
    (tmp_path / "a.npz").write_bytes(zipped({"x.npy": data}, zipfile.ZIP_STORED))
    tracemalloc.start()
    with pytest.raises(FormatError, match=why):
        open_data(tmp_path / "a.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 2**20


def test_a_pickle_inside_is_not_opened(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}]), allow_pickle=True)
    (tmp_path / "a.npz").write_bytes(zipped({"x.npy": buffer.getvalue()}))
    with pytest.raises(FormatError, match="not an array of integers"):
        open_data(tmp_path / "a.npz")
