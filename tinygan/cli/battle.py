"""``tinygan battle``: two runs, each with the other's discriminator for a judge."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinygan import kernels
from tinygan.data import open_data
from tinygan.errors import UsageError
from tinygan.evaluation.battle import fight, player, verdict
from tinygan.evaluation.evaluate import MOST
from tinygan.metrics.gam import battle
from tinygan.training.loop import restored
from tinygan.training.run import Run


def run_battle(args: argparse.Namespace) -> int:
    """``tinygan battle``."""
    if args.seed < 0 or not args.tolerance >= 0:
        raise UsageError(f"--seed and --tolerance are at least 0: got {args.seed} and {args.tolerance}")
    runs = [Run.open(Path(path)) for path in (args.a, args.b)]
    trained = {run.config.data for run in runs}
    if args.data is None and len(trained) > 1:
        raise UsageError(
            f"{args.a} and {args.b} are trained on {' and '.join(sorted(trained))}: judge by one, --data NAME"
        )
    with kernels.on_cpu(runs[0].config.backend), kernels.precision(runs[0].config.precision):
        a, b = (player(str(run.path), *restored(run)) for run in runs)
        test = open_data(args.data or trained.pop(), split="test")
        n = min(test.size or MOST, MOST) if args.n is None else args.n
        found = fight(a, b, test, n, args.seed)
    of = battle(*found, args.tolerance)
    print(f"{a.name} against {b.name}: {n} samples of the test split of {test.name}, and {n} of each generator")
    low, high = 1 / (1 + args.tolerance), 1 + args.tolerance
    print(f"r_test    {of.r_test:.4g}  errors on the test split, over the other's; alike from {low:.3g} to {high:.3g}")
    print(f"r_sample  {of.r_sample:.4g}  errors on the other's samples, over the other's errors")
    print(verdict(a, b, of))
    return 0
