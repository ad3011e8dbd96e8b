"""A page of a public module: every public name with its signature and its docstring."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import tinygan
from tinygan.book.commands import cell


def definitions(name: str, title: str) -> str:
    """The page of ``tinygan.NAME``."""
    module = importlib.import_module(f"tinygan.{name}")
    parts = [f"# {title}", fenced(inspect.getdoc(module) or "")]
    for inside in sorted(module.__all__, key=str.lower):
        found = getattr(module, inside)
        if isinstance(found, ModuleType):
            parts += [f"## `{name}.{inside}`", fenced(inspect.getdoc(found) or "")]
            for function, f in public(found):
                parts += entry("###", f"{inside}.{function}", f)
        elif callable(found):
            parts += entry("##", inside, found)
        else:
            parts += [f"## `{inside}`", constant(found)]
    return "\n\n".join(parts) + "\n"


def surface(title: str) -> str:
    """The page of the package: its functions and classes, and the methods of these."""
    parts = [f"# {title}", fenced(inspect.getdoc(tinygan) or "")]
    for name in sorted(tinygan.__all__, key=str.lower):
        found = getattr(tinygan, name)
        if callable(found):
            parts += [*entry("##", name, found), *methods(found)]
    return "\n\n".join(parts) + "\n"


def methods(found: Any) -> list[str]:
    """A table of a class's own methods: the first sentence of each."""
    own = (
        {n: f for n, f in vars(found).items() if inspect.isfunction(f) and not n.startswith("_")}
        if inspect.isclass(found)
        else {}
    )
    rows = [f"| `{name}{signature(f)}` | {cell(sentence(f))} |" for name, f in own.items() if f.__doc__]
    return ["\n".join(["| method | what it does |", "|---|---|", *rows])] if rows else []


def sentence(found: Any) -> str:
    """The first paragraph of a docstring."""
    return " ".join((inspect.getdoc(found) or "").split("\n\n")[0].split())


def entry(level: str, name: str, found: Any) -> list[str]:
    """The heading, signature and docstring of a function or class."""
    return [
        f"{level} `{name}`",
        fenced(f"{name.split('.')[-1]}{signature(found)}\n\n{inspect.getdoc(found) or ''}".strip()),
    ]


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions and classes that a module defines; of a module of nets those that return a net."""
    nets = module.__name__.startswith("tinygan.models.")
    for name, found in vars(module).items():
        own = getattr(found, "__module__", "") == module.__name__ and not name.startswith("_")
        if own and (inspect.isfunction(found) or inspect.isclass(found)):
            returned = str(getattr(found, "__annotations__", {}).get("return"))
            if not nets or "Net" in returned:
                yield name, found


def signature(found: Any) -> str:
    """(x, y, *, rng=None), without types; empty for an exception or a protocol, whose arguments differ between versions of
    Python."""
    if getattr(found, "_is_protocol", False) or (inspect.isclass(found) and issubclass(found, BaseException)):
        return ""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return ""
    kept = [p.replace(annotation=p.empty, default=short(p.default)) for p in parameters]
    return str(inspect.Signature(kept))


class Short:
    """A default whose own text is long."""

    def __repr__(self) -> str:
        return "..."


def short(default: Any) -> Any:
    """The default itself where its text is the same in every process."""
    return (
        default
        if default is inspect.Parameter.empty or isinstance(default, bool | int | float | str | None)
        else Short()
    )


def constant(found: Any) -> str:
    """The names in a table or tuple."""
    names = ", ".join(f"`{name}`" for name in found)
    return f"{names}."


def fenced(text: str) -> str:
    """A docstring as it stands: its formulas are laid out by hand."""
    return f"```text\n{text}\n```"
