"""The command ``tinygan``. A user's mistake is one line on stderr and an exit code, never a traceback.

Exit codes: 0 done, 1 a check failed or memory ran out, 2 usage, 3 diverged, 4 data or checkpoint, 130 Ctrl-C,
143 SIGTERM.
"""

from __future__ import annotations

import argparse
import importlib
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tinygan import kernels
from tinygan.cli.parser import parser
from tinygan.errors import DataError, TinyganError, UsageError, by, nearest
from tinygan.formats.toml import shown
from tinygan.recipes import find
from tinygan.training.config import as_mapping, merge, read_toml, set_key, to_toml
from tinygan.training.run import Config, Loop, Run, free_path, resolve


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path may hold what the terminal cannot show
    args = parser().parse_args(argv)
    try:
        return COMMANDS[args.command](args)
    except TinyganError as error:
        print(f"tinygan: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of a pipe has gone, as with `| head`
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f"tinygan: {error.filename or 'file'}: {error.strerror or error}", file=sys.stderr)
        return DataError.exit_code
    except MemoryError as error:
        print(f"tinygan: out of memory ({error}): ask for less", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


# ---------------------------------------------------------------- train


def run_train(args: argparse.Namespace) -> int:
    """``tinygan train``."""
    from tinygan.data import open_data
    from tinygan.training.interrupt import Interrupt
    from tinygan.training.loop import recipe_for, train

    with Interrupt() as interrupt:
        if args.resume and args.out is None:
            raise UsageError("--resume needs the run to go on with: add --out DIR")
        resumed = Run.open(args.out) if args.resume else None
        config = configure(args, as_mapping(resumed.config) if resumed else {})
        backend, precision = backend_for(config), kernels.choose_precision(config.precision)
        config = replace(config, backend=backend, precision=precision, data=place(config.data))
        if resumed:
            resumed.change(config)
        if args.dry_run:
            print(to_toml(as_mapping(config)), end="")
            return 0
        data = open_data(config.data, data_seed=config.seed)
        recipe = recipe_for(config, data)
        path = args.out or free_path(f"{config.recipe}-{Path(config.data).name}")
        with kernels.on_cpu(backend), kernels.precision(precision), resumed or Run.create(path, config) as run:
            step = train(run, recipe, data, interrupt)
    if step < config.steps:
        print(f"stopped at step {step}, saved; go on with: tinygan train --resume --out {run.path}", file=sys.stderr)
        return interrupt.code
    shown = run.samples / f"{step:06d}.png"
    if shown.exists():
        print(f"{shown}: samples after {step} steps; more with: tinygan sample {run.path}")
    else:
        print(f"{run.path}: trained for {step} steps; see how good it is: tinygan eval {run.path}")
    return 0


def backend_for(config: Config) -> str:
    """The backend that a run asks for; ``auto`` is a GPU only for systems that train there. Raises UsageError."""
    backend = kernels.choose(config.backend)
    if backend != "cuda" or find(config.recipe).device:
        return backend
    if config.backend == "cuda":
        raise UsageError(f"{config.recipe} does not train on a GPU: use --backend jit")
    return kernels.beside(backend)


def place(data: str) -> str:
    """The name of a data set, or the absolute path of its files: a run is resumed from anywhere."""
    from tinygan.data import NAMES, open_data

    if data in NAMES:
        return data
    if not data or not Path(data).exists():
        open_data(data)  # says what is wrong
    return str(Path(data).resolve())


def configure(args: argparse.Namespace, base: dict[str, Any]) -> Config:
    """The configuration: defaults, then a run's own, then --config, then options, then --set."""
    mapping = merge(base, read_toml(args.config) if args.config else {})
    for name in ("recipe", "data", "steps", "batch", "seed", "backend", "precision"):
        if getattr(args, name) is not None:
            mapping[name] = getattr(args, name)
    loop = [field.name for field in fields(Loop)]
    settings = [field.name for field in fields(find(mapping.get("recipe", Loop.recipe)).settings)]
    for assignment in args.set:
        key = assignment.partition("=")[0].split(".")[0].strip()
        of_loop = key == "settings" or (
            key not in settings and "".join(get_close_matches(key, loop + settings, 1)) in loop
        )
        mapping = set_key(mapping, assignment if of_loop else f"settings.{assignment}")
    return resolve(mapping)


# ---------------------------------------------------------------- the rest


def run_data(args: argparse.Namespace) -> int:
    """``tinygan data``."""
    from tinygan.data import NAMES, catalogue, fetch_data

    if args.name not in (None, *NAMES):
        raise UsageError(f"unknown data {args.name!r}{nearest(args.name, NAMES)}; the names are {', '.join(NAMES)}")
    if args.fetch:
        if args.name is None:
            raise UsageError(f"--fetch needs the NAME of a set: one of {', '.join(NAMES)}")
        fetch_data(args.name)
    for entry in (entry for entry in catalogue() if args.name in (None, entry.name)):
        size = by(entry.shape)
        print(f"{entry.name:16s} {size:9s} {entry.description}")
        print(f"{'':16s} {'':9s} {entry.path or 'not here: ' + entry.how_to_get}")
    if args.name is None:
        print(
            f"{'PATH':16s} {'':9s} a folder or .zip of PNG pictures of one size (JPEG with pillow), in folders by class"
        )
        print(f"{'':16s} {'':9s} or listed in dataset.json; an .npz file; IDX files; the files of a set above")
    return 0


def run_recipes(args: argparse.Namespace) -> int:
    """``tinygan recipes``: all systems, or one and its settings."""
    from tinygan.recipes.catalogue import CARDS, link, listing

    if args.name is None:
        print(listing())
        return 0
    entry, card = find(args.name), CARDS[args.name]
    print(f"{args.name}: {entry.about}\n  {card.objective}\n  {card.shown}: {link(card)}")
    if not entry.device:
        print("  trains on the CPU alone")
    print("  settings (--set KEY=VALUE) and their defaults:")
    for line in dotted(as_mapping(entry.settings())):
        print(f"    {line}")
    if entry.loop:
        print(f"  the loop's own: {' '.join(dotted(dict(entry.loop)))}")
    print("  the loop (--set KEY=VALUE too) and its defaults:")
    for line in dotted(as_mapping(Loop())):
        print(f"    {line}")
    return 0


def dotted(mapping: dict[str, Any], prefix: str = "") -> list[str]:
    """KEY=VALUE lines as --set takes them."""
    lines = []
    for key, value in mapping.items():
        lines += dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}={shown(value)}"]
    return lines


