"""``tinygan train``: a run from its configuration, and one resumed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tinygan import kernels
from tinygan.cli.options import add_scale, completes, whole
from tinygan.cli.recipes import settings_of
from tinygan.cli.terminal import plural
from tinygan.errors import UsageError
from tinygan.recipes import RECIPES
from tinygan.training.config import as_mapping, merge, read_toml, set_key, to_toml
from tinygan.training.run import Config, Loop, Run, resolve

ABOUT = """
    Train a system ("recipe") on data. It writes a run directory: config.toml, the settings; stats.jsonl, losses and
    speed; samples/, pictures of generated images; checkpoints/, from which training goes on; train.log. Ctrl-C saves
    and stops; --resume goes on, bit for bit.

    Settings come from the defaults, then --config, then the options, then --set; a later one wins. `tinygan train
    RECIPE --help` shows all settings of a recipe.
"""
EXAMPLES = [
    ("tinygan train", "dcgan on drawn digits, about two minutes"),
    ("tinygan train wgan-gp --data pictures/ --steps 20000", "another recipe on a folder of pictures"),
    ("tinygan train r1 --set adam_G.lr=1e-4 --set width=32", "other settings"),
    ("tinygan train --resume --out runs/dcgan-strokes --steps 4000", "go on with a run, to step 4000"),
]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    completes(
        p.add_argument(
            "recipe", nargs="?", metavar="RECIPE", help="the system; `tinygan recipes` lists them (default: dcgan)"
        ),
        "recipes",
    )
    completes(
        p.add_argument(
            "--data",
            metavar="NAME|PATH",
            help="a data set (`tinygan data` lists them), or a folder or file of your own (default: strokes)",
        ),
        "data",
    )
    completes(
        p.add_argument(
            "--out", type=Path, metavar="DIR", help="the run directory, a new one (default: runs/RECIPE-DATA)"
        ),
        "folders",
    )
    for name, what in (
        ("steps", "steps in all, 0 or more"),
        ("batch", "images a step, 1 or more"),
        ("seed", "fixes every random number, 0 to 2^32 - 1"),
    ):
        p.add_argument(
            f"--{name}", type=whole, metavar="N", help=f"{what} (default: {getattr(Loop, name)}, or the recipe's)"
        )
    p.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one setting, as in --set adam_G.lr=1e-4; may be repeated",
    )
    completes(p.add_argument("--config", type=Path, metavar="FILE", help="settings from a .toml file"), "files")
    p.add_argument("--resume", action="store_true", help="go on with the run in --out")
    p.add_argument(
        "--backend",
        choices=kernels.BACKENDS,
        help="what computes: cuda, a GPU; jit, compiled code on the CPU; reference, NumPy (default: auto, the first "
        "of these that is installed and that the recipe can use)",
    )
    p.add_argument(
        "--precision",
        choices=kernels.PRECISIONS,
        help="fast: the fastest convolutions; direct: only those that round least; tf32: on a GPU, faster products that "
        "round more (default: auto, which is fast)",
    )
    p.add_argument("--columns", type=whole, metavar="N", help="images a row of the sample pictures (default: 8)")
    add_scale(p)
    p.add_argument("--dry-run", action="store_true", help="print the whole configuration as TOML and stop")


def more_help(args: argparse.Namespace) -> str:
    """The settings of the recipe that is named before --help. Raises UsageError."""
    return f"\n{settings_of(args.recipe)}\n" if args.recipe else ""


def run(args: argparse.Namespace) -> int:
    """Train."""
    from tinygan.training.interrupt import Interrupt
    from tinygan.training.launch import launch, ready

    if args.recipe and args.recipe not in RECIPES and Path(args.recipe).exists():
        is_run = (Path(args.recipe) / "config.toml").is_file()
        option = "--resume --out" if is_run else "--data"
        raise UsageError(f"{args.recipe} is a path, not a recipe: tinygan train {option} {args.recipe}")
    with Interrupt() as interrupt:
        if args.resume and args.out is None:
            raise UsageError("--resume needs the run to go on with: add --out DIR")
        resumed = Run.open(args.out) if args.resume else None
        config = ready(configured(args, as_mapping(resumed.config) if resumed else {}))
        if resumed:
            resumed.change(config)
        if args.dry_run:
            print(to_toml(as_mapping(config)), end="")
            return 0
        try:
            run, step = launch(config, args.out, resumed, interrupt)
        except SystemExit:  # a second signal
            print("stopped at once: the last checkpoint is kept, the steps after it are lost", file=sys.stderr)
            raise
    if step < config.steps:
        print(
            f"stopped at step {step}, saved in {run.path}\ngo on with: tinygan train --resume --out {run.path}",
            file=sys.stderr,
        )
        return interrupt.code
    shown = run.samples / f"{step:06d}.png"
    if shown.exists():
        print(f"{shown}: samples after {plural(step, 'step')}\nmore with: tinygan sample {run.path}")
    else:
        print(f"{run.path}: trained for {plural(step, 'step')}\nevaluate it with: tinygan eval {run.path}")
    return 0


def configured(args: argparse.Namespace, base: dict[str, Any]) -> Config:
    """The configuration: defaults, then a run's own, then --config, then options, then --set."""
    mapping = merge(base, read_toml(args.config) if args.config else {})
    for name in ("recipe", "data", "steps", "batch", "seed", "backend", "precision"):
        if getattr(args, name) is not None:
            mapping[name] = getattr(args, name)
    for name in ("scale", "columns"):
        if getattr(args, name) is not None:
            mapping[f"sample_{name}"] = getattr(args, name)
    from tinygan.training.launch import is_of_recipe

    for assignment in args.set:
        key = assignment.partition("=")[0].split(".")[0].strip()
        of_recipe = is_of_recipe(key, mapping.get("recipe", Loop.recipe))
        mapping = set_key(mapping, f"settings.{assignment}" if of_recipe else assignment)
    return resolve(mapping)
