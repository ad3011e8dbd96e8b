"""Download one file from several mirrors, verify it, and resume after an interruption."""

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
from tinygan.formats.lock import acquire

MAX_BYTES = 2**28  # of one download: 256 MiB
_STEP = 2**16
_PATIENCE = 30.0  # seconds without data before the next mirror is tried

Verify = Callable[[io.BufferedIOBase], None]


def fetch(urls: Sequence[str], target: Path, verify: Verify, *, max_bytes: int = MAX_BYTES, hint: str = "") -> None:
    """Download to ``target`` from the first of ``urls`` whose content passes ``verify``.

    ``verify`` receives the complete file, open at its start, and raises DataError if the content is wrong. If a mirror
    fails in any way (no answer, an error page, a lost connection, too many bytes, wrong content), the next one is tried.
    The download is written to TARGET.part beside the target. After an interruption the next mirror, or the next call,
    continues it (HTTP Range). It starts again from the beginning if the server does not support ranges or if the
    complete file is wrong. The target is created only after verification, complete. If two processes download the same
    file, the second waits for the first. A target that exists is not changed.
    Progress and failures are written to stderr. With TINYGAN_OFFLINE=1 the network is not used.
    Raises DataError with the failure of each mirror and with ``hint``, which says what to do instead.
    """
    if os.environ.get("TINYGAN_OFFLINE") == "1":
        raise DataError(f"{target.name} is missing and TINYGAN_OFFLINE=1 forbids its download; {hint}")
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _held(part) as file:
            if target.exists():  # another process has downloaded it
                return
            _from_first(urls, file, verify, max_bytes, target.name, hint)
            part.replace(target)
    except OSError as error:
        raise DataError(f"cannot write {part}: {error.strerror or error}; {hint}") from error


def sha256_is(expected: str) -> Verify:
    """A ``verify`` for ``fetch`` that compares the file's SHA-256 with ``expected``, in hexadecimal digits."""

    def verify(file: io.BufferedIOBase) -> None:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise DataError(f"its SHA-256 is {found}, expected {expected}")

    return verify


@contextlib.contextmanager
def _held(part: Path) -> Iterator[io.BufferedRandom]:
    """Open the partial file for appending and lock it against other processes; remove it at the end if it is empty."""
    while True:
        with part.open("a+b") as file:
            acquire(file, wait=True)
            if not _is(file, part):
                continue  # the process that held the lock has moved or removed it
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
    raise DataError(f"{name}: the download failed from every mirror ({' | '.join(failures)}); {hint}")


def _from_one(url: str, file: io.BufferedRandom, verify: Verify, max_bytes: int) -> None:
    """Complete and verify ``file``. If a resumed file is wrong, download all of it again."""
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
    """Download the missing rest of ``file``, or all of it; returns whether the download was resumed."""
    have = file.seek(0, os.SEEK_END)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        if have and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            error.close()
            return True  # the file is already complete
        raise
    with answer:
        resumed = have > 0 and answer.status == http.client.PARTIAL_CONTENT
        if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise DataError(f"sent another range than the one from byte {have} on")
        if not resumed:
            have = 0
            file.truncate(0)
        whole = None if answer.length is None else have + answer.length
        while step := answer.read(_STEP):
            have += file.write(step)
            if have > max_bytes:
                file.truncate(0)
                raise DataError(f"sent more than {max_bytes} bytes")
            if sys.stderr.isatty():
                print(f"\r{url}: {have / 1e6:.1f} MB of {(whole or 0) / 1e6:.1f}", end="", file=sys.stderr, flush=True)
    print(f"\r{url}: {have / 1e6:.1f} MB", file=sys.stderr)
    if whole is not None and have < whole:
        raise DataError(f"the connection ended after {have} of {whole} bytes")
    return resumed
