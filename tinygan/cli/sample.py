"""``tinygan sample``: images from a trained run."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np

from tinygan import kernels
from tinygan.core.layer import Array
from tinygan.data.patterns import strings
from tinygan.errors import UsageError
from tinygan.formats.atomic import write_atomic
from tinygan.formats.png import write_png
from tinygan.images.grid import make_grid, picture_of
from tinygan.sampling.request import Asked
from tinygan.training.loop import sample
from tinygan.training.run import Run

MOST, N = 100_000, 64


def run_sample(args: argparse.Namespace) -> int:
    """``tinygan sample``."""
    if args.sweep is not None and args.n is not None:
        raise UsageError("--sweep makes a grid of its own size: drop -n")
    n = N if args.n is None else args.n
    if not 1 <= n <= MOST or args.seed < 0:
        raise UsageError(f"-n is 1 to {MOST} and --seed at least 0: got {n} and {args.seed}")
    run = Run.open(args.dir)
    asked = Asked(args.label, args.text, args.truncation, args.standing, args.sweep, args.average, args.sequence)
    out = args.out or run.samples / file_name(n, args.seed, asked)
    if out.suffix.lower() not in (".png", ".npy", ".txt"):
        raise UsageError(f"--out ends in .png or .npy, of strings .txt too: got {out}")
    with kernels.on_cpu(run.config.backend), kernels.precision(run.config.precision):
        images = sample(run, n, args.seed, asked)
    if out.suffix.lower() == ".npy":
        write_atomic(out, lambda file: np.save(file, images))
    elif out.suffix.lower() == ".txt":
        if images.ndim != 3:
            raise UsageError(f"{out}: .txt is of strings, and the run makes none: give .png or .npy")
        write_atomic(out, lambda file: file.write("".join(f"{word}\n" for word in strings(images)).encode()))
    else:
        write_png(out, grid_of(images) if asked.rows else picture_of(images))
    print(f"{out}: {' x '.join(map(str, images.shape[:2])) if asked.rows else n} samples")
    return 0


def grid_of(images: Array) -> Array:
    """Images (rows, columns, H, W, C) as one picture."""
    return make_grid(images.reshape(-1, *images.shape[2:]), nrow=images.shape[1])


def file_name(n: int, seed: int, asked: Asked) -> Path:
    """sample-n64-seed0-text-dark-sneaker.png: another one for whatever else is asked; what names bear of a text, "_" for the
    rest."""
    parts = [f"sample-n{n}-seed{seed}" if asked.sweep is None else f"sample-seed{seed}"]
    words = {"text", "sequence"}
    parts += [f"{name}{value}" for name, value in asked._asdict().items() if value is not None and name not in words]
    parts += ["sequence"] if asked.sequence else []
    if asked.text is not None:
        parts += ["text", *(re.sub(r"[^\w-]", "_", word) for word in asked.text.lower().split())]
    return Path("-".join(parts) + ".png")
