"""``tinygan translate``: pictures of a run's two domains, translated and back."""

from __future__ import annotations

import argparse

from tinygan import kernels
from tinygan.cli.edit import of_kind, picture_path
from tinygan.data import open_data
from tinygan.data.sampler import Sampler
from tinygan.errors import UsageError
from tinygan.formats.png import write_png
from tinygan.images.grid import make_grid
from tinygan.recipes.systems.cyclegan import CycleGAN
from tinygan.training.run import Run

MOST = 1000


def run_translate(args: argparse.Namespace) -> int:
    """``tinygan translate``."""
    if not 1 <= args.n <= MOST or args.seed < 0:
        raise UsageError(f"-n is 1 to {MOST} and --seed at least 0: got {args.n} and {args.seed}")
    run = Run.open(args.dir)
    data = open_data(args.data or run.config.data, split="test", data_seed=run.config.seed)
    with kernels.on_cpu(run.config.backend), kernels.precision(run.config.precision):
        recipe, state = of_kind(run, CycleGAN, "translate goes from one domain to another: give a run of cyclegan")
        if data.shape != recipe.shape:
            raise UsageError(f"{data.name} has samples of {data.shape}; the run translates {recipe.shape}")
        index = Sampler(data.size, args.seed).indices(0, min(args.n, data.size or args.n))
        rows = recipe.rows(state, data.batch(index)[0])
    out = picture_path(args.out, run.samples / f"translate-n{args.n}-seed{args.seed}.png")
    write_png(out, make_grid(rows.reshape(-1, *rows.shape[2:]), nrow=4))
    print(f"{out}: for each of {len(index)} samples a, G(a), F(G(a)), b; below b, F(b), G(F(b)), a")
    return 0
