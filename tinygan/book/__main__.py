"""``python -m tinygan.book [--check]``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tinygan.book.pages import pages

REFERENCE = Path(__file__).parent / "reference"


def main(argv: Sequence[str], folder: Path = REFERENCE) -> int:
    """Write every page that differs, or with ``--check`` name it and return 1."""
    if list(argv) not in ([], ["--check"]):
        print(f"tinygan.book: the only option is --check: got {' '.join(argv)}", file=sys.stderr)
        return 2
    stale = [(folder / name, text) for name, text in pages().items() if old(folder / name) != text]
    for path, text in stale:
        if argv:
            print(f"{path} is out of date: run python -m tinygan.book", file=sys.stderr)
        else:
            path.write_text(text)
    return 1 if argv and stale else 0


def old(path: Path) -> str:
    """What the page says now; empty where there is none."""
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
