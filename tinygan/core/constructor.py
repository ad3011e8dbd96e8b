"""The call that made an object, as its ``repr``: ``Conv2d(3, 64, 4, stride=2, pad=1)``."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import Any

import numpy as np

WIDTH = 100  # columns of ``pretty``


class Constructed:
    """A base class that keeps the arguments of the constructor and shows them.

    Arguments of the same type that were replaced since, the ``children`` of a composite, are shown as they are now.
    """

    _arguments: tuple[tuple[Any, ...], dict[str, Any]] = (), {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__init__" in vars(cls):
            cls.__init__ = _keeping_arguments(cls.__init__)  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return call(self)


def call(x: Any, without: str = "") -> str:
    """The call that made x; ``without`` is the name of an argument to leave out, here and in arguments that are such calls."""
    if not isinstance(x, Constructed):
        return f"array{x.shape}" if isinstance(x, np.ndarray) else getattr(x, "__name__", None) or repr(x)
    named = [(name, value) for name, value in _named_arguments(x) if not without or name != f"{without}="]
    return f"{type(x).__name__}({', '.join(name + call(value, without) for name, value in named)})"


def pretty(x: Any, indent: int = 0) -> str:
    """The ``repr`` of a constructed object, on several lines where it is longer than ``WIDTH``."""
    line = call(x)
    if not isinstance(x, Constructed) or indent + len(line) <= WIDTH:
        return line
    inner = " " * (indent + 2)
    parts = [f"\n{inner}{name}{pretty(value, indent + 2)}" for name, value in _named_arguments(x)]
    return f"{type(x).__name__}({','.join(parts)},\n{' ' * indent})"


def _keeping_arguments(init: Any) -> Any:
    @wraps(init)
    def keeping(self: Any, *args: Any, **options: Any) -> None:
        if "_arguments" not in vars(self):  # else it is the call of a base class
            self._arguments = args, options
        init(self, *args, **options)

    return keeping


def _named_arguments(x: Constructed) -> list[tuple[str, Any]]:
    """("", value) of the first two positional arguments and of all of *args, ("name=", value) of the others."""
    args, options = x._arguments
    parameters = [p for p in inspect.signature(type(x)).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    names = ["", "", *(f"{p.name}=" for p in parameters[2:]), *[""] * len(args)]
    children = iter(getattr(x, "children", ()))
    named = [*zip(names, args, strict=False), *((f"{name}=", value) for name, value in options.items())]
    return [(name, next(children, v) if isinstance(v, Constructed) else v) for name, v in named]
