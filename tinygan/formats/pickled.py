"""Pickles of plain values and uint8 arrays, as Python 2 and 3 with NumPy write them.

This module extends ``tinygan.formats.unpickle`` by byte strings, the instructions of protocols 3 to 5, and the few
functions with which NumPy stores uint8 arrays. A file cannot run code, create an object of another type, or use more
memory than is proportional to its length.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import FormatError
from tinygan.formats.limits import MAX_RANK
from tinygan.formats.unpickle import Machine, unpickle

_UINT8 = object()


def parse_pickle(data: bytes, name: str) -> Any:
    """The value in a binary pickle (protocols 1 to 5). Strings of Python 2 become bytes, arrays become uint8 arrays.

    ``name`` is used in error messages. Raises FormatError (damaged, or other objects than plain values and uint8 arrays).
    """
    copies = _Copies(2 * len(data))  # a text becomes bytes, which become an array
    known, more = _KNOWN | {("_codecs", "encode"): copies.encode}, _MORE | {b"b": copies.build}
    try:
        return unpickle(memoryview(data), 0, known, more)[0]
    except (LookupError, TypeError, ValueError, struct.error) as error:
        raise FormatError(
            f"{name}: is not a pickle of plain values and byte arrays ({ascii(str(error))[1:-1]}); "
            "download it again, or use the binary version"
        ) from error


class _Copies:
    """Counts the bytes that are copied. A pickle can request a copy repeatedly, so the total is limited to ``left``."""

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ValueError("it copies more bytes than it contains")

    def encode(self, text: object, code: object) -> bytes:
        """Decode bytes that Python 3 has stored as a text for Python 2."""
        if type(text) is not str or code not in ("latin1", "latin-1"):
            raise TypeError("a string in an unknown encoding")
        self.spend(len(text))
        return text.encode("latin-1")

    def build(self, machine: Machine) -> None:
        """Set the state of an array: (version, shape, dtype, Fortran order, bytes). The state of a dtype is ignored."""
        array, state = machine.pop(2)
        machine.push(array)
        if array is _UINT8:
            return
        if type(array) is not np.ndarray or type(state) is not tuple:
            raise TypeError("a state for an object that has none")
        _, shape, kind, fortran, content = state
        whole = _frombuffer(content, kind, shape, "F" if fortran is True else "C")
        self.spend(whole.size)
        array.resize(whole.shape, refcheck=False)  # in place: the memo may already refer to it
        array[...] = whole


def _frombuffer(content: object, kind: object, shape: object, order: object) -> Array:
    if kind is not _UINT8 or type(content) is not bytes or type(shape) is not tuple or order not in ("C", "F", b"C"):
        raise TypeError("an array of another type than uint8")
    sides = len(shape) <= MAX_RANK and all(type(n) is int and 0 < n <= len(content) for n in shape)
    if not sides or math.prod(shape) != len(content):
        raise ValueError(f"an array whose shape does not have {len(content)} bytes")
    return np.frombuffer(content, np.uint8).reshape(shape, order="F" if order == "F" else "C")


def _reconstruct(kind: object, shape: object, code: object) -> Array:
    return np.empty(0, np.uint8)


def _dtype(name: object, *flags: object) -> object:
    if name not in ("u1", b"u1", "|u1", "uint8"):
        raise TypeError("an array of another type than uint8")
    return _UINT8


_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric", "numpy")
_NUMPY = {"_reconstruct": _reconstruct, "_frombuffer": _frombuffer, "dtype": _dtype, "ndarray": None}
_KNOWN: dict[tuple[str, str], Any] = {(module, name): _NUMPY[name] for module in _MODULES for name in _NUMPY}
_MORE: dict[bytes, Callable[[Machine], Any]] = {
    b"\x80": lambda m: m.number("B"),  # the protocol
    b"\x95": lambda m: m.number("<Q"),  # the length of a frame
    b"U": lambda m: m.push(m.take(m.number("B"))),
    b"T": lambda m: m.push(m.take(m.number("<I"))),
    b"C": lambda m: m.push(m.take(m.number("B"))),
    b"B": lambda m: m.push(m.take(m.number("<I"))),
    b"\x8e": lambda m: m.push(m.take(m.number("<Q"))),
    b"\x96": lambda m: m.push(m.take(m.number("<Q"))),
    b"\x8c": lambda m: m.push(m.take(m.number("B")).decode()),
    b"\x8d": lambda m: m.push(m.take(m.number("<Q")).decode()),
    b"\x94": lambda m: m.keep(len(m.memo)),
    b"\x93": lambda m: m.named(*m.pop(2)),
}
