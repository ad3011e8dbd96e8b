"""``tinygan battle``: two runs, each discriminator classifies the other's samples."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinygan.cli.options import add_seed, completes, real, whole
from tinygan.cli.terminal import paragraph
from tinygan.data import open_data
from tinygan.errors import UsageError
from tinygan.evaluation.battle import fight, player, verdict
from tinygan.evaluation.evaluate import MOST
from tinygan.metrics.gam import battle
from tinygan.training.loading import load_state
from tinygan.training.run import Run

ABOUT = """
    Compare two trained runs without a third network: the generative adversarial metric (Im et al. 2016). Each
    discriminator classifies the samples of the other generator, and the test split of the data, as real or generated.
    The run whose discriminator makes fewer errors on the other's samples wins. The battle is a tie where the two
    discriminators are not equally good on the test split.
"""
EXAMPLES = [("tinygan battle runs/dcgan-strokes runs/r1-strokes", "which of two runs on the same data is better")]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    for name, metavar, what in (("a", "RUN_A", "a trained run"), ("b", "RUN_B", "another one, on data of one shape")):
        completes(p.add_argument(name, metavar=metavar, help=what), "folders")
    completes(
        p.add_argument(
            "--data",
            metavar="NAME|PATH",
            help="the data whose test split is classified (default: the data of both runs)",
        ),
        "data",
    )
    p.add_argument(
        "-n",
        type=whole,
        metavar="N",
        help=f"samples of each generator and of the test split (default: the size of the test split, at most {MOST})",
    )
    add_seed(p, "which samples are generated")
    p.add_argument(
        "--tolerance",
        type=real,
        default=0.1,
        metavar="T",
        help="the discriminators count as equally good where the ratio of their errors on the test split is from "
        "1/(1+T) to 1+T; T is at least 0 (default: 0.1)",
    )


def run(args: argparse.Namespace) -> int:
    """The battle, and who wins it."""
    if args.seed < 0 or not args.tolerance >= 0:
        raise UsageError(f"--seed and --tolerance are at least 0: got {args.seed} and {args.tolerance}")
    runs = [Run.open(Path(path)) for path in (args.a, args.b)]
    trained = {run.config.data for run in runs}
    if args.data is None and len(trained) > 1:
        raise UsageError(
            f"{args.a} and {args.b} were trained on different data, {' and '.join(sorted(trained))}: "
            "choose one with --data NAME"
        )
    with runs[0].config.numerics():
        a, b = (player(str(run.path), *load_state(run)) for run in runs)
        test = open_data(args.data or trained.pop(), split="test")
        n = min(test.size or MOST, MOST) if args.n is None else args.n
        found = fight(a, b, test, n, args.seed)
    of = battle(*found, args.tolerance)
    low, high = 1 / (1 + args.tolerance), 1 + args.tolerance
    print(paragraph(f"{a.name} against {b.name}: {n} samples of each, and {n} of the test split of {test.name}"))
    print(f"r_test    {of.r_test:<9.4g} error on the test split, A / B; equally good from {low:.3g} to {high:.3g}")
    print(f"r_sample  {of.r_sample:<9.4g} error of A on B's samples / error of B on A's samples")
    print(verdict(a, b, of))
    return 0
