"""The safetensors room: the official library is the second opinion, damage is always noticed, attacks cost nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy as official
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygan.errors import DataError, FormatError, UsageError
from tinygan.formats.safetensors import load, save
from tinygan.formats.safetensors_header import DTYPES, MAX_HEADER, MAX_TENSORS

A = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
LAYOUTS: dict[str, np.ndarray] = {
    "c": A,
    "fortran": np.asfortranarray(A),
    "transposed": A.transpose(2, 0, 1),
    "strided": A[:, ::2, 1::2],
    "strided, 1-d": A.ravel()[::3],
    "reversed": A[::-1, :, ::-1],
    "broadcast": np.broadcast_to(A[:1], (5, 3, 4)),
    "0-d": np.array(3.5),
    "empty": np.zeros((0, 3), np.int16),
    "big-endian": A.astype(">f4"),
    "big-endian, strided": A.astype(">f8")[:, ::2],
    "read-only": np.frombuffer(b"\1\2\3", np.uint8),
}


@pytest.fixture(autouse=True, scope="module")
def no_fsync() -> Iterator[None]:
    """The disk's speed is not under test here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    """Equal names, shapes, values bit for bit, and dtypes up to the byte order."""
    return a.keys() == b.keys() and all(
        a[k].shape == b[k].shape
        and a[k].dtype == b[k].dtype.newbyteorder("<")
        and a[k].tobytes() == b[k].astype(b[k].dtype.newbyteorder("<")).tobytes()
        for k in a
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_memory_layout_is_written_by_value(tmp_path: Path, layout: str) -> None:
    tensors = {"x": LAYOUTS[layout], "y": A}
    save(tmp_path / "f", tensors, {"a": 'ä\n"\\'})
    loaded, metadata = load(tmp_path / "f", digest=True)
    assert same(loaded, tensors)
    assert metadata == {"a": 'ä\n"\\'}
    assert all(x.flags.writeable and x.flags.c_contiguous and x.flags.aligned for x in loaded.values())


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_goes_both_ways_through_the_official_library(tmp_path: Path, dtype: str) -> None:
    tensors = {"x": np.array([[0, 1], [1, 1]]).astype(DTYPES[dtype]), "odd": np.ones(3, bool)}
    save(tmp_path / "ours", tensors)
    assert same(official.load_file(tmp_path / "ours"), tensors)
    official.save_file(tensors, tmp_path / "theirs")
    assert same(load(tmp_path / "theirs")[0], tensors)


states = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda name: name != "__metadata__"),
    hnp.arrays(
        st.sampled_from(list(DTYPES.values())), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=50, deadline=None)
@given(tensors=states)
def test_the_bytes_are_those_of_the_official_writer(tmp_path_factory: pytest.TempPathFactory, tensors: dict) -> None:
    path = tmp_path_factory.getbasetemp() / "random.safetensors"
    save(path, tensors)
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert data == official.save(tensors, header["__metadata__"])
    assert same(official.load(data), tensors)
    assert same(load(path, digest=True)[0], tensors)


def test_an_empty_state_and_many_metadata_go_round(tmp_path: Path) -> None:
    metadata = {f"key {i}": str(i) for i in range(20)}
    save(tmp_path / "f", {}, metadata)
    assert load(tmp_path / "f", digest=True) == ({}, metadata)
    with official.safe_open(tmp_path / "f", "numpy") as file:
        assert file.metadata().items() >= metadata.items()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small"
    tensors = {"w": np.array([0.5, 2], np.float32), "on": np.array([True, False, True]), "step": np.array(7)}
    save(path, tensors, {"seed": "1"})
    return path


def test_every_flipped_bit_is_detected_without_digest_true(small: Path) -> None:
    missed = []
    with small.open("r+b", buffering=0) as file:
        for bit in range(8 * small.stat().st_size):
            (byte,) = os.pread(file.fileno(), 1, bit // 8)
            os.pwrite(file.fileno(), bytes([byte ^ 1 << bit % 8]), bit // 8)
            try:
                load(small)
                missed.append(bit)
            except FormatError:
                pass
            os.pwrite(file.fileno(), bytes([byte]), bit // 8)
    assert missed == []
    load(small, digest=True)


def test_every_truncation_and_every_extension_is_noticed(small: Path) -> None:
    data = small.read_bytes()
    with small.open("r+b") as file:
        for length in reversed(range(len(data))):
            file.truncate(length)
            with pytest.raises(FormatError, match=f"has {length} bytes; expected at least|tensors end at"):
                load(small)
    for extra in (b"\0", b" ", data):
        small.write_bytes(data + extra)
        with pytest.raises(FormatError):
            load(small)


def test_a_file_without_a_digest_is_read_only_where_none_is_demanded(tmp_path: Path) -> None:
    official.save_file({"x": A}, tmp_path / "f")
    assert same(load(tmp_path / "f")[0], {"x": A})
    with pytest.raises(FormatError, match="no digest"):
        load(tmp_path / "f", digest=True)


def test_a_path_that_is_not_a_file_is_a_data_error(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, tmp_path / "x\0y", Path("/dev/zero")):
        with pytest.raises(DataError, match="check the path"):
            load(path)
    with pytest.raises(DataError, match="No such file"):
        save(tmp_path / "missing" / "f", {"x": A})


@pytest.mark.parametrize(
    ("tensors", "metadata", "match"),
    [
        ({"x": np.zeros(2, complex)}, {}, "complex128; expected one of U64"),
        ({"x": np.array(["a"])}, {}, "dtype <U1"),
        ({"x": np.array([None])}, {}, "dtype object"),
        ({"__metadata__": A}, {}, "'__metadata__'"),
        ({3: A}, {}, "must be texts"),
        ({"x": A}, {"step": 3}, "must be texts"),
        ({"\ud800": A}, {}, "not Unicode"),
        ({"x": A}, {"tinygan.digest": ""}, "tinygan.digest"),
        ({"x": A}, {"a": "a" * MAX_HEADER}, "at most"),
        ({str(i): A[0, 0, 0] for i in range(MAX_TENSORS + 1)}, {}, "at most"),
    ],
)
def test_tensors_that_no_reader_accepts_are_not_written(
    tmp_path: Path, tensors: dict, metadata: dict, match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        save(tmp_path / "f", tensors, metadata)
    assert list(tmp_path.iterdir()) == []


def test_inputs_are_left_as_they_are(tmp_path: Path) -> None:
    x, metadata = np.asfortranarray(A), {"a": "b"}
    before = x.copy()
    save(tmp_path / "f", {"x": x}, metadata)
    assert np.array_equal(x, before) and x.flags.f_contiguous and metadata == {"a": "b"}
