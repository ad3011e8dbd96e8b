"""Object code on disk: made again where it is not whole or not of this source, and never needed."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .tools import python

build = pytest.importorskip("tinygan.kernels.jit.compile", exc_type=ImportError)

WORK = """
import numpy as np
from tinygan.kernels.jit import operations as jit; from tinygan.kernels.jit import compile as build
made = []
compile_ = build._compile
def count(*args):
    made.append(1)
    return compile_(*args)
build._compile = count
y = jit.linear_dx(np.full((400, 80), 2, 'f'), np.ones((80, 24), 'f'))
assert y.shape == (400, 24) and (y == 160).all()
print(len(made))
"""


def work(cache, **how):
    """How many kernels a fresh process compiled for a right result."""
    return int(python(WORK, TINYGAN_CACHE=cache, **how)[1])


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A cache that holds the kernels of WORK."""
    folder = tmp_path_factory.mktemp("compiled")
    assert work(folder) >= 1
    return folder


@pytest.fixture
def cache(compiled, tmp_path):
    """A copy of it."""
    return shutil.copytree(compiled, tmp_path / "cache")


def files(cache):
    found = sorted(cache.glob("kernels-*/*"))
    assert found and all(file.suffix == ".o" for file in found)
    return found


def test_what_was_compiled_is_kept_and_used_again(cache):
    (folder,) = cache.iterdir()
    assert re.fullmatch("kernels-[0-9a-f]{16}", folder.name)
    assert work(cache) == 0


def flip(at):
    def spoil(file):
        data = bytearray(file.read_bytes())
        data[at(len(data))] ^= 4
        file.write_bytes(data)

    return spoil


def another_kernels(file):
    """The whole file of another kernel under this one's name."""
    other = next(path for path in file.parent.iterdir() if path != file)
    file.write_bytes(other.read_bytes())


def folder_instead(file):
    file.unlink()
    file.mkdir()


