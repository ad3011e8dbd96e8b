"""``python -m bench [CASE ...]``: the grammar, the environment of the threads, the exit status.

Exit status: 0 every case is right and meets its targets, 1 one does not, 2 usage, 130 Ctrl-C.
NumPy is imported by the runner only: its BLAS reads the number of its threads when it is loaded.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bench.cases import CASES
from tinygan.errors import TinyganError, UsageError, nearest

FORMATS = (".png", ".svg", ".pdf")


class Parser(argparse.ArgumentParser):
    """argparse, whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see python -m bench --help")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments, checked as far as they can be without NumPy."""
    p = Parser(prog="python -m bench", description="Right, then fast: each case is checked before it is timed.")
    p.add_argument("cases", nargs="*", metavar="CASE", help=f"all of them, or some of {', '.join(CASES)}")
    p.add_argument("--against", choices=["torch"], help="whom to race; without it only tinygan is timed")
    p.add_argument("--backend", default="auto", metavar="NAME", help="tinygan's kernels (auto)")
    p.add_argument("--threads", type=int, default=cores(), metavar="N", help=f"for both sides ({cores()})")
    p.add_argument("--rounds", type=int, metavar="N", help="of each race (as many as fit in 10 s, 5 to 25)")
    p.add_argument("--json", type=Path, metavar="FILE", help="append a line a case")
    p.add_argument("--plot", type=Path, metavar="FILE", help="a roofline of the convolutions (.png, .svg, .pdf)")
    args = p.parse_args(argv)
    for name in args.cases:
        if name not in CASES:
            raise UsageError(f"unknown case {name!r}{nearest(name, CASES)}; the cases are {', '.join(CASES)}")
    for name in ("threads", "rounds"):
        if (getattr(args, name) or 1) < 1 or getattr(args, name) == 0:
            raise UsageError(f"--{name} is at least 1: got {getattr(args, name)}")
    for path in filter(None, (args.json, args.plot)):
        if not path.resolve().parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}")
    if args.plot and args.plot.suffix.lower() not in FORMATS:
        raise UsageError(f"--plot ends in {', '.join(FORMATS)}: got {args.plot}")
    args.cases = list(dict.fromkeys(args.cases)) or list(CASES)
    if args.plot and not any(name.startswith("conv") for name in args.cases):
        raise UsageError("--plot draws convolutions: name a case conv_...")
    return args


def cores() -> int:
    """How many threads there are: $TINYGAN_THREADS, or the processor's cores that this process may use."""
    wanted = os.environ.get("TINYGAN_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_threads(backend: str, threads: int) -> None:
    """Every pool has ``threads``; OpenBLAS has them where it is the one that works, else one, so that two pools never fight."""
    wanted = os.environ.get("TINYGAN_CPU") if backend == "auto" else backend
    blas = threads if wanted == "reference" else 1
    os.environ["OPENBLAS_NUM_THREADS"] = str(blas)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TINYGAN_THREADS"):
        os.environ[name] = str(threads)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the cases; returns the exit status."""
    try:
        args = parse(sys.argv[1:] if argv is None else argv)
        set_threads(args.backend, args.threads)
        from bench.runner import run

        return run(args)
    except TinyganError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of a pipe has gone, as with `| head`
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f"bench: {error.filename or 'file'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; what was finished is printed and recorded", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