def run_check(args: argparse.Namespace) -> int:
    """``tinygan check``."""
    from tinygan.checks.cases import table
    from tinygan.checks.check import BOUNDS, CheckFailed

    if args.draws < 1 or args.seed < 0:
        raise UsageError(f"--draws is at least 1 and --seed at least 0: got {args.draws} and {args.seed}")
    print(f"{'worst error of':18s}" + "".join(f"{name:>9s}" for name in BOUNDS))
    print(f"{'bound':18s}" + "".join(f"{bound:9.0e}" for bound in BOUNDS.values()))
    worst = dict.fromkeys(BOUNDS, 0.0)
    try:
        for name, errors in table(args.draws, args.seed):
            print(f"{name:18s}" + "".join(f"{error:9.0e}" for error in errors.values()), flush=True)
            worst = {check: max(worst[check], error) for check, error in errors.items()}
    except CheckFailed as error:
        print(f"tinygan: {error}", file=sys.stderr)
        return 1
    print(f"{'all':18s}" + "".join(f"{error:9.0e}" for error in worst.values()))
    return 0


def run_info(args: argparse.Namespace) -> int:
    """``tinygan info``."""
    from tinygan.training.provenance import report

    for name, value in report().items():
        print(f"{name:12s} {value}")
    return 0


def later(module: str, function: str) -> Callable[[argparse.Namespace], int]:
    """A command of another module, which is imported when it runs."""

    def run(args: argparse.Namespace) -> int:
        code: int = getattr(importlib.import_module(f"tinygan.cli.{module}"), function)(args)
        return code

    return run


COMMANDS = {
    "train": run_train,
    "sample": later("sample", "run_sample"),
    "eval": later("evaluate", "run_eval"),
    "battle": later("battle", "run_battle"),
    "edit": later("edit", "run_edit"),
    "geodesic": later("edit", "run_geodesic"),
    "interpolate": later("mix", "run_interpolate"),
    "average": later("mix", "run_average"),
    "arithmetic": later("mix", "run_arithmetic"),
    "translate": later("translate", "run_translate"),
    "reproduce": later("reproduce", "run_reproduce"),
    "data": run_data,
    "recipes": run_recipes,
    "check": run_check,
    "info": run_info,
}
