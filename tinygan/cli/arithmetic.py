"""``tinygan arithmetic``: the image of latents a - b + c."""

from __future__ import annotations

import argparse

from tinygan.cli.latents import Latents, add_latents, listed
from tinygan.cli.options import add_run, whole
from tinygan.sampling import interpolation

ABOUT = """
    Draw the images of the latents a, b, c and a - b + c (Radford et al. 2016). If a and b differ in one property, the
    last image is c with that property changed. Each of the three may be the mean of several samples, which is steadier.
"""
EXAMPLES = [
    ("tinygan arithmetic runs/dcgan-strokes --from 3 --minus 8 --plus 1", "sample 3 - sample 8 + sample 1"),
    ("tinygan arithmetic runs/dcgan-strokes --from 3 4 --minus 8 9 --plus 1 2", "of means of two samples"),
]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    add_run(p)
    for option, name in (("--from", "a"), ("--minus", "b"), ("--plus", "c")):
        p.add_argument(
            option,
            dest=name,
            type=whole,
            nargs="+",
            required=True,
            metavar="I",
            help=f"{name}: the number of a sample, from 0, or several numbers for their mean",
        )
    add_latents(p, "arithmetic-A-B-C")


def run(args: argparse.Namespace) -> int:
    """The picture."""
    latents = Latents(args, f"arithmetic-{listed(args.a)}-{listed(args.b)}-{listed(args.c)}")
    a, b, c = (latents.of(numbers) for numbers in (args.a, args.b, args.c))
    latents.draw(interpolation.arithmetic(a, b, c))
    print(f"{latents.out}: the images of a, b, c and a - b + c")
    return 0
