"""The folders in which the files of a named data set are looked for."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path

SYSTEM = Path("/usr/share/datasets")


def cache(name: str) -> Path:
    """The folder for downloads of the set: $XDG_CACHE_HOME/tinygan/NAME, else ~/.cache/tinygan/NAME."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 (there may be no home)
    return Path(home) / "tinygan" / name


def search_folders(name: str, package: str = "") -> list[Path]:
    """The folders to search, in order: $TINYGAN_DATA/NAME, $TINYGAN_DATA, the system's data sets, ``package``, the cache.

    ``package`` is a folder inside an installed Python package, which is not imported.
    """
    folders = [SYSTEM / name, cache(name)]
    if package and (inside := _installed(package)):
        folders.insert(1, inside)
    if own := os.environ.get("TINYGAN_DATA"):
        folders = [Path(own) / name, Path(own), *folders]
    return folders


def find_in(place: Path, names: Iterable[str]) -> Path | None:
    """``place`` itself if it has one of the ``names``, else the first of ``names`` inside it, else None.

    A folder without read permission counts as empty.
    """
    names = tuple(names)
    if place.name in names and os.path.exists(place):  # noqa: PTH110 (no error in a folder without permission)
        return place
    return next((place / name for name in names if os.path.exists(place / name)), None)  # noqa: PTH110


def _installed(folder: str) -> Path | None:
    package, _, inside = folder.partition("/")
    spec = importlib.util.find_spec(package)
    return Path(spec.submodule_search_locations[0]) / inside if spec and spec.submodule_search_locations else None
