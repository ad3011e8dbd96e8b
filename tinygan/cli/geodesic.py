"""``tinygan geodesic``: the shortest path between two samples."""

from __future__ import annotations

import argparse

from tinygan.cli.loaded import of_kind
from tinygan.cli.options import add_picture, add_run, add_seed, whole
from tinygan.cli.picture import picture_path, write_picture
from tinygan.cli.terminal import plural
from tinygan.errors import UsageError
from tinygan.recipes.protocols import GaussianLatents
from tinygan.sampling.sample import numbered_latents
from tinygan.sampling.traversal import strip
from tinygan.training.run import Run

ABOUT = """
    Find the shortest path between two samples on the surface of all images that the generator can make, and draw it
    beside two straight lines. The picture has three rows: images along the shortest path, along the straight line of
    latents, and along the straight line of pixels, which leaves the surface.
"""
EXAMPLES = [("tinygan geodesic runs/dcgan-strokes --from 0 --to 5", "from sample 0 to sample 5")]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    add_run(p)
    p.add_argument(
        "--from", dest="a", type=whole, required=True, metavar="I", help="the number of the first sample, from 0"
    )
    p.add_argument("--to", dest="b", type=whole, required=True, metavar="J", help="the number of the last one")
    add_seed(p, "which latents the samples come from")
    p.add_argument(
        "--columns", type=whole, default=11, metavar="N", help="images of the path, odd, at least 3 (default: 11)"
    )
    add_picture(p, "geodesic-I-J")


def run(args: argparse.Namespace) -> int:
    """The picture, and the lengths."""
    run = Run.open(args.dir)
    if args.a < 0 or args.b < 0 or args.a == args.b or args.seed < 0:
        raise UsageError(
            "--from and --to are the numbers of two samples, from 0, and --seed is at least 0: "
            f"got {args.a}, {args.b} and {args.seed}"
        )
    out = picture_path(args.out, run, f"geodesic-{args.a}-{args.b}")
    with run.config.numerics():
        recipe, state = of_kind(
            run, GaussianLatents, "geodesic needs a generator and a discriminator: give a run of dcgan or ssgan"
        )
        if recipe.cond_dim:
            raise UsageError(
                f"{run.path} is a run of {run.config.recipe}, a conditional generator; geodesic needs an unconditional "
                "one: give a run of dcgan or ssgan"
            )
        a, b = numbered_latents(recipe, (args.a, args.b), args.seed)
        grid, found = strip(recipe, state, a, b, args.columns)
    write_picture(out, grid, args.scale)
    end = "converged" if found.converged else f"NOT converged, stopped after {plural(found.steps, 'step')}"
    print(f"length of the path {found.length:.4g}, of the straight line of latents {found.straight:.4g}; {end}")
    print(f"{out}\nrows: the shortest path, the straight line of latents, the straight line of pixels")
    return 0
