"""Where the files of a named set lie."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path

SYSTEM = Path("/usr/share/datasets")


def cache(name: str) -> Path:
    """Where downloads of the set go: $XDG_CACHE_HOME/tinygan/NAME, else ~/.cache/tinygan/NAME."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 (a home may be missing)
    return Path(home) / "tinygan" / name


def search_folders(name: str, package: str = "") -> list[Path]:
    """The folders where the set may be, the first first: $TINYGAN_DATA/NAME, $TINYGAN_DATA, the system's data sets,
    ``package`` (a folder inside an installed Python package, which is not imported), the cache."""
    folders = [SYSTEM / name, cache(name)]
    if package and (inside := _installed(package)):
        folders.insert(1, inside)
    if own := os.environ.get("TINYGAN_DATA"):
        folders = [Path(own) / name, Path(own), *folders]
    return folders


def find_in(place: Path, names: Iterable[str]) -> Path | None:
    """``place`` itself if it is called one of ``names``, else the first of them inside it; None where neither is.

    A place that cannot be looked into holds nothing.
    """
    names = tuple(names)
    if place.name in names and os.path.exists(place):  # noqa: PTH110 (no error where one may not look)
        return place
    return next((place / name for name in names if os.path.exists(place / name)), None)  # noqa: PTH110


def _installed(folder: str) -> Path | None:
    package, _, inside = folder.partition("/")
    spec = importlib.util.find_spec(package)
    return Path(spec.submodule_search_locations[0]) / inside if spec and spec.submodule_search_locations else None
