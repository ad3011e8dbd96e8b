"""The newest checkpoint is whole whatever happens: a full disk, a limit on files, SIGKILL at any instant."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

import tinygan.formats.safetensors
from tinygan.errors import DataError
from tinygan.formats.atomic import remove_stale, write_atomic
from tinygan.training.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint

State = tuple[np.ndarray, tuple[int, float]]


def state(step: int) -> State:
    return np.full(1000, step, np.float32), (step, step / 7)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Full:
    """A file on a disk that is full after ``left`` calls of write; the call that fails writes a half."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self.file, self.left = file, left

    def write(self, data: bytes) -> None:
        self.left -= 1
        if self.left < 0:
            self.file.write(memoryview(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.file.write(data)


def check_latest(folder: Path, low: int, high: int) -> int:
    """The step of the newest checkpoint, which is whole, says so inside, and lies between ``low`` and ``high``."""
    latest = latest_checkpoint(folder)
    assert latest is not None
    (array, numbers), _ = load_checkpoint(latest, state(0))
    step = int(latest.stem)
    assert low <= step <= high
    assert numbers == (step, step / 7) and np.all(array == step)
    return step


def check_untouched(folder: Path, before: list[str]) -> None:
    assert names(folder) == before
    assert (folder / "latest.safetensors").readlink() == Path("000001.safetensors")
    check_latest(folder, 1, 1)


def test_a_disk_full_at_any_write_leaves_the_previous_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path, 1, state(1), {})
    before, failures = names(tmp_path), 0
    for left in range(20):

        def full(path: Path, write: Callable[[BinaryIO], None], left: int = left) -> None:
            write_atomic(path, lambda file: write(Full(file, left)))  # type: ignore[arg-type]

        monkeypatch.setattr(tinygan.formats.safetensors, "write_atomic", full)
        try:
            save_checkpoint(tmp_path, 2, state(2), {})
            break
        except DataError as error:
            failures += 1
            assert str(error) == (
                f"cannot save {tmp_path}/000002.safetensors: No space left on device; "
                "the previous checkpoint is kept; free space and run again with --resume"
            )
            check_untouched(tmp_path, before)
    assert failures == 4  # the header and three tensors


@pytest.mark.parametrize(
    ("call", "file", "whole"),
    [("fsync", "", False), ("replace", "000002", False), ("symlink", "latest", True), ("replace", "latest", True)],
)
def test_a_disk_that_refuses_any_other_call_leaves_the_previous_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, file: str, whole: bool
) -> None:
    save_checkpoint(tmp_path, 1, state(1), {})
    answer = getattr(os, call)

    def refuse(*arguments: object, **options: object) -> object:
        if file in str(arguments):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return answer(*arguments, **options)

    before = names(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(DataError, match="Input/output error; the previous checkpoint is kept"):
            save_checkpoint(tmp_path, 2, state(2), {})
    if whole:  # the new checkpoint is there and whole, only the link lags behind
        assert names(tmp_path) == sorted([*before, "000002.safetensors"])
        (tmp_path / "000002.safetensors").unlink()
    check_untouched(tmp_path, before)


def test_a_file_system_without_links_holds_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "symlink", refuse)
    save_checkpoint(tmp_path, 2, state(2), {})
    assert names(tmp_path) == ["000002.safetensors"]


LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from tinygan.training.checkpoint import save_checkpoint
from tinygan.errors import DataError

folder, x = Path(sys.argv[1]), np.ones(1000, np.float32)
save_checkpoint(folder, 1, (x, (1, 1 / 7)), {})
size = (folder / "000001.safetensors").stat().st_size
for limit in range(0, size, 97):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        save_checkpoint(folder, 2, (x, (2, 2 / 7)), {})
        sys.exit(f"no error at {limit}")
    except DataError as error:
        assert "File too large; the previous checkpoint is kept" in str(error), error
    assert sorted(p.name for p in folder.iterdir()) == ["000001.safetensors", "latest.safetensors"]
print(size)
"""


@pytest.mark.skipif(os.name != "posix", reason="resource limits are POSIX")
def test_a_limit_on_file_sizes_leaves_the_previous_checkpoint(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 4000
    check_latest(tmp_path, 1, 1)


SAVING = """
import sys
import numpy as np
from tinygan.formats.atomic import remove_stale
from tinygan.training.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint

folder = sys.argv[1]
remove_stale(folder)
latest = latest_checkpoint(folder)
step = load_checkpoint(latest, (np.zeros(1000, np.float32), (0, 0.0)))[0][1][0] if latest else 0
while True:
    step += 1
    save_checkpoint(folder, step, (np.full(1000, step, np.float32), (step, step / 7)), {}, keep=2)
    print(step, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_no_kill_at_any_instant_loses_a_checkpoint(tmp_path: Path) -> None:
    rng, reached = random.Random(0), 0
    for _ in range(int(os.environ.get("TINYGAN_KILLS", "12"))):
        child = subprocess.Popen([sys.executable, "-c", SAVING, tmp_path], stdout=subprocess.PIPE, text=True)
        with child:
            assert child.stdout is not None
            first = child.stdout.readline()
            time.sleep(rng.uniform(0, 0.02))
            child.kill()
            acknowledged = [int(line) for line in (first, *child.stdout)]
        assert acknowledged[0] == reached + 1
        reached = check_latest(tmp_path, acknowledged[-1], acknowledged[-1] + 1)
        whole = [int(name[:6]) for name in names(tmp_path) if name[0] == "0"]
        assert {reached - 1, reached} - {0} <= set(whole)
        for step in whole:
            load_checkpoint(tmp_path / f"{step:06d}.safetensors", state(0))
    remove_stale(tmp_path)
    assert [name for name in names(tmp_path) if name[0] != "0"] == ["latest.safetensors"]
