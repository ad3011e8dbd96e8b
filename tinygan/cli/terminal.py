"""Text for a terminal: its width, paragraphs and tables that fit it, and a line cleared."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import TextIO

WIDEST = 100  # characters; longer lines are hard to read


def width() -> int:
    """Characters a line: those of the terminal, 80 where there is none, at most WIDEST."""
    return min(shutil.get_terminal_size().columns, WIDEST)


def paragraph(text: str, indent: str = "", first: str | None = None) -> str:
    """The text in lines that fit, each after ``indent``; the first one after ``first``. Names with hyphens stay whole."""
    return textwrap.fill(
        text,
        max(width(), 40),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def paragraphs(text: str) -> str:
    """Paragraphs that fit, a blank line between two; lines that begin with a space stay as they are."""
    blocks = [block.strip("\n") for block in textwrap.dedent(text).split("\n\n")]
    return "\n\n".join(block if block.startswith(" ") else paragraph(" ".join(block.split())) for block in blocks)


def table(rows: Iterable[tuple[str, str]], column: int, indent: str = "  ") -> str:
    """Rows (name, text): the names in a column of so many characters, the texts beside it in lines that fit."""
    beside = " " * (len(indent) + column + 2)
    return "\n".join(paragraph(text, beside, f"{indent}{name:{column}s}  ") for name, text in rows)


def plural(n: int, noun: str) -> str:
    """1 step, 2 steps."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def clear_line(stream: TextIO) -> None:
    """On a terminal, empty the line of the cursor: of a progress bar that was stopped, and the ^C that a terminal shows."""
    if stream.isatty():
        stream.write("\r\x1b[2K")
        stream.flush()


class Status:
    """One line on stderr of what is being done, replaced by the next; nothing where stderr is no terminal."""

    def show(self, text: str) -> None:
        """Replace the line."""
        if sys.stderr.isatty():
            clear_line(sys.stderr)
            print(text[: width() - 1], end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take it away."""
        clear_line(sys.stderr)
