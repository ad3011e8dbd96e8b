"""A net as a table: its layers, the shape of each one's output, its parameters and running values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinygan.core.compose import Composite, Concat, Residual, Sequential
from tinygan.core.condition import Conditioned
from tinygan.core.constructor import call
from tinygan.core.layer import Layer, Shape, WithCondition, h_of, out_shape
from tinygan.core.tree import tree_size

WIDTH = 60  # columns of a layer's text, the most
Row = tuple[str, str, str, str]


def table(layers: tuple[Layer, ...], shape: Shape) -> str:
    """Four columns, a row for each layer and, indented, for the layers inside it, and a row of sums.   shape: of one sample."""
    f = Sequential(*layers)
    rows: list[Row] = [("layer", "output", "parameters", "running")]
    rows += [row for child, x in inner(f, shape) for row in described(child, x, 0)]
    rows.append(("total", str(f.out_shape(shape)), *sizes(f)))
    columns = 4 if tree_size(f.tree("running")) else 3
    widths = [max(len(row[i]) for row in rows) for i in range(columns)]
    lines = ["  ".join(_cell(row[i], widths[i], i) for i in range(columns)).rstrip() for row in rows]
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def described(f: Layer, x: Any, depth: int) -> Iterator[Row]:
    """The row of a layer whose input has shape x, then those of its parts."""
    parts = list(inner(f, x))
    text = "  " * depth + (type(f).__name__ if parts else call(f, without="init"))
    if len(text) > WIDTH:
        text = text[: WIDTH - 3] + "..."
    yield text, str(h_of(out_shape(f, x))), *sizes(f)
    for part, at in parts:
        yield from described(part, at, depth + 1)


def inner(f: Layer, x: Any) -> Iterator[tuple[Layer, Any]]:
    """The layers inside f, and the shapes of their inputs where f itself gets x; none of a layer of another kind."""
    children = f.children if isinstance(f, Composite) else ()
    if type(f) is Sequential:
        for child in children:
            yield child, x
            x = out_shape(child, x)
    elif isinstance(f, Residual | Concat):
        yield from ((child, x) for child in children)
    elif isinstance(f, Conditioned):
        stem, condition, last = children
        x = h_of(x)
        yield from ((stem, x), (condition, x), (last, WithCondition(stem.out_shape(x), condition.out_shape(x))))


def sizes(f: Layer) -> tuple[str, str]:
    """The number of trained and of running values, "" for none."""
    trained, running = (tree_size(f.tree(kind)) for kind in ("shapes", "running"))
    return f"{trained:,}" if trained else "", f"{running:,}" if running else ""


def _cell(text: str, width: int, column: int) -> str:
    return text.rjust(width) if column >= 2 else text.ljust(width)
