"""What can go wrong, one class for each way out of the command.

Every message is one line: what is wrong, what was expected, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TinyganError(Exception):
    """A mistake with an explanation; the command prints the line and exits with ``exit_code``."""

    exit_code = 1


class UsageError(TinyganError, ValueError):
    """An unknown name, key, option or type, or settings that contradict each other."""

    exit_code = 2


class Diverged(TinyganError, ArithmeticError):
    """A NaN or an infinity in a loss, a gradient or a weight."""

    exit_code = 3


class DataError(TinyganError, ValueError):
    """Data or a checkpoint is missing, or cannot be written."""

    exit_code = 4


class FormatError(DataError):
    """A file is truncated, damaged, or not of the kind that was expected."""


class ShapeError(ValueError):
    """Arrays that do not fit: the message names the layer, the rule and both shapes."""


def by(shape: Iterable[int]) -> str:
    """28x28x1."""
    return "x".join(map(str, shape))


def nearest(word: str, known: Iterable[str]) -> str:
    """ " (did you mean X?)" for an unknown word near a known one, to end a message's first part; else empty."""
    close = get_close_matches(word[:60], list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
