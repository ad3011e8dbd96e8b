"""``tinygan translate``: images of two domains, translated and back."""

from __future__ import annotations

import argparse

from tinygan.cli.loaded import of_kind
from tinygan.cli.options import add_picture, add_run, add_seed, completes, whole
from tinygan.cli.picture import picture_path, write_picture
from tinygan.cli.terminal import plural
from tinygan.data import open_data
from tinygan.data.sampler import Sampler
from tinygan.errors import UsageError
from tinygan.images.grid import make_grid
from tinygan.recipes.protocols import Translates
from tinygan.training.run import Run

MOST = 1000
ABOUT = """
    Translate images of two domains with a trained CycleGAN (Zhu et al. 2017). For each pair (a, b) of the test split
    the picture has two rows: a, its translation G(a), back again F(G(a)), and b; then b, F(b), G(F(b)), and a.
"""
EXAMPLES = [("tinygan translate runs/cyclegan-strokes-edges -n 4", "4 pairs of the test split")]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    add_run(p, what="the folder of a run of cyclegan")
    p.add_argument("-n", type=whole, default=8, metavar="N", help=f"pairs of the test split, 1 to {MOST} (default: 8)")
    add_seed(p, "which pairs")
    completes(
        p.add_argument("--data", metavar="NAME|PATH", help="other data of the same shape (default: the run's data)"),
        "data",
    )
    add_picture(p, "translate-nN-seedS")


def run(args: argparse.Namespace) -> int:
    """The picture."""
    if not 1 <= args.n <= MOST or args.seed < 0:
        raise UsageError(f"-n is 1 to {MOST} and --seed at least 0: got {args.n} and {args.seed}")
    run = Run.open(args.dir)
    out = picture_path(args.out, run, f"translate-n{args.n}-seed{args.seed}")
    data = open_data(args.data or run.config.data, split="test", data_seed=run.config.seed)
    with run.config.numerics():
        recipe, state = of_kind(run, Translates, "translate needs two domains: give a run of cyclegan")
        if data.shape != recipe.shape:
            raise UsageError(f"{data.name} has samples of {data.shape}; the run translates {recipe.shape}")
        index = Sampler(data.size, args.seed).indices(0, min(args.n, data.size or args.n))
        rows = recipe.cycles(state, data.batch(index)[0])
    write_picture(out, make_grid(rows.reshape(-1, *rows.shape[2:]), nrow=4), args.scale)
    pairs = plural(len(index), "pair")
    print(f"{out}: {pairs} (a, b), each in two rows\na, G(a), F(G(a)), b; then b, F(b), G(F(b)), a")
    return 0
