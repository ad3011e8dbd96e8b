"""``tinygan average``: the image of the mean of several latents."""

from __future__ import annotations

import argparse

from tinygan.cli.latents import Latents, add_latents, listed
from tinygan.cli.options import add_run, whole
from tinygan.cli.terminal import plural
from tinygan.sampling import interpolation

ABOUT = "Draw some samples side by side, and last the image of the mean of their latents."
EXAMPLES = [("tinygan average runs/dcgan-strokes --of 2 7 11", "samples 2, 7 and 11, and their mean")]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    add_run(p)
    p.add_argument("--of", type=whole, nargs="+", required=True, metavar="I", help="the numbers of samples, from 0")
    add_latents(p, "average-I+J")


def run(args: argparse.Namespace) -> int:
    """The picture."""
    latents = Latents(args, f"average-{listed(args.of)}")
    latents.draw(interpolation.average(latents.of(args.of)))
    print(f"{latents.out}: {plural(len(args.of), 'sample')}, then the image of the mean of their latents")
    return 0
