"""A state comes back as it was or not at all; the newest checkpoints stay, older ones go."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tinygan.errors import FormatError, UsageError
from tinygan.formats.safetensors import save
from tinygan.training.checkpoint import flatten, latest_checkpoint, load_checkpoint, restore, save_checkpoint


class Memory(NamedTuple):
    m: np.ndarray
    step: int


class State(NamedTuple):
    G: np.ndarray
    D_memory: Memory
    pool: tuple[np.ndarray, ...]
    rate: float
    flipped: bool
    scale: np.float32
    nothing: None


def state(step: int) -> State:
    return State(
        np.full(1000, step, np.float32),
        Memory(np.arange(6.0).reshape(2, 3) + step, step),
        (np.array(step), np.zeros((0, 2), np.uint8)),
        step / 7,
        step % 2 == 1,
        np.float32(step),
        None,
    )


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    return type(a) is type(b) and np.array_equal(a, b)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_leaves_are_named_by_their_path() -> None:
    leaves = flatten(state(3), "ema")
    expected = ["G", "D_memory.m", "D_memory.step", "pool.0", "pool.1", "rate", "flipped", "scale"]
    assert list(leaves) == [f"ema.{name}" for name in expected]
    assert [leaves[f"ema.{x}"].dtype.name for x in ("D_memory.step", "rate", "flipped")] == ["int64", "float64", "bool"]
    assert leaves["ema.rate"].shape == ()


def test_a_state_comes_back_with_its_types(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "new" / "folder", 3, state(3), {"seed": "1"})
    loaded, metadata = load_checkpoint(path, state(0))
    assert equal(loaded, state(3))
    assert metadata == {"seed": "1"}
    assert loaded.G.flags.writeable


@pytest.mark.parametrize("leaf", ["text", 2**63, {"a": 1}, [1], 1j])
def test_a_leaf_that_has_no_place_in_a_file_is_refused(leaf: object) -> None:
    with pytest.raises(UsageError, match=r"'a\.0', a "):
        flatten((leaf,), "a")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"G": None}, "G is missing"),
        ({"H": np.zeros(1)}, "H is not part of this system"),
        ({"G": np.zeros(1000)}, r"G is float64 \(1000,\), expected float32 \(1000,\)"),
        ({"G": np.zeros(2, np.float32)}, r"G is float32 \(2,\), expected float32 \(1000,\)"),
        ({"rate": np.zeros(1)}, r"rate is float64 \(1,\), expected float64 \(\)"),
        ({str(i): np.zeros(1) for i in range(9)}, "4 is not part of this system and 4 more; use the settings"),
    ],
)
def test_tensors_that_do_not_fit_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    tensors = {name: array for name, array in {**flatten(state(1)), **changes}.items() if array is not None}
    with pytest.raises(FormatError, match=message):
        restore(state(0), tensors)
    save(tmp_path / "000001.safetensors", tensors)
    with pytest.raises(FormatError, match=f"000001.safetensors: the checkpoint does not fit: .*{message}"):
        load_checkpoint(tmp_path / "000001.safetensors", state(0))


class Grown(NamedTuple):
    G: np.ndarray
    mean: float = 0.5


def test_a_field_that_came_later_takes_its_default_and_no_other_may_be_missing() -> None:
    like = Grown(np.zeros(2), 9.0)
    assert equal(restore(like, {"G": np.ones(2)}), Grown(np.ones(2)))
    assert equal(restore(like, flatten(Grown(np.ones(2), 3.0))), Grown(np.ones(2), 3.0))
    with pytest.raises(FormatError, match="G is missing"):
        restore(like, {"mean": np.array(3.0)})


def test_a_file_without_a_digest_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "000001.safetensors"
    path.write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(FormatError, match="no digest"):
        load_checkpoint(path, ())


def test_the_newest_is_linked_and_kept_with_those_before_it(tmp_path: Path) -> None:
    for step in (999_998, 999_999, 1_000_000, 1_000_001):
        save_checkpoint(tmp_path, step, state(step), {}, keep=3)
    (tmp_path / "note.safetensors").write_text("not ours")
    assert latest_checkpoint(tmp_path) == tmp_path / "1000001.safetensors"
    assert (tmp_path / "latest.safetensors").readlink() == Path("1000001.safetensors")
    save_checkpoint(tmp_path, 1_000_002, state(0), {}, keep=1)
    assert names(tmp_path) == ["1000002.safetensors", "latest.safetensors", "note.safetensors"]


def test_a_step_back_removes_neither_itself_nor_later_ones(tmp_path: Path) -> None:
    for step in (100, 200, 300, 50):
        save_checkpoint(tmp_path, step, state(step), {}, keep=1)
    assert names(tmp_path) == ["000050.safetensors", "000300.safetensors", "latest.safetensors"]


def test_a_folder_without_checkpoints_has_no_latest(tmp_path: Path) -> None:
    (tmp_path / ".000001.safetensors.tmp-1-00000000").write_text("orphan")
    (tmp_path / "000009.safetensors").mkdir()
    assert latest_checkpoint(tmp_path) is None
    assert latest_checkpoint(tmp_path / "missing") is None


def test_keeping_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="keep is 0"):
        save_checkpoint(tmp_path, 1, state(1), {}, keep=0)
