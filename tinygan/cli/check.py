"""``tinygan check``: the derivatives of every layer, checked here and now."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from tinygan.checks.cases import CASES, table
from tinygan.checks.check import BOUNDS, CheckFailed
from tinygan.cli.options import add_seed, whole
from tinygan.cli.terminal import Status, paragraph
from tinygan.errors import UsageError

PROVES = {
    "primal": "the output is the same with tangents as without",
    "linear": "the tangent of the output is linear in the tangent of the input",
    "tangent": "the forward derivative (JVP) agrees with central differences",
    "adjoint": "the backward derivative (VJP) is the adjoint of the forward one",
    "symmetry": "the Hessian is symmetric",
    "second": "the formula of the second derivative, if there is one, agrees with the Hessian",
    "pair": "the gradients in input, tangents and weights of a loss that depends on outputs and tangents agree with "
    "differences",
    "pure": "inputs are not written, and the same call gives the same bits",
    "edges": "no tangents, no samples, one sample, strided and read-only arrays, float32 against float64",
    "shapes": "an array of a wrong shape is refused, and the message holds the shapes",
    "independent": "two calls in one training step do not disturb each other",
}
EXACT = [name for name, bound in BOUNDS.items() if bound == 0]  # true or false: no error but 0 is allowed
MEASURED = [name for name in BOUNDS if name not in EXACT]
ABOUT = """
    Check the derivatives of every layer on random cases, in float64, on this machine. Each row is a layer and each
    column a check; a number is the worst relative error of all cases. It may not exceed the bound in the first row:
    then the check stops with exit code 1.
"""
EXAMPLES = [("tinygan check --draws 3", "a quick look")]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    p.add_argument("--draws", type=whole, default=20, metavar="N", help="random cases a layer, 1 or more (default: 20)")
    add_seed(p, "which cases are drawn")


def run(args: argparse.Namespace) -> int:
    """The table, layer by layer."""
    if args.draws < 1 or args.seed < 0:
        raise UsageError(f"--draws is at least 1 and --seed at least 0: got {args.draws} and {args.seed}")
    print(legend())
    print(f"{'layer':24s}" + "".join(f"{i:>6d}" for i in range(1, len(MEASURED) + 1)) + "  exact")
    print(f"{'bound':24s}" + "".join(f"{BOUNDS[name]:6.0e}" for name in MEASURED), flush=True)
    worst = dict.fromkeys(BOUNDS, 0.0)
    status, left = Status(), list(CASES)
    try:
        status.show(f"checking {left[0]}, layer 1 of {len(CASES)}")
        for name, errors in table(args.draws, args.seed):
            status.clear()
            print(row(name, errors), flush=True)
            left.remove(name)
            worst = {check: max(worst[check], error) for check, error in errors.items()}
            if left:
                status.show(f"checking {left[0]}, layer {len(CASES) - len(left) + 1} of {len(CASES)}")
    except CheckFailed as error:
        status.clear()
        print(f"tinygan: {error}", file=sys.stderr)
        return 1
    print(row("all", worst))
    return 0


def legend() -> str:
    """What each column proves."""
    lines = [paragraph(f"{name}: {PROVES[name]}", " " * 4, f"{i:2d}  ") for i, name in enumerate(MEASURED, 1)]
    exact = [paragraph(f"{name}: {PROVES[name]}", " " * 9, "       ") for name in EXACT]
    return "\n".join([*lines, "exact, with no error at all:", *exact, ""])


def row(name: str, errors: Mapping[str, float]) -> str:
    """A line of the table."""
    exact = all(errors[check] == 0 for check in EXACT)
    return f"{name:24s}" + "".join(f"{errors[check]:6.0e}" for check in MEASURED) + ("    yes" if exact else "     no")
