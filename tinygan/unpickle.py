"""Pickles of plain values, read by a machine of our own that can do nothing else.

A pickle is a program for a stack machine (Python's ``pickletools`` lists the instructions). Here is the part of protocol 2
that numbers, texts, tuples, lists and tables need. It calls only the functions it is given, imports nothing, and never
asks for more memory than the bytes it has read account for.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

_MOST_NAME = 200  # bytes of a module's or a class's name


def unpickle(data: memoryview, at: int, known: Mapping[str, Any], persistent: Callable[[Any], Any]) -> tuple[Any, int]:
    """The value of the pickle that begins at byte ``at``, and the place behind it.

    ``known`` has what each "module.name" stands for that the pickle may use: a value, or a function that it may call.
    ``persistent`` turns a persistent id into its value. A table keeps its contents only, not the attributes of the class
    it came from. Raises ValueError, TypeError, LookupError or struct.error for everything else.
    """
    return _Machine(data, at, known, persistent).run()


class _Machine:
    def __init__(self, data: memoryview, at: int, known: Mapping[str, Any], persistent: Callable[[Any], Any]) -> None:
        self.data, self.at, self.known, self.persistent = data, at, known, persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> tuple[Any, int]:
        while (code := self.take(1)) != b".":
            if code not in _DO:
                raise ValueError(f"has the instruction {code!r} at byte {self.at - 1}, which no plain value needs")
            _DO[code](self)
        return self.stack.pop(), self.at

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
            raise ValueError(f"has a name without an end at byte {self.at}")
        self.at += len(text) + 1
        return text.decode("ascii")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self, count: int) -> list[Any]:
        """The last ``count`` values, in order."""
        if count > len(self.stack):
            raise ValueError(f"takes {count} values from a stack of {len(self.stack)} at byte {self.at}")
        start = len(self.stack) - count
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def since_mark(self) -> list[Any]:
        return self.pop(len(self.stack) - self.marks.pop())

    def keep(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def function(self) -> None:
        name = f"{self.line()}.{self.line()}"
        if name not in self.known:
            raise ValueError(f"uses {name}, which is not one of {', '.join(self.known)}")
        self.push(self.known[name])

    def call(self) -> None:
        function, arguments = self.pop(2)
        if not any(function is known for known in self.known.values()) or type(arguments) is not tuple:
            raise ValueError(f"calls what is no function at byte {self.at}")
        self.push(function(*arguments))

    def extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise ValueError(f"appends to what is no list at byte {self.at}")
        target += items

    def set(self, items: list[Any]) -> None:
        target, keys = self.stack[-1], items[::2]
        if type(target) is not dict or not all(type(key) in (str, int) for key in keys):
            raise ValueError(f"sets what is no table of texts at byte {self.at}")
        target.update(zip(keys, items[1::2], strict=True))

    def attributes(self) -> None:
        target, _ = self.pop(2)
        if type(target) is not dict:
            raise ValueError(f"gives attributes to what is no table at byte {self.at}")
        self.push(target)

    def protocol(self) -> None:
        if (number := self.number("B")) != 2:
            raise ValueError(f"is a pickle of protocol {number}, not 2")


_DO: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _Machine.protocol,
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"K": lambda m: m.push(m.number("B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"J": lambda m: m.push(m.number("<i")),
    b"\x8a": lambda m: m.push(int.from_bytes(m.take(m.number("B")), "little", signed=True)),
    b"G": lambda m: m.push(m.number(">d")),
    b"X": lambda m: m.push(m.take(m.number("<I")).decode()),
    b"(": lambda m: m.marks.append(len(m.stack)),
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
    b"c": _Machine.function,
    b"R": _Machine.call,
    b"b": _Machine.attributes,
    b"Q": lambda m: m.push(m.persistent(m.pop(1)[0])),
}