SPOILED = {
    "empty": lambda file: file.write_bytes(b""),
    "cut to its digest": lambda file: file.write_bytes(file.read_bytes()[:65]),
    "cut in half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "one byte short": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "one byte long": lambda file: file.write_bytes(file.read_bytes() + b"\0"),
    "bit of the digest": flip(lambda n: 5),
    "bit of the name": flip(lambda n: 70),
    "bit of the code": flip(lambda n: n // 2),
    "last bit": flip(lambda n: n - 1),
    "noise": lambda file: file.write_bytes(os.urandom(3000)),
    "another kernel's": another_kernels,
}


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """(kernel's name, its code, may it be made) → the code that would be run, kept in a folder of its own."""
    monkeypatch.setattr(build, "folder", lambda: tmp_path)
    monkeypatch.setattr(build.cpu, "load", lambda symbols, code: [(symbols, code)])

    def keep(name, code, made=True):
        (symbol,), found = build._load(name, lambda: ("symbol", code) if made else pytest.fail("made again"))
        assert symbol == "symbol"
        return found

    return keep


@pytest.mark.parametrize("how", SPOILED)
def test_a_file_that_is_not_whole_is_made_again(how, keep, tmp_path):
    first, second = os.urandom(2000), os.urandom(2000)
    keep("one", first)
    file = next(tmp_path.iterdir())
    keep("two", second)
    SPOILED[how](file)
    assert keep("one", first) == first
    assert keep("one", b"", made=False) == first and keep("two", b"", made=False) == second


def test_names_of_kernels_become_names_of_files(keep, tmp_path):
    names = ["a/b", "a(b", "a b", "a_b", "x" * 999, "x" * 998, "../../up", "é"]
    for name in names:
        assert keep(name, name.encode()) == name.encode()
    assert len(list(tmp_path.iterdir())) == len(names)
    for name in names:
        assert keep(name, b"", made=False) == name.encode()


def test_a_spoiled_kernel_is_compiled_again(cache):
    flip(lambda n: n // 2)(files(cache)[0])
    assert work(cache) == 1
    assert work(cache) == 0


@pytest.mark.slow
def test_a_folder_in_the_place_of_a_file_is_left_and_not_needed(cache):
    every = files(cache)
    folder_instead(every[0])
    assert work(cache) == 1 and every[0].is_dir()
    assert len(list(every[0].parent.iterdir())) == len(every), "nothing is left behind"


def test_another_source_machine_or_numba_is_another_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_CACHE", str(tmp_path))
    seen = set()

    def key():
        build.folder.cache_clear()
        seen.add(build.folder().name)

    try:
        key()
        key()
        assert len(seen) == 1
        with monkeypatch.context() as patch:
            patch.setattr(build, "numba_version", "0.0")
            key()
        with monkeypatch.context() as patch:
            patch.setattr(build.cpu, "description", lambda: "another machine")
            key()
        for name, value in (("OPT", 0), ("LOOP_VECTORIZE", 0), ("CPU_NAME", "generic")):
            with monkeypatch.context() as patch:
                patch.setattr(build.config, name, value)
                key()
        read = Path.read_text
        for file in ("pack.py", "operations.py"):
            with monkeypatch.context() as patch:
                patch.setattr(Path, "read_text", lambda self, *a, f=file: read(self, *a) + "#" * (self.name == f))
                key()
        assert len(seen) == 8
    finally:
        build.folder.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize(("place", "prepare"), [("cache", True), ("cache/below", True), ("/proc/tinygan", False)])
def test_a_cache_that_cannot_be_is_not_needed(place, prepare, tmp_path):
    if prepare:
        (tmp_path / "cache").write_text("a file, not a folder")
    assert work(tmp_path / place) >= 1
    assert [path.name for path in tmp_path.iterdir()] == (["cache"] if prepare else [])


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
def test_a_folder_that_cannot_be_written_is_read(cache):
    """Also as root, who may write anywhere: nothing can be written where a process may open no file for it."""
    forbid = "import os, tempfile\ndef no(*a, **k): raise PermissionError(13, 'no')\nos.utime = tempfile.mkstemp = no\n"
    assert python(forbid + WORK, TINYGAN_CACHE=cache)[1] == "0"
    files(cache)[0].unlink()
    assert python(forbid + WORK, TINYGAN_CACHE=cache)[1] == "1"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
def test_only_this_user_can_write_and_read_what_is_run(cache):
    (folder,) = cache.iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in files(cache))
    folder.chmod(0o777)
    assert work(cache) >= 1, "a folder that others may write to is not trusted"
    folder.chmod(0o700)
    assert work(cache) == 0
    if os.geteuid() == 0:
        os.chown(folder, 12345, -1)
        assert work(cache) >= 1, "nor one that is another's"


def test_without_a_home_and_without_settings_nothing_is_kept(tmp_path):
    homeless = "import pathlib\ndef no(*a): raise RuntimeError('no home')\npathlib.Path.home = no\n"
    out = python(
        homeless + WORK + "print(build.folder())", TINYGAN_CACHE=None, XDG_CACHE_HOME=None, HOME=None, cwd=tmp_path
    )
    assert out[1].endswith("\nNone")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("settings", "expected"), [
    ({"TINYGAN_CACHE": "{0}/a", "XDG_CACHE_HOME": "{0}/b"}, "{0}/a"),
    ({"TINYGAN_CACHE": "", "XDG_CACHE_HOME": "{0}/b"}, "{0}/b/tinygan"),
    ({"TINYGAN_CACHE": "", "XDG_CACHE_HOME": "relative", "HOME": "{0}/c"}, "{0}/c/.cache/tinygan"),
    ({"TINYGAN_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "{0}/c"}, "{0}/c/.cache/tinygan"),
])  # fmt: skip
def test_where_the_cache_is(settings, expected, tmp_path, monkeypatch):
    for name, value in settings.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert build.cache_folder() == Path(expected.format(tmp_path))


@pytest.mark.slow
def test_two_processes_may_compile_at_once(tmp_path):
    known = {**os.environ, "TINYGAN_CACHE": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", WORK]
    started = [subprocess.Popen(command, env=known, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, b"")
    files(tmp_path)
    assert work(tmp_path) == 0


@pytest.mark.slow
def test_keys_of_old_go_when_a_new_one_comes_and_nothing_else(tmp_path):
    def made(name, days, link=None):
        path = tmp_path / name
        path.symlink_to(link) if link else path.mkdir()
        if not link:
            (path / "x.o").write_bytes(b"x")
            os.utime(path, (time.time() - days * 86400,) * 2)
        return path

    gone = [made("kernels-0123456789abcdef", 31), made("kernels-ffffffffffffffff", 400)]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x.o").write_bytes(b"x")
    others = "kernels", "kernels-0123456789abcde", "kernels-0123456789ABCDEF", "data", "models-0123456789abcdef"
    stays = [made("kernels-aaaaaaaaaaaaaaaa", 29), *(made(name, 99) for name in others)]
    stays += [made("kernels-bbbbbbbbbbbbbbbb", 0, tmp_path / "elsewhere"), tmp_path / "elsewhere"]
    os.utime(tmp_path / "elsewhere", (time.time() - 99 * 86400,) * 2)
    work(tmp_path)
    assert not any(path.exists() for path in gone)
    assert all((path / "x.o").exists() for path in stays)


def test_a_key_that_is_used_is_young(cache):
    (folder,) = cache.iterdir()
    os.utime(folder, (0, 0))
    assert work(cache) == 0
    assert time.time() - folder.stat().st_mtime <= 600
