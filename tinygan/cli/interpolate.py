"""``tinygan interpolate``: images along a line or an arc between two latents."""

from __future__ import annotations

import argparse

from tinygan.cli.latents import Latents, add_latents
from tinygan.cli.options import add_run, whole
from tinygan.cli.terminal import plural
from tinygan.sampling import interpolation

ABOUT = """
    Draw images along the straight line, or the arc, between the latents of two samples. A generator that has learnt
    more than its training images changes smoothly from one to the other.
"""
EXAMPLES = [("tinygan interpolate runs/dcgan-strokes --from 0 --to 5", "from sample 0 to sample 5")]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    add_run(p)
    p.add_argument(
        "--from", dest="a", type=whole, required=True, metavar="I", help="the number of the first sample, from 0"
    )
    p.add_argument("--to", dest="b", type=whole, required=True, metavar="J", help="the number of the last one")
    p.add_argument(
        "--spherical",
        action="store_true",
        help="along an arc around 0, which keeps the length of Gaussian latents, not along a line",
    )
    p.add_argument(
        "--columns", type=whole, default=11, metavar="N", help="images of the strip, at least 2 (default: 11)"
    )
    add_latents(p, "interpolate-I-J")


def run(args: argparse.Namespace) -> int:
    """The picture."""
    latents = Latents(args, f"interpolate-{args.a}-{args.b}")
    z = latents.of([args.a, args.b])
    latents.draw(interpolation.between(z[0], z[1], args.columns, args.spherical))
    way = "an arc" if args.spherical else "a line"
    print(f"{latents.out}: {plural(args.columns, 'image')} along {way} from sample {args.a} to sample {args.b}")
    return 0
