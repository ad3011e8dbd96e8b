"""A file is there whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tinygan.errors import DataError
from tinygan.formats.atomic import remove_stale, write_atomic


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_new_content_replaces_the_old_and_leaves_nothing_else(tmp_path):
    for content in (b"old", b"new"):
        write_atomic(tmp_path / "a", lambda file, content=content: file.write(content))
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failing_writer_leaves_the_old_file_and_no_temporary(tmp_path, error):
    (tmp_path / "a").write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise error

    with pytest.raises(error):
        write_atomic(tmp_path / "a", fail)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_error_of_the_disk_is_a_data_error_of_one_line(tmp_path, monkeypatch, call):
    (tmp_path / "a").write_bytes(b"old")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(DataError, match=r"cannot write .*a: No space left on device; expected [^\n]*$"):
        write_atomic(tmp_path / "a", lambda file: file.write(b"new"))
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_missing_folder_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match=r"cannot write .*No such file"):
        write_atomic(tmp_path / "none" / "a", lambda file: file.write(b"new"))


@pytest.mark.skipif(os.name != "posix", reason="only POSIX syncs folders")
def test_the_file_is_synced_before_the_rename_and_the_folder_after(tmp_path, monkeypatch):
    calls = []
    for call in ("fsync", "replace"):
        real = getattr(os, call)
        monkeypatch.setattr(os, call, lambda *a, call=call, real=real: (calls.append(call), real(*a))[1])
    write_atomic(tmp_path / "a", lambda file: file.write(b"new"))
    assert calls == ["fsync", "replace", "fsync"]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_a_killed_writer_leaves_the_old_file_and_a_temporary_one_that_is_removed_later(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    code = (
        "import os, signal, sys\nfrom tinygan.formats.atomic import write_atomic\n"
        "write_atomic(sys.argv[1], lambda file: (file.write(b'half'), os.kill(os.getpid(), signal.SIGKILL)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], cwd=Path(__file__).parents[3])
    assert done.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 2
    assert len(remove_stale(tmp_path)) == 1
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_temporary_files_of_running_writers_and_other_files_are_kept(tmp_path):
    running = f".a.tmp-{os.getppid()}-0123abcd"
    gone = [f".a.tmp-{os.getpid()}-0123abcd", f".b.c.tmp-{dead_pid()}-ffffffff"]
    others = [".a.tmp-x-0123abcd", "a.tmp-1-0123abcd", "a", ".hidden"]
    for name in [running, *gone, *others]:
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in remove_stale(tmp_path)] == sorted(gone)
    assert names(tmp_path) == sorted([running, *others])


def test_a_missing_folder_has_no_temporary_files(tmp_path):
    assert remove_stale(tmp_path / "none") == []
