"""A safe reader of pickles of plain values.

A pickle is a program for a stack machine (Python's ``pickletools`` lists the instructions). This module implements the
instructions for numbers, texts, tuples, lists and tables; each file reader adds what its files need. The machine calls only
the functions it is given and imports nothing. Its memory is proportional to the bytes it has read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

_MOST_NAME = 200  # bytes of a module's or a class's name


def unpickle(
    data: memoryview, at: int, known: Mapping[tuple[str, str], Any], more: dict[bytes, Callable[[Machine], None]]
) -> tuple[Any, int]:
    """The value of the pickle that begins at byte ``at``, and the position after it.

    ``known`` maps each (module, name) that the pickle may use to a value, or to a function that it may call. ``more`` has
    further instructions. Raises ValueError, TypeError, LookupError or struct.error for everything else, and the
    exceptions of those functions.
    """
    machine, do = Machine(data, at, known), _DO | more
    while (code := machine.take(1)) != b".":
        if code not in do:
            raise ValueError(f"has the instruction {code!r} at byte {machine.at - 1}, which plain values do not need")
        do[code](machine)
    return machine.stack.pop(), machine.at


class Machine:
    """The state of the machine: the bytes and the position in them, the stack, and the memo of values for later use."""

    def __init__(self, data: memoryview, at: int, known: Mapping[tuple[str, str], Any]) -> None:
        self.data, self.at, self.known = data, at, known
        self.stack: list[Any] = []  # values since the last mark
        self.below: list[list[Any]] = []  # values before each mark
        self.memo: dict[int, Any] = {}

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise ValueError(f"ends inside the pickle, at byte {self.at}")
        self.at += count
        return bytes(self.data[self.at - count : self.at])

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        text, end, _ = bytes(self.data[self.at : self.at + _MOST_NAME]).partition(b"\n")
        if not end:
            raise ValueError(f"has an unterminated name at byte {self.at}")
        self.at += len(text) + 1
        return text.decode("ascii")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self, count: int) -> list[Any]:
        """Remove and return the last ``count`` values, in order."""
        if count > len(self.stack):
            raise ValueError(f"takes {count} values from a stack of {len(self.stack)} at byte {self.at}")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def keep(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def named(self, module: object, name: object) -> None:
        if type(module) is not str or type(name) is not str:  # the hash and repr of a nested tuple can take very long
            raise ValueError(f"has a name that is not a text at byte {self.at}")
        if (module, name) not in self.known:
            raise ValueError(f"uses {module[:60]}.{name[:60]}, which such a file does not need")
        self.push(self.known[module, name])

    def call(self) -> None:
        function, arguments = self.pop(2)
        if not any(function is known for known in self.known.values()) or type(arguments) is not tuple:
            raise ValueError(f"calls an object that is not a function at byte {self.at}")
        self.push(function(*arguments))

    def extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise ValueError(f"appends to an object that is not a list at byte {self.at}")
        target += items

    def set(self, items: list[Any]) -> None:
        target, keys = self.stack[-1], items[::2]
        if type(target) is not dict or not all(map(_is_key, keys)):
            raise ValueError(f"sets items of an object that is not a table of texts at byte {self.at}")
        target.update(zip(keys, items[1::2], strict=True))


def _is_key(key: Any) -> bool:
    """Keys are texts or 32-bit integers: larger integers can share one hash, and hashing a deep tuple can overflow the
    C stack."""
    return type(key) in (str, bytes) or (type(key) is int and key.bit_length() <= 32)


_DO: dict[bytes, Callable[[Machine], None]] = {
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"K": lambda m: m.push(m.number("B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"J": lambda m: m.push(m.number("<i")),
    b"X": lambda m: m.push(m.take(m.number("<I")).decode()),
    b"(": Machine.mark,
    b")": lambda m: m.push(()),
    b"\x85": lambda m: m.push(tuple(m.pop(1))),
    b"\x86": lambda m: m.push(tuple(m.pop(2))),
    b"\x87": lambda m: m.push(tuple(m.pop(3))),
    b"t": lambda m: m.push(tuple(m.since_mark())),
    b"]": lambda m: m.push([]),
    b"a": lambda m: m.extend(m.pop(1)),
    b"e": lambda m: m.extend(m.since_mark()),
    b"}": lambda m: m.push({}),
    b"s": lambda m: m.set(m.pop(2)),
    b"u": lambda m: m.set(m.since_mark()),
    b"q": lambda m: m.keep(m.number("B")),
    b"r": lambda m: m.keep(m.number("<I")),
    b"h": lambda m: m.push(m.memo[m.number("B")]),
    b"j": lambda m: m.push(m.memo[m.number("<I")]),
    b"c": lambda m: m.named(m.line(), m.line()),
    b"R": Machine.call,
}
