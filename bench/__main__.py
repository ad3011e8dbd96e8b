"""``python -m bench [CASE ...]``: command line, number of threads, exit status.

Exit status: 0 if every case is correct and meets its targets, 1 if one does not, 2 for a usage error, 130 for Ctrl-C.
Only the runner imports NumPy, because its BLAS reads the number of threads when it is loaded.
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


class BenchParser(argparse.ArgumentParser):
    """An argument parser with errors of one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see python -m bench --help")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments and check them as far as possible without NumPy. Raises UsageError."""
    p = BenchParser(prog="python -m bench", description="Check kernels and training steps, then time them.")
    p.add_argument("cases", nargs="*", metavar="CASE", help=f"cases to run (default: all), of {', '.join(CASES)}")
    p.add_argument("--against", choices=["torch"], help="also time PyTorch (default: only tinygan)")
    p.add_argument("--backend", default="auto", metavar="NAME", help="kernels of tinygan (default: auto)")
    p.add_argument(
        "--threads", type=int, default=cores(), metavar="N", help=f"threads for both sides (default: {cores()})"
    )
    p.add_argument("--rounds", type=int, metavar="N", help="rounds of a comparison (default: 5 to 25, in about 10 s)")
    p.add_argument("--json", type=Path, metavar="FILE", help="append one JSON line per case")
    p.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw a roofline plot of the convolutions (.png, .svg, .pdf)"
    )
    args = p.parse_args(argv)
    for name in args.cases:
        if name not in CASES:
            raise UsageError(f"unknown case {name!r}{nearest(name, CASES)}; expected one of {', '.join(CASES)}")
    for name in ("threads", "rounds"):
        if (getattr(args, name) or 1) < 1 or getattr(args, name) == 0:
            raise UsageError(f"--{name} must be at least 1, got {getattr(args, name)}")
    for path in filter(None, (args.json, args.plot)):
        if not path.resolve().parent.is_dir():
            raise UsageError(f"{path}: the folder {path.parent} does not exist; create it")
    if args.plot and args.plot.suffix.lower() not in FORMATS:
        raise UsageError(f"--plot must end in {', '.join(FORMATS)}, got {args.plot}")
    args.cases = list(dict.fromkeys(args.cases)) or list(CASES)
    if args.plot and not any(name.startswith("conv") for name in args.cases):
        raise UsageError("--plot needs a case of convolutions; add a case conv_...")
    return args


def cores() -> int:
    """The default number of threads: $TINYGAN_THREADS, or the cores available to this process."""
    wanted = os.environ.get("TINYGAN_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_threads(backend: str, threads: int) -> None:
    """Set the size of every thread pool. OpenBLAS gets ``threads`` only for the reference backend, otherwise 1, so that two
    pools never compete."""
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
    except BrokenPipeError:  # the reader of a pipe has ended, as with `| head`
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f"bench: {error.filename or 'file'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; finished cases are printed and recorded", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
