"""The interpreter of pickles: plain values as Python reads them, and nothing else."""

import io
import os
import pickle
import pickletools
import time
import tracemalloc

import numpy as np
import pytest

from tinygan.errors import FormatError
from tinygan.formats.pickled import parse_pickle

from ..published import python2_pickle, random_bytes

VALUES = [
    None,
    True,
    0,
    255,
    256,
    65536,
    -5,
    "text ä",
    b"bytes \x00\xff",
    "long" * 100,
    [],
    [1, "a", [2, None]],
    (),
    (1,),
    (1, 2),
    (1, 2, 3),
    (1, 2, 3, 4),
    {},
    {"a": 1, b"b": [False], 3: {}},
]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_plain_values_read_as_python_reads_them(value, protocol):
    got = parse_pickle(pickle.dumps(value, protocol), "a")
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_bytes_read_as_numpy_reads_them(protocol, order):
    array = np.asarray(random_bytes(4, 5), order=order)
    got = parse_pickle(pickle.dumps([array, array], protocol), "a")
    np.testing.assert_array_equal(got[0], array)
    assert got[0] is got[1], "one array, named twice"


def test_pickles_of_python_2_give_strings_as_bytes():
    table = {"data": random_bytes(300, 3), "labels": [1, 2, 300], "long": "x" * 300}
    data = python2_pickle(table)
    pickletools.dis(data, out=io.StringIO())  # a valid program
    python = pickle.loads(data, encoding="bytes")
    got = parse_pickle(data, "a")
    np.testing.assert_array_equal(got.pop(b"data"), python.pop(b"data"))
    assert got == python == {b"labels": [1, 2, 300], b"long": b"x" * 300}


def test_a_value_that_holds_itself_is_read():
    loop: list = []
    loop.append(loop)
    got = parse_pickle(pickle.dumps(loop), "a")
    assert got[0] is got


class Command:
    def __reduce__(self):
        return os.system, ("touch ran",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_nothing_is_run(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormatError, match=r"a: is not a pickle of plain values .*system.*; download it again"):
        parse_pickle(pickle.dumps(Command(), protocol), "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "value", [1.5, {1, 2}, np.float32(1), np.zeros(3), np.array([None]), np.array(["a"]), 2**70, range(3), Command]
)
def test_other_types_are_refused(value):
    with pytest.raises(FormatError):
        parse_pickle(pickle.dumps(value), "a")


ARRAY = pickle.dumps(np.zeros((2, 3), np.uint8), 4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"N",
        b"K",
        b"a.",
        b"h\0.",
        b"(t",
        b"]K\1s.",
        b"}K\1a.",
        b"N(.",  # what lies below a mark is out of reach until its end
        b"](K\1a.",
        b"}(K\1u.",
        b"}]K\1s.",  # a list as a key
        b"cos\nsystem\n.",
        b"cnumpy\nload\n.",
        b"cnumpy\ndtype\nK\1\x85R.",
        b"cnumpy\nndarray\nK\1\x85R.",
        b"cnumpy\ndtype\nK\1R.",
        b"c_codecs\nencode\nX\1\0\0\0aU\5utf_7\x86R.",
        b"\x8e" + b"\xff" * 8 + b".",
        b"\x96" + b"\0\0\0\0\0\0\0\x7f.",
        b"}" + b")\x85" * 5000 + b"K\1s.",  # a deep tuple as a key
        b")\x85" * 5000 + b"X\1\0\0\0a\x93.",  # and as a module
        ARRAY.replace(b"K\x02K\x03", b"K\x02K\x04"),
        ARRAY.replace(b"K\x02K\x03", b"K\xffK\xff"),
    ],
)
def test_broken_programs_are_refused(data):
    with pytest.raises(FormatError) as caught:
        parse_pickle(data, "a")
    assert str(caught.value).isprintable()


def test_the_memory_is_no_larger_than_what_is_put_there():
    tracemalloc.start()
    assert parse_pickle(b"Nr\xff\xff\xff\xff.", "a") is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 2**16


COPIES = {  # of 100 kB that are there once: the value and what makes it are kept, and asked for 200 times
    "text": b"c_codecs\nencode\nq\0X\xa0\x86\1\0%bX\6\0\0\0latin1\x86q\1(%bt." % (b"a" * 100_000, b"h\0h\1R" * 200),
    "array": pickle.dumps(np.zeros(100_000, np.uint8), 4)[:-1] + b"(" + b"h\2h\x08Rh\x13b" * 200 + b"t.",
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_without_end_are_refused(kind):
    tracemalloc.start()
    with pytest.raises(FormatError, match="more bytes than"):
        parse_pickle(COPIES[kind], "a")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 6 * len(COPIES[kind])


def test_a_shape_of_many_sides_is_refused_at_once():
    array = pickle.dumps(np.zeros(256, np.uint8), 4)
    bad = array.replace(b"M\0\1\x85", b"(" + b"K\xff" * 300_000 + b"t")
    start = time.process_time()
    with pytest.raises(FormatError, match="whose shape does not have"):
        parse_pickle(bad, "a")
    assert time.process_time() - start <= 1
