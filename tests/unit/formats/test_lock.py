"""Locks between processes: one has it, the end of a file lets it go, and only another holder is called one."""

import errno
import subprocess
import sys

import pytest

from tinygan.formats import lock

HOLD = """
import sys
from tinygan.formats.lock import acquire
file = open(sys.argv[1], "a")
print(acquire(file), flush=True)
sys.stdin.read()
"""


def test_one_process_has_it_until_it_ends(tmp_path):
    path = tmp_path / "file"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "True\n"
        with path.open("a") as file:
            assert not lock.acquire(file)
            other.kill()
            other.wait()
            assert lock.acquire(file, wait=True)


@pytest.mark.parametrize(
    ("number", "has"), [(errno.EOPNOTSUPP, True), (errno.ENOLCK, True), (errno.EWOULDBLOCK, False)]
)
def test_a_file_system_without_locks_does_not_count_as_another_process(number, has, tmp_path, monkeypatch):
    monkeypatch.setattr(lock.fcntl, "flock", failing(number))
    with (tmp_path / "file").open("a") as file:
        assert lock.acquire(file) is has


def test_another_failure_is_not_blamed_on_another_process(tmp_path, monkeypatch):
    monkeypatch.setattr(lock.fcntl, "flock", failing(errno.EIO))
    with (tmp_path / "file").open("a") as file, pytest.raises(OSError, match="Input/output error"):
        lock.acquire(file)


def failing(number):
    def flock(file, how):
        raise OSError(number, "Input/output error" if number == errno.EIO else "no")

    return flock
