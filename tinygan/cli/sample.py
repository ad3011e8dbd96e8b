"""``tinygan sample``: images from a trained run."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np

from tinygan.cli.options import add_picture, add_run, add_seed, real, whole
from tinygan.cli.picture import write_picture
from tinygan.cli.terminal import plural
from tinygan.core.layer import Array
from tinygan.data.patterns import strings
from tinygan.errors import UsageError
from tinygan.formats.atomic import write_atomic
from tinygan.images.grid import make_grid, picture_of
from tinygan.interface.sample import sample
from tinygan.sampling.request import SampleRequest
from tinygan.training.run import Run

MOST, N, COLUMNS = 100_000, 64, 8
ABOUT = """
    Generate images with the newest checkpoint of a run. A .png file shows them side by side, enlarged; a .npy file
    holds the numbers themselves, float32 (N, H, W, C) with pixels in [-1, 1].
"""
EXAMPLES = [
    ("tinygan sample runs/dcgan-strokes", "64 images as one picture"),
    ("tinygan sample runs/dcgan-strokes -n 1000 --out many.npy", "1000 images as an array"),
    ("tinygan sample runs/cgan-strokes --label 3 -n 16", "16 images of class 3"),
]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    add_run(p)
    p.add_argument("-n", type=whole, metavar="N", help=f"how many images, 1 to {MOST} (default: {N})")
    add_seed(p, "which latents the images come from")
    p.add_argument(
        "--label", type=whole, metavar="K", help="images of class K, from 0; by a class-conditional generator"
    )
    p.add_argument(
        "--text", metavar="WORDS", help='images of a text, as in "dark sneaker"; by a text-conditional generator'
    )
    p.add_argument(
        "--truncation",
        type=real,
        metavar="TAU",
        help="truncated latents, each number within -TAU to TAU, above 0: better but less varied images",
    )
    p.add_argument(
        "--sweep",
        metavar="CODE",
        help="a grid along one code, as in c1; by a generator with codes (infogan), in rows and columns of its own",
    )
    p.add_argument(
        "--standing",
        type=whole,
        metavar="BATCHES",
        help="standing statistics: batch norm statistics of so many batches of 64 latents, 1 or more",
    )
    p.add_argument(
        "--sequence", action="store_true", help="a row for each image, after each of its drawing steps (gran, draw)"
    )
    p.add_argument(
        "--average",
        type=whole,
        metavar="N",
        help="use the mean of the weights of the last N checkpoints, 2 or more (the setting keep says how many are kept)",
    )
    p.add_argument(
        "--columns", type=whole, metavar="N", help=f"images a row of the picture, 1 or more (default: {COLUMNS})"
    )
    add_picture(p, "NAME", "a .png or .npy file, for strings also .txt")


def run(args: argparse.Namespace) -> int:
    """The samples, as a picture, an array or lines of text."""
    if args.sweep is not None and args.n is not None:
        raise UsageError("--sweep makes a grid of its own size: drop -n")
    n = N if args.n is None else args.n
    if not 1 <= n <= MOST or args.seed < 0:
        raise UsageError(f"-n is 1 to {MOST} and --seed at least 0: got {n} and {args.seed}")
    run = Run.open(args.dir)
    request = SampleRequest(
        args.label, args.text, args.truncation, args.standing, args.sweep, args.average, args.sequence
    )
    if args.columns is not None and (request.rows or args.columns < 1):
        raise UsageError(
            f"--columns is at least 1: got {args.columns}"
            if args.columns < 1
            else "--sweep and --sequence have columns of their own: drop --columns"
        )
    out = args.out or run.samples / file_name(n, args.seed, request)
    if out.suffix.lower() not in (".png", ".npy", ".txt"):
        raise UsageError(f"--out ends in .png or .npy, for strings also in .txt: got {out}")
    images = sample(run, n, args.seed, **request._asdict())
    if out.suffix.lower() == ".npy":
        write_atomic(out, lambda file: np.save(file, images))
    elif out.suffix.lower() == ".txt":
        if images.ndim != 3:
            raise UsageError(f"{out}: .txt is for strings, and the run makes none: give .png or .npy")
        write_atomic(out, lambda file: file.write("".join(f"{word}\n" for word in strings(images)).encode()))
    else:
        write_picture(out, grid_of(images) if request.rows else picture_of(images, args.columns or COLUMNS), args.scale)
    print(f"{out}: {' x '.join(map(str, images.shape[:2])) + ' samples' if request.rows else plural(n, 'sample')}")
    return 0


def grid_of(images: Array) -> Array:
    """Images (rows, columns, H, W, C) as one picture."""
    return make_grid(images.reshape(-1, *images.shape[2:]), nrow=images.shape[1])


def file_name(n: int, seed: int, request: SampleRequest) -> Path:
    """sample-n64-seed0-text-dark-sneaker.png: another name for each request; "_" for what a file name cannot hold."""
    parts = [f"sample-n{n}-seed{seed}" if request.sweep is None else f"sample-seed{seed}"]
    words = {"text", "sequence"}
    parts += [f"{name}{value}" for name, value in request._asdict().items() if value is not None and name not in words]
    parts += ["sequence"] if request.sequence else []
    if request.text is not None:
        parts += ["text", *(re.sub(r"[^\w-]", "_", word) for word in request.text.lower().split())]
    return Path("-".join(parts) + ".png")
