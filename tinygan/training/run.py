"""A run directory: the settings of a training and everything it has written.

config.toml               the resolved configuration
stats.jsonl               one object a tick: step, losses, penalties, gradient norms, images/s, seconds
samples/000200.png        grids of the same latents; samples/real.png, a grid of the data
checkpoints/000200.safetensors    the last few; latest.safetensors is a link to the newest
train.log                 when training started, stopped or failed, and on which versions
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self, TextIO

from tinygan import kernels
from tinygan.core.settings import Checked, setting
from tinygan.errors import DataError, FormatError, UsageError
from tinygan.formats.atomic import remove_stale, write_atomic
from tinygan.formats.lock import acquire
from tinygan.images.grid import FACTORS
from tinygan.recipes import get_recipe
from tinygan.training.config import as_mapping, build, differences, read_toml, to_toml


@dataclass(frozen=True)
class Loop(Checked):
    """The recipe, the data and the loop."""

    recipe: str = setting("dcgan", "the recipe", values="a name that tinygan recipes lists")
    data: str = setting("strokes", "the data set", values="a name that tinygan data lists, or the path of files")
    steps: int = setting(1200, "training steps", least=0)
    batch: int = setting(32, "samples of one batch; a step takes n_critic batches", least=1)
    seed: int = setting(0, "seed of all random numbers", least=0, below=2**32)
    backend: str = setting(
        "auto", "where and how kernels run; auto: the fastest that is installed", choices=kernels.BACKENDS
    )
    precision: str = setting(
        "auto",
        "how kernels round; fast: with a stated error, direct: sums as defined, auto: fast",
        choices=kernels.PRECISIONS,
    )
    log_every: int = setting(10, "steps between two lines of statistics", least=1)
    sample_every: int = setting(200, "steps between two pictures of samples", least=1)
    save_every: int = setting(200, "steps between two checkpoints", least=1)
    keep: int = setting(3, "newest checkpoints that stay on disk", least=1)
    sample_scale: int | None = setting(
        None,
        "pixels a side that show one pixel of a sample; none: as many as make the picture large",
        least=1,
        most=FACTORS,
    )
    sample_columns: int | None = setting(None, "samples in a row of a picture; none: 8", least=1)


@dataclass(frozen=True)
class Config(Loop):
    """All settings of a run: those of the loop, and those of the recipe."""

    settings: Any = None

    @contextmanager
    def numerics(self) -> Iterator[None]:
        """While this is open, kernels run on the backend and in the precision of the run."""
        with kernels.on_cpu(self.backend), kernels.precision(self.precision):
            yield


# what a resumed run may change
MAY_CHANGE = {"steps", "log_every", "sample_every", "save_every", "keep", "sample_scale", "sample_columns"}


def resolve(mapping: dict[str, Any]) -> Config:
    """The configuration from nested keys; the table ``settings`` has those of the recipe. Raises UsageError."""
    table = mapping.get("settings", {})
    if not isinstance(table, dict):
        raise UsageError("settings is a table: write [settings] and its keys below it")
    recipe = get_recipe(mapping.get("recipe", Loop.recipe))
    known = {field.name for field in fields(Loop)}
    for field in fields(recipe.settings):
        if field.name in mapping and field.name not in known:
            raise UsageError(f"{field.name} is a setting of the recipe: write it below [settings]")
    loop = build(Loop, {**recipe.loop, **{key: value for key, value in mapping.items() if key != "settings"}})
    settings = build(recipe.settings, table, where="settings")
    return Config(**{**vars(loop), "settings": settings})


class Run:
    """An open run directory; ``with`` closes its files. Only one process at a time can train it."""

    def __init__(self, path: Path, config: Config) -> None:
        self.path, self.config = path, config
        self.samples, self.checkpoints = path / "samples", path / "checkpoints"
        self._log: TextIO | None = None
        self._stats: TextIO | None = None

    @classmethod
    def create(cls, path: Path, config: Config) -> Self:
        """Create a run directory. Raises UsageError where the folder is not empty."""
        if (path / "config.toml").exists():
            raise UsageError(f"{path} holds a run already: add --resume to go on with it, or choose another --out")
        remove_stale(path)  # left by a process that was killed while it started
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UsageError(f"{path} exists and holds no run: choose another --out")
        run = cls(path, config)
        path.mkdir(parents=True, exist_ok=True)
        run._write_config()
        return run

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a run directory. Raises DataError where there is none, UsageError for wrong settings."""
        if not (path / "config.toml").is_file():
            above = [folder for folder in path.parents if (folder / "config.toml").is_file()]
            near = f" (did you mean {above[0]}?)" if above else ""
            raise DataError(f"{path} holds no run (no config.toml){near}: start one with tinygan train --out {path}")
        return cls(path, resolve(read_toml(path / "config.toml")))

    def change(self, config: Config) -> None:
        """Continue with ``config``, which ``rewind`` saves. Raises UsageError where it differs in a key that is not in
        MAY_CHANGE; the error names the keys.
        """
        here, there = ({k: v for k, v in as_mapping(c).items() if k not in MAY_CHANGE} for c in (config, self.config))
        # a run that is older than one of these keys has auto for it
        wrong = differences(here, {k: here.get(k) if v == "auto" else v for k, v in there.items()})
        if wrong:
            raise UsageError(
                f"{self.path} is another run: {'; '.join(wrong)}: choose another --out, or drop the options"
            )
        self.config = config

    def hold(self) -> None:
        """Take the directory for a training, and remove the unfinished files of killed ones. Raises UsageError where another
        process trains it."""
        log = (self.path / "train.log").open("a")
        if not acquire(log):
            log.close()
            raise UsageError(f"{self.path} is being trained by another process: choose another --out")
        self._log = log
        for folder in (self.path, self.samples, self.checkpoints):
            folder.mkdir(exist_ok=True)
            remove_stale(folder)

    def rewind(self, step: int) -> None:
        """Continue after ``step``: save the configuration, and drop statistics of later steps, which a killed process wrote
        after its last checkpoint."""
        self._write_config()
        stats = self.path / "stats.jsonl"
        kept = [line for line in _records(stats) if json.loads(line)["step"] <= step]
        write_atomic(stats, lambda file: file.write("".join(kept).encode()))
        self._stats = stats.open("a")

    def tick(self, record: dict[str, float]) -> None:
        """Write one line of statistics; it is on disk when this returns. Raises DataError."""
        assert self._stats
        _append(self._stats, json.dumps(record))

    def log(self, text: str) -> None:
        """Write one line of train.log, with the time. Raises DataError."""
        assert self._log
        _append(self._log, f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error and self._log:
            with suppress(DataError):  # on a full disk the first error is the one to report
                self.log(f"{type(error).__name__}: {error}")
        for file in (self._log, self._stats):
            if file:
                with suppress(OSError):
                    file.close()

    def _write_config(self) -> None:
        text = to_toml(as_mapping(self.config))
        write_atomic(self.path / "config.toml", lambda file: file.write(text.encode()))


def free_path(name: str, folder: str = "runs") -> Path:
    """runs/NAME, or runs/NAME-2, runs/NAME-3, ... where that exists."""
    path, n = Path(folder, name), 1
    while path.exists():
        n += 1
        path = Path(folder, f"{name}-{n}")
    return path


def _append(file: TextIO, line: str) -> None:
    """Write one line; it is on disk when this returns. Raises DataError."""
    try:
        file.write(line + "\n")
        file.flush()
    except OSError as error:
        raise DataError(
            f"cannot write {file.name}: {error.strerror}; free space and run again with --resume"
        ) from error


def _records(path: Path) -> list[str]:
    """The whole lines of a JSON-lines file. A last line without its end is left out: its writer was killed."""
    if not path.exists():
        return []
    lines = path.read_text(errors="replace").splitlines(keepends=True)
    try:
        whole = [line for line in lines if line.endswith("\n")]
        if all(isinstance(json.loads(line)["step"], int) for line in whole):
            return whole
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise FormatError(f"{path} is damaged, expected one JSON object with a step on each line: move it away to go on")
