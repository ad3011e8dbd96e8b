"""Run the selected cases: print each row when it is measured, then the aims, and append the record."""

from __future__ import annotations

import argparse
import shlex
import sys

from bench import cases
from bench.contest import OTHERS
from bench.load import BUSY
from bench.ours import Options
from bench.record import append, case_record
from bench.rows import Aim, Row, Wrong
from tinygan import kernels
from tinygan.errors import UsageError


def run(args: argparse.Namespace) -> int:
    """Run the cases; returns 1 if a case is wrong or misses a target, else 0. Raises UsageError."""
    backend = kernels.choose(args.backend)
    if backend == "cuda":
        raise UsageError("the cases need a CPU backend; use --backend jit or reference")
    if args.against:
        import_peers(args.threads)
    if args.plot:
        from bench import plot  # imported now, so that a missing matplotlib is reported before the work
    options = Options(bool(args.against), backend, args.threads, args.rounds, shlex.join(sys.argv[1:]))
    print(f"backend {backend}, {args.threads} threads, against {args.against or 'nobody'}", flush=True)
    failed, rows = [], []
    for name in args.cases:
        try:
            found, aims = run_case(name, options)
        except Wrong as error:
            print(f"{name}: {error}", flush=True)
            failed.append(name)
            continue
        rows += found
        if args.json:
            append(args.json, case_record(name, options, found, aims))
        if not all(aim.met for aim in aims):
            failed.append(name)
        busiest = max((row.figures.get(OTHERS, 0.0) for row in found), default=0.0)
        if busiest > BUSY:
            print(f"  BUSY: other processes used up to {busiest:.0%} of the cores; the ratios mislead", flush=True)
        print(f"{name}: {'; '.join(aim.words() for aim in aims)}", flush=True)
    if args.plot:
        plot.roofline(args.plot, rows, options)
    return 1 if failed else 0


def run_case(name: str, options: Options) -> tuple[list[Row], list[Aim]]:
    """Run one case; returns its rows, which are printed on the way, and its aims."""
    rows: list[Row] = []
    aims: list[Aim] = []
    for said in cases.run(name, options):
        if isinstance(said, Row):
            rows.append(said)
            print(f"  {said.line()}", flush=True)
        else:
            aims.append(said)
    return rows, aims


def import_peers(threads: int) -> None:
    """Import PyTorch and set its threads. Raises UsageError if it is not installed."""
    try:
        from bench import peers
    except ImportError as error:
        raise UsageError(f"--against torch needs PyTorch 2.4 or later: pip install torch ({error})") from error
    peers.set_threads(threads)
