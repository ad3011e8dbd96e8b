"""Checkpoints: a training state as one safetensors file, saved so that the newest one is always whole.

A folder has ``000200.safetensors`` for step 200, and so on, and ``latest.safetensors``, a link to the newest one for
people; programs use the number. A state is a NamedTuple of arrays, numbers and further tuples; its tensors are named
by the path to them: ``G``, ``D_memory.m``, ``pool.0``.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tinygan.core.tree import tree_flatten, tree_unflatten
from tinygan.errors import DataError, FormatError, UsageError
from tinygan.formats.safetensors import load, save
from tinygan.formats.safetensors_header import Array

State = TypeVar("State")

_LATEST = "latest.safetensors"
_NAME = re.compile(r"([0-9]{6,})\.safetensors")
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP}  # a file system without symbolic links, as on a USB stick


def flatten(state: Any, prefix: str = "") -> dict[str, Array]:
    """The leaves of ``state`` by dotted name; arrays are not copied.

    An int becomes a 0-d int64, a float a 0-d float64, a bool a 0-d bool; None and an empty tuple have no leaf.
    Raises UsageError for a leaf of another type, or an int that does not fit 64 bits.
    """
    return {name: _array(name, leaf) for name, leaf in tree_flatten(state, prefix).items()}


def _array(name: str, leaf: Any) -> Array:
    match leaf:
        case np.ndarray() | np.generic() | bool():
            return np.asarray(leaf)
        case int() if -(2**63) <= leaf < 2**63:
            return np.asarray(leaf, np.int64)
        case float():
            return np.asarray(leaf, np.float64)
    raise UsageError(
        f"cannot save {name!r}, a {type(leaf).__name__}; expected arrays, numbers of 64 bits, None or a tuple"
    )


def restore(like: State, tensors: Mapping[str, Array]) -> State:
    """The state with the structure of ``like`` and the values in ``tensors``; the inverse of ``flatten``.

    A field of ``like`` with a default may be missing, because the checkpoint is older than the field; it takes the default.
    Raises FormatError for tensors that are missing, unknown, or of another dtype or shape than in ``like``; it names them.
    """
    for name, value in getattr(like, "_field_defaults", {}).items():
        tensors = {**flatten(value, name), **tensors}
    expected = flatten(like)
    problems = [f"{name} is missing" for name in expected if name not in tensors]
    problems += [f"{name} is not part of this system" for name in tensors if name not in expected]
    for name in expected.keys() & tensors.keys():
        found, wanted = tensors[name], expected[name]
        if (found.dtype, found.shape) != (wanted.dtype, wanted.shape):
            problems.append(f"{name} is {found.dtype} {found.shape}, expected {wanted.dtype} {wanted.shape}")
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise FormatError(
            f"the checkpoint does not fit: {'; '.join(sorted(problems)[:5])}{more}; use the settings it was made with"
        )
    leaves = (_like(leaf, tensors[name]) for name, leaf in tree_flatten(like).items())
    state: State = tree_unflatten(like, leaves)
    return state


def _like(leaf: Any, tensor: Array) -> Any:
    """The tensor as an array, a NumPy scalar or a Python number, as ``leaf`` is."""
    if isinstance(leaf, np.ndarray):
        return tensor
    value = tensor[()]
    return value if isinstance(leaf, np.generic) else value.item()


def save_checkpoint(folder: str | Path, step: int, state: Any, metadata: Mapping[str, str], keep: int = 3) -> Path:
    """Save ``state`` after ``step`` steps in ``folder``, which is created if needed; return the file.

    First the whole file appears, then the link moves to it, then all earlier checkpoints but the last ``keep - 1`` are removed.
    On a file system without links there is no link.
    Raises DataError where the file cannot be written (disk full, a limit on file sizes); earlier checkpoints are then kept.
    """
    if step < 0 or keep < 1:
        raise UsageError(f"step is {step} and keep is {keep}; expected a step of 0 or more and to keep 1 or more")
    folder = Path(folder)
    path = folder / f"{step:06d}.safetensors"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save(path, flatten(state), metadata)
        _link(folder, path.name)
        earlier = earlier_than(folder, step)
        for other in earlier[: max(0, len(earlier) - (keep - 1))]:
            other.unlink(missing_ok=True)
    except (DataError, OSError) as error:
        cause = error.__cause__ if isinstance(error, DataError) else error
        kept = "the previous checkpoint is kept" if earlier_than(folder, step) else "there is no earlier checkpoint"
        raise DataError(
            f"cannot save {path}: {getattr(cause, 'strerror', None) or error}; {kept}; "
            "free space and run again with --resume"
        ) from error
    return path


def _link(folder: Path, target: str) -> None:
    """Point the link at ``target`` in one move; its temporary name is one that ``atomic.remove_stale`` removes."""
    temporary = folder / f".{_LATEST}.tmp-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        temporary.symlink_to(target)
        temporary.replace(folder / _LATEST)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if not isinstance(error, OSError) or error.errno not in _NO_LINKS:
            raise


def earlier_than(folder: Path, step: int) -> list[Path]:
    """The checkpoints of lower steps, the lowest first."""
    return [path for number, path in _numbered(folder) if number < step] if folder.is_dir() else []


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    """The checkpoints in ``folder`` by step, the lowest first."""
    matches = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    return sorted((int(match[1]), path) for match, path in matches if match and path.is_file())


def latest_checkpoint(folder: str | Path) -> Path | None:
    """The checkpoint of the highest step in ``folder``, or None where there is none.

    A file gets its name only when it is whole, so the highest one is. Raises DataError if the folder cannot be read.
    """
    folder = Path(folder)
    try:
        numbered = _numbered(folder) if folder.is_dir() else []
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror}; expected a folder that can be read") from error
    return numbered[-1][1] if numbered else None


def load_checkpoint(path: str | Path, like: State) -> tuple[State, dict[str, str]]:
    """The state in ``path``, with the structure of ``like``, and its metadata.

    Raises FormatError if the file is damaged, was not written by tinygan, or does not fit; DataError if it is missing.
    """
    tensors, metadata = load(path, digest=True)
    try:
        return restore(like, tensors), metadata
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
