"""The header of a .npy file is read as NumPy writes it, and anything else is refused."""

import io

import numpy as np
import pytest

from tinygan.formats.npy import read_npy_header


def written(array, version):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize(
    "array", [np.zeros((2, 3), np.float32), np.zeros(4, ">i8"), np.zeros(()), np.zeros((3, 2)).T], ids=str
)
def test_headers_that_numpy_writes_are_read(array, version):
    data = written(array, version)
    header = read_npy_header(io.BytesIO(data))
    assert header.descr == array.dtype.str and header.shape == array.shape
    assert header.fortran == (array.ndim > 1 and array.flags.f_contiguous)
    assert len(data) - header.start == array.nbytes


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is not a .npy file"),
        (b"\x93NUMPY\x03\x00", "version 1 or 2"),
        (b"\x93NUMPY\x01\x00\x02\x00{}", "its header b'{}'"),
        (written(np.zeros(2, [("a", "u1")]), (1, 0)), "its header"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"{" * 10**5, "its header"),
    ],
)
def test_other_headers_are_refused(data, why):
    with pytest.raises(ValueError, match=why):
        read_npy_header(io.BytesIO(data))
