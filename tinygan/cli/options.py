"""Options that several commands share, and the types of values."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinygan.images.grid import FACTORS


def whole(text: str) -> int:
    """A whole number, as an option's type."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, as in 64: got {text!r}") from None


def factor(text: str) -> int:
    """A factor of enlargement, as an option's type."""
    if not 1 <= (scale := whole(text)) <= FACTORS:
        raise argparse.ArgumentTypeError(f"expected 1 to {FACTORS}: got {scale}")
    return scale


def real(text: str) -> float:
    """A number, as an option's type."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, as in 0.5: got {text!r}") from None


def completes(action: argparse.Action, kind: str) -> None:
    """Say what the shell completes: "recipes", "data" (names and files), "files", "folders"."""
    action.completes = kind  # type: ignore[attr-defined]


def add_run(parser: argparse.ArgumentParser, name: str = "dir", metavar: str = "RUN", what: str = "") -> None:
    """A run directory."""
    completes(
        parser.add_argument(name, type=Path, metavar=metavar, help=what or "the folder of a trained run, as runs/NAME"),
        "folders",
    )


def add_seed(parser: argparse.ArgumentParser, what: str) -> None:
    """--seed."""
    parser.add_argument(
        "--seed", type=whole, default=0, metavar="S", help=f"{what}; the same seed repeats them (default: 0)"
    )


def add_picture(parser: argparse.ArgumentParser, name: str, kinds: str = "a .png file") -> None:
    """--out and --scale of a command that writes a picture."""
    completes(
        parser.add_argument(
            "--out", type=Path, metavar="FILE", help=f"where to write, {kinds} (default: RUN/samples/{name}.png)"
        ),
        "files",
    )
    add_scale(parser)


def add_scale(parser: argparse.ArgumentParser) -> None:
    """--scale."""
    parser.add_argument(
        "--scale",
        type=factor,
        metavar="N",
        help=f"show each pixel as N x N pixels, 1 to {FACTORS} (default: the least N that makes both sides at least 512 "
        "pixels, unless the longer one would exceed 2048)",
    )
