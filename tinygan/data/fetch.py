"""One file from the first of several mirrors that gives the right bytes, and what came of it before a cut is kept."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tinygan.errors import DataError

try:
    import fcntl
except ImportError:  # not on this system: then two downloads of one file are not told apart
    fcntl = None  # type: ignore[assignment]

MAX_BYTES = 2**28  # of one download: 256 MiB
_STEP = 2**16
_PATIENCE = 30.0  # seconds without a byte before a mirror is given up

Verify = Callable[[io.BufferedIOBase], None]


def fetch(urls: Sequence[str], target: Path, verify: Verify, *, max_bytes: int = MAX_BYTES, hint: str = "") -> None:
    """Download to ``target`` from the first of ``urls`` whose bytes pass ``verify``, which raises DataError otherwise.

    ``verify`` gets the whole file, open at its start. Any failure of a mirror (no answer, an error page, a cut connection,
    too long, wrong bytes) tries the next one. Bytes go to TARGET.part beside the target: after a cut the next mirror, or
    the next call, goes on from there (HTTP Range), or starts over where a server knows no ranges or the whole is wrong.
    The target appears whole, after it was verified, or not at all; of two processes the second waits for the first. One that
    is there already stays as it is.
    Progress and failures go to stderr. With TINYGAN_OFFLINE=1 nothing is asked of the network.
    Raises DataError with what each mirror did and ``hint``, what to do instead.
    """
    if os.environ.get("TINYGAN_OFFLINE") == "1":
        raise DataError(f"{target.name} is not here and TINYGAN_OFFLINE=1 forbids the download; {hint}")
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _held(part) as file:
            if target.exists():  # another process has got it
                return
            _from_first(urls, file, verify, max_bytes, target.name, hint)
            part.replace(target)
    except OSError as error:
        raise DataError(f"cannot write {part}: {error.strerror or error}; {hint}") from error


def sha256_is(expected: str) -> Verify:
    """A ``verify`` for ``fetch``: the SHA-256 of the whole file, in hexadecimal digits."""

    def verify(file: io.BufferedIOBase) -> None:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise DataError(f"its SHA-256 is {found}, expected {expected}")

    return verify


@contextlib.contextmanager
def _held(part: Path) -> Iterator[io.BufferedRandom]:
    """The partial file, opened to go on, while no other process has it; if it is empty at the end, it goes."""
    while True:
        with part.open("a+b") as file:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _is(file, part):
                continue  # its last holder has moved or removed it
            try:
                yield file
            finally:
                if _is(file, part) and part.stat().st_size == 0:
                    part.unlink()
            return


def _is(file: io.BufferedRandom, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _from_first(
    urls: Sequence[str], file: io.BufferedRandom, verify: Verify, max_bytes: int, name: str, hint: str
) -> None:
    failures = []
    for url in urls:
        try:
            _from_one(url, file, verify, max_bytes)
        except (OSError, http.client.HTTPException, DataError) as error:
            failures.append(f"{url}: {error}")
            print(failures[-1], file=sys.stderr)
        else:
            os.fsync(file.fileno())
            return
    raise DataError(f"{name}: no mirror gave it ({' | '.join(failures)}); {hint}")


def _from_one(url: str, file: io.BufferedRandom, verify: Verify, max_bytes: int) -> None:
    """``file`` whole and right; if what it began with was wrong, everything is asked for again."""
    while True:
        resumed = _download(url, file, max_bytes)
        file.flush()
        try:
            with Path(file.name).open("rb") as whole:
                return verify(whole)
        except Exception:
            file.truncate(0)
            if not resumed:
                raise


def _download(url: str, file: io.BufferedRandom, max_bytes: int) -> bool:
    """What ``file`` lacks of the body at ``url``, or all of it; returns whether its beginning was kept."""
    have = file.seek(0, os.SEEK_END)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        if have and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            error.close()
            return True  # nothing comes after what is here
        raise
    with answer:
        resumed = have > 0 and answer.status == http.client.PARTIAL_CONTENT
        if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise DataError(f"gives another range than from byte {have}")
        if not resumed:
            have = 0
            file.truncate(0)
        whole = None if answer.length is None else have + answer.length
        while step := answer.read(_STEP):
            have += file.write(step)
            if have > max_bytes:
                file.truncate(0)
                raise DataError(f"more than {max_bytes} bytes")
            if sys.stderr.isatty():
                print(f"\r{url}: {have / 1e6:.1f} MB of {(whole or 0) / 1e6:.1f}", end="", file=sys.stderr, flush=True)
    print(f"\r{url}: {have / 1e6:.1f} MB", file=sys.stderr)
    if whole is not None and have < whole:
        raise DataError(f"cut after {have} of {whole} bytes")
    return resumed
