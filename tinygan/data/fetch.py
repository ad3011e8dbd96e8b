"""One file from the first of several mirrors that gives the right bytes."""

from __future__ import annotations

import http.client
import os
import sys
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from tinygan.atomic import write_atomic
from tinygan.errors import DataError

MAX_BYTES = 2**28  # of one download: 256 MiB
_STEP = 2**16
_PATIENCE = 30.0  # seconds without a byte before a mirror is given up


def fetch(
    urls: Sequence[str], target: Path, verify: Callable[[bytes], None], *, max_bytes: int = MAX_BYTES, hint: str = ""
) -> None:
    """Download to ``target`` from the first of ``urls`` whose bytes pass ``verify``, which raises DataError otherwise.

    Any failure of a mirror (no answer, an error page, a cut connection, too long, wrong bytes) tries the next one.
    The file appears whole, after it was verified, or not at all. Progress goes to stderr. With TINYGAN_OFFLINE=1
    nothing is asked of the network. Raises DataError with what each mirror did and ``hint``, what to do instead.
    """
    if os.environ.get("TINYGAN_OFFLINE") == "1":
        raise DataError(f"{target.name} is not here and TINYGAN_OFFLINE=1 forbids the download; {hint}")
    data = _first(urls, target.name, verify, max_bytes, hint)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {target.parent}: {error.strerror}; {hint}") from error
    write_atomic(target, lambda file: file.write(data))


def _first(urls: Sequence[str], name: str, verify: Callable[[bytes], None], max_bytes: int, hint: str) -> bytes:
    failures = []
    for url in urls:
        try:
            data = _download(url, max_bytes)
            verify(data)
        except (OSError, http.client.HTTPException, DataError) as error:
            failures.append(f"{url}: {error}")
        else:
            return data
    raise DataError(f"{name}: no mirror gave it ({' | '.join(failures)}); {hint}")


def _download(url: str, max_bytes: int) -> bytes:
    """The body at ``url``: as long as the server declared, and no longer than ``max_bytes``."""
    data = bytearray()
    with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:
        declared = answer.length
        while step := answer.read(_STEP):
            data += step
            if len(data) > max_bytes:
                raise DataError(f"more than {max_bytes} bytes")
            if sys.stderr.isatty():
                print(f"\r{url}: {len(data) / 1e6:.1f} MB", end="", file=sys.stderr, flush=True)
    print(f"\r{url}: {len(data) / 1e6:.1f} MB", file=sys.stderr)
    if declared is not None and len(data) < declared:
        raise DataError(f"cut after {len(data)} of {declared} bytes")
    return bytes(data)
