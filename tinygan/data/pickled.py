"""Pickles of plain values, read by an interpreter that can build nothing else.

A pickle is a program for a stack machine (documented in Python's ``pickletools``). The instructions obeyed here make
None, booleans, whole numbers, strings, lists, tuples and dictionaries, and call the few functions by which NumPy's arrays
of bytes are stored. Any other instruction or function is refused: no file can run code, make an object of another type,
or ask for memory beyond its own length.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import FormatError

_MARK, _UINT8 = object(), object()
_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric", "numpy")
_FUNCTIONS = {(module, name) for module in _MODULES for name in ("_reconstruct", "_frombuffer", "ndarray", "dtype")}
_FUNCTIONS.add(("_codecs", "encode"))  # how Python 3 stores bytes for Python 2
_CONSTANTS = {b"N": None, b"\x88": True, b"\x89": False}
_NUMBERS = {b"K": "<B", b"M": "<H", b"J": "<i"}  # by instruction, the format of what follows
_BYTES = {b"U": "<B", b"T": "<I", b"C": "<B", b"B": "<I", b"\x8e": "<Q", b"\x96": "<Q"}  # the format of their length
_TEXTS = {b"X": "<I", b"\x8c": "<B", b"\x8d": "<Q"}
_PUTS, _GETS = {b"q": "<B", b"r": "<I"}, {b"h": "<B", b"j": "<I"}  # places in the memory
_TUPLES = {b")": 0, b"\x85": 1, b"\x86": 2, b"\x87": 3}
_PASSED = {b"\x80": "<B", b"\x95": "<Q"}  # the protocol and the length of a frame


def parse_pickle(data: bytes, name: str) -> Any:
    """The value in a binary pickle (protocols 1 to 5); strings of Python 2 come as bytes, arrays as uint8.

    ``name`` is for the messages. Raises FormatError (damaged, or more than plain values and arrays of bytes).
    """
    try:
        return _Machine(data).run()
    except (LookupError, TypeError, ValueError, struct.error) as error:
        raise FormatError(
            f"{name}: is no pickle of plain values and arrays of bytes ({error}); get the file again, or use the binary one"
        ) from error


class _Machine:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}

    def run(self) -> Any:
        while (code := self.take(1)) != b".":
            self.obey(code)
        return self.stack.pop()

    def obey(self, code: bytes) -> None:
        push, pop = self.stack.append, self.stack.pop
        if code in _NUMBERS:
            push(self.number(_NUMBERS[code]))
        elif code in _BYTES:
            push(self.take(self.number(_BYTES[code])))
        elif code in _TEXTS:
            push(self.take(self.number(_TEXTS[code])).decode("utf-8", "surrogatepass"))
        elif code in _PUTS:
            self.memory[self.number(_PUTS[code])] = self.stack[-1]
        elif code in _GETS:
            push(self.memory[self.number(_GETS[code])])
        elif code in _CONSTANTS:
            push(_CONSTANTS[code])
        elif code in _TUPLES:
            count = _TUPLES[code]
            push(tuple([pop() for _ in range(count)][::-1]))
        elif code in _PASSED:
            self.number(_PASSED[code])
        elif code in _OTHERS:
            _OTHERS[code](self)
        else:
            raise ValueError(f"instruction {code!r} at byte {self.at - 1}")

    def take(self, count: int) -> bytes:
        part = self.data[self.at : self.at + count]
        if len(part) < count:
            raise ValueError(f"ends after {len(self.data)} bytes")
        self.at += count
        return part

    def number(self, form: str) -> int:
        (value,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(value)

    def line(self) -> str:
        end = self.data.index(b"\n", self.at)
        return self.take(end + 1 - self.at)[:-1].decode("latin-1")

    def marked(self) -> list[Any]:
        """What was pushed since the last mark."""
        items = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def memoize(self) -> None:
        self.memory[len(self.memory)] = self.stack[-1]

    def extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise TypeError("an append to what is no list")
        self.stack[-1].extend(items)

    def update(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not dict or len(items) % 2:
            raise TypeError("entries for what is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (str, bytes, int):  # the hash of a deep tuple would overflow the C stack
                raise TypeError("a key that is no string or number")
            self.stack[-1][key] = value

    def function(self, module: object, name: object) -> None:
        if type(module) is not str or type(name) is not str or (module, name) not in _FUNCTIONS:
            raise ValueError(f"the name {str(module)[:60]!r} {str(name)[:60]!r}")
        self.stack.append(_Function(name))

    def call(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(arguments) is not tuple or type(function) is not _Function:
            raise TypeError("a call of what is no function")
        self.stack.append(_CALLS[function.name](*arguments))

    def build(self) -> None:
        """The state of an array: (version, shape, type, whether in Fortran's order, bytes); that of a type is known."""
        state = self.stack.pop()
        if self.stack[-1] is _UINT8:
            return
        array = self.stack[-1]
        if type(array) is not np.ndarray or type(state) is not tuple:
            raise TypeError("a state for what has none")
        _, shape, kind, fortran, content = state
        whole = _frombuffer(content, kind, shape, "F" if fortran is True else "C")
        array.resize(whole.shape, refcheck=False)  # in place: the memory may have it already
        array[...] = whole


class _Function:
    def __init__(self, name: str) -> None:
        self.name = name


def _frombuffer(content: object, kind: object, shape: object, order: object) -> Array:
    if kind is not _UINT8 or type(content) is not bytes or type(shape) is not tuple or order not in ("C", "F", b"C"):
        raise TypeError("an array of other things than bytes")
    if not all(type(n) is int and 0 < n <= len(content) for n in shape) or math.prod(shape) != len(content):
        raise ValueError(f"an array of {len(content)} bytes that has another shape")
    return np.frombuffer(content, np.uint8).reshape(shape, order="F" if order == "F" else "C")


def _reconstruct(kind: object, shape: object, code: object) -> Array:
    return np.empty(0, np.uint8)


def _dtype(name: object, *flags: object) -> object:
    if name not in ("u1", b"u1", "|u1", "uint8"):
        raise TypeError("an array of other things than bytes")
    return _UINT8


def _encode(text: object, code: object) -> bytes:
    if type(text) is not str or code not in ("latin1", "latin-1"):
        raise TypeError("a string in an unknown code")
    return text.encode("latin-1")


_CALLS: dict[str, Callable[..., Any]] = {
    "_reconstruct": _reconstruct,
    "_frombuffer": _frombuffer,
    "dtype": _dtype,
    "encode": _encode,
}
_OTHERS: dict[bytes, Callable[[_Machine], Any]] = {
    b"(": lambda m: m.stack.append(_MARK),
    b"]": lambda m: m.stack.append([]),
    b"}": lambda m: m.stack.append({}),
    b"t": lambda m: m.stack.append(tuple(m.marked())),
    b"a": lambda m: m.extend([m.stack.pop()]),
    b"e": lambda m: m.extend(m.marked()),
    b"s": lambda m: m.update([m.stack.pop(), m.stack.pop()][::-1]),
    b"u": lambda m: m.update(m.marked()),
    b"\x94": lambda m: m.memoize(),
    b"c": lambda m: m.function(m.line(), m.line()),
    b"\x93": lambda m: m.function(*[m.stack.pop(), m.stack.pop()][::-1]),
    b"R": lambda m: m.call(),
    b"b": lambda m: m.build(),
}
