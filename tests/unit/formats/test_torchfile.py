"""PyTorch's files, made here byte by byte as torch.save makes them; tests/gold reads files that PyTorch wrote."""

import io
import pickle
import struct
import sys
import time
import zipfile
from collections import OrderedDict
from types import ModuleType

import numpy as np
import pytest

from tinygan.errors import DataError, FormatError
from tinygan.formats.torchfile import parse_torch, read_torch

NAMES = {"float32": "Float", "float64": "Double", "float16": "Half", "int64": "Long", "uint8": "Byte"}
ARRAYS = {
    "w": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "turned": np.arange(6, dtype=np.float64).reshape(2, 3).T,
    "count": np.array(7),
    "half": np.arange(3, dtype=np.float16),
    "bytes": np.arange(5, dtype=np.uint8),
}


class Storage:
    def __init__(self, array, key):
        self.array, self.key = array, key


class Rebuilt:
    """A tensor, pickled as the call that makes it."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return _rebuild_tensor_v2, self.arguments


def _rebuild_tensor_v2(*arguments):
    raise AssertionError("the reader calls nothing of the file's")


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        kind = getattr(sys.modules["torch"], f"{NAMES[value.array.dtype.name]}Storage")
        return ("storage", kind, value.key, "cpu", value.array.size, *self.view)

    view = ()


@pytest.fixture
def torch(monkeypatch):
    """Stand-ins of that name, so that pickle writes the names that a file has."""
    module, utils = ModuleType("torch"), ModuleType("torch._utils")
    for kind in NAMES.values():
        setattr(module, f"{kind}Storage", type(f"{kind}Storage", (), {"__module__": "torch"}))
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setattr(_rebuild_tensor_v2, "__module__", "torch._utils")
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def table_of(arrays):
    storages = {key: Storage(a if a.flags.c_contiguous else a.T, str(i)) for i, (key, a) in enumerate(arrays.items())}
    table = OrderedDict()
    for key, a in arrays.items():
        stride = tuple(step // a.itemsize for step in a.strides)
        table[key] = Rebuilt(storages[key], 0, a.shape, stride, False, OrderedDict())
    table._metadata = OrderedDict({"": {"version": 1}})
    return table, list(storages.values())


def pickled(value, view=()):
    file = io.BytesIO()
    pickler = Pickler(file, protocol=2)
    pickler.view = view
    pickler.dump(value)
    return file.getvalue()


def stream(arrays):
    table, storages = table_of(arrays)
    parts = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}]
    data = b"".join(pickled(part) for part in parts) + pickled(table, (None,))
    data += pickled([storage.key for storage in storages])
    return data + b"".join(struct.pack("<q", s.array.size) + s.array.tobytes() for s in storages)


def archive(arrays, compression=zipfile.ZIP_STORED):
    table, storages = table_of(arrays)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as out:
        out.writestr("any/data.pkl", pickled(table))
        out.writestr("any/byteorder", "little")
        for storage in storages:
            out.writestr(f"any/data/{storage.key}", storage.array.tobytes())
        out.writestr("any/version", "3\n")
    return file.getvalue()


@pytest.mark.parametrize("write", [stream, archive])
def test_tensors_come_back_with_values_types_and_shapes(torch, tmp_path, write):
    (tmp_path / "a.pth").write_bytes(write(ARRAYS))
    found = read_torch(tmp_path / "a.pth")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
        assert not found[name].flags.writeable


def swap(data, old, new):
    assert data.count(old) >= 1
    return data.replace(old, new, 1)


def evil(data):
    """A call of another function, in the place of the table."""
    attack = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."
    start = data.index(b"\x80\x02ccollections")
    return data[:start] + attack + data[start:]


BAD = {
    "cut": (lambda d: d[:-1], "the storage 4 is truncated or has another length"),
    "cut in its pickle": (lambda d: d[:300], "ends inside the pickle"),
    "empty": (lambda d: b"", "ends inside the pickle, at byte 0"),
    "more": (lambda d: d + b"x", "goes on after its tensors"),
    "other": (lambda d: b"\x80\x02K\x01.", "does not start with PyTorch's magic number"),
    "big endian": (lambda d: swap(d, b"\x88", b"\x89"), "little-endian"),
    "call": (evil, "uses posix.system, which such a file does not need"),
    "vast tensor": (lambda d: swap(d, b"K\x02K\x03K\x04\x87", b"K\xffK\xffK\xff\x87"), "'w' outside its storage of 24"),
    "offset": (lambda d: swap(d, b"K\x00K\x02K\x03K\x04\x87", b"K\x01K\x02K\x03K\x04\x87"), "outside its storage"),
    "negative": (lambda d: swap(d, b"K\x02K\x03K\x04\x87", b"J\xff\xff\xff\xffK\x03K\x04\x87"), "natural numbers"),
    "protocol": (lambda d: swap(d, b"\x80\x02", b"\x80\x04"), "protocol 4, not 2"),
    "storage size": (lambda d: swap(d, b"K\x18", b"K\x19"), "the storage 0 is truncated or has another length"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_stream_is_one_clear_line(torch, name):
    change, message = BAD[name]
    with pytest.raises(FormatError, match=r"^file: .*; expected a PyTorch file of named tensors .*; download it") as e:
        parse_torch(change(stream(ARRAYS)), "file")
    assert message in str(e.value)
    assert str(e.value).isprintable()


def test_a_damaged_archive_is_one_clear_line(torch):
    data = archive(ARRAYS)
    numbers = ARRAYS["w"].tobytes()
    for bad, message in (
        (data[:-30], "not a zip file"),
        (swap(data, numbers, numbers[::-1]), "CRC"),
        (archive(ARRAYS, zipfile.ZIP_DEFLATED), "compressed"),
        (data.replace(b"data.pkl", b"data.pkx"), "has 0 tables"),
        (data.replace(b"any/data/2", b"any/data/x"), "no item named"),
        (b"PK" + bytes(100), "not a zip file"),
    ):
        with pytest.raises(FormatError, match=message):
            parse_torch(bad, "file")


@pytest.mark.parametrize("value", [3, [], {"a": 1}, {"a": {"b": ()}}, {1: None}])
def test_pickles_that_are_not_a_table_of_tensors_are_refused(value):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("a/data.pkl", pickle.dumps(value, protocol=2))
    with pytest.raises(FormatError, match=r"its pickle is not a table|which is not a tensor"):
        parse_torch(file.getvalue(), "file")


@pytest.mark.parametrize("place", ["storage", "keys", "name", "table", "stride"])
def test_a_value_with_an_endless_repr_is_refused_at_once(torch, place):
    laughs = b")" + b"q\x00h\x00\x86" * 60  # a pair of one pair, sixty times over: 2**60 empty tuples
    data = stream(ARRAYS)
    old = {"storage": b"X\x01\x00\x00\x000", "name": b"X\x01\x00\x00\x00w", "stride": b"K\x0cK\x04K\x01\x87"}
    if place == "keys":
        at = data.index(b"\x80\x02]")
        bad = data[:at] + b"\x80\x02](" + laughs + laughs + b"e." + data[at:]
    elif place == "table":
        at = data.index(b"\x80\x02ccollections")
        bad = data[:at] + b"\x80\x02" + laughs + b"." + data[at:]
    else:
        bad = swap(data, old[place], laughs)
    with pytest.raises(FormatError) as e:
        parse_torch(bad, "file")
    assert len(str(e.value)) < 400


def test_keys_of_one_hash_are_refused_at_once():
    """They would take the square of their count to put into a table."""
    keys = b"".join(b"\x8a\x0a" + (k * (2**61 - 1)).to_bytes(10, "little") + b"N" for k in range(1, 20_000))
    start = time.process_time()
    with pytest.raises(FormatError, match="not a table of texts"):
        parse_torch(b"\x80\x02}(" + keys + b"u.", "file")
    assert time.process_time() - start <= 1


def test_a_file_that_is_missing_or_too_long_is_refused(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_torch(tmp_path / "none")
    (tmp_path / "long").write_bytes(bytes(11))
    with pytest.raises(FormatError, match="is longer than 10 bytes"):
        read_torch(tmp_path / "long", max_bytes=10)
