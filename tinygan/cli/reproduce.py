"""``tinygan reproduce``: jobs that have no result yet are done, then all figures stand beside their bounds."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinygan.cli.options import completes
from tinygan.cli.terminal import paragraph, plural
from tinygan.data import NAMES
from tinygan.errors import DataError, TinyganError, UsageError, nearest
from tinygan.reproduce import SYSTEMS, Claim, Experiment, Result, Work, experiments
from tinygan.reproduce.harness.experiment import Job, Stopped, short_digest
from tinygan.reproduce.harness.lock import claimed
from tinygan.reproduce.harness.table import append_result, job_key, read_results, save_claims
from tinygan.training.interrupt import Interrupt
from tinygan.training.provenance import provenance

ABOUT = """
    Repeat the experiments of a paper in small: train what has no result yet, then print each figure beside its bound.
    Results are kept in a file, so that the command may be stopped and given again; it goes on. Without a name it lists
    the experiments. Many take hours on a CPU.
"""
EXAMPLES = [
    ("tinygan reproduce", "which experiments there are"),
    ("tinygan reproduce semi --only digits", "one of them"),
    ("tinygan reproduce lgan --show", "train nothing; show the results there are"),
]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    completes(
        p.add_argument("system", nargs="?", metavar="NAME", help="whose experiments (default: list them all)"),
        "systems",
    )
    p.add_argument("--only", metavar="A,B", help="some of the experiments, by name (default: all)")
    p.add_argument(
        "--show", action="store_true", help="train nothing: the claims and pictures of the results there are"
    )
    p.add_argument(
        "--data", action="append", default=[], metavar="NAME=PATH", help="where a named data set is; may be repeated"
    )
    for name, what, default in (
        ("out", "where results are kept", "bench/results/reproduce"),
        ("runs", "where runs are kept", "runs/reproduce"),
    ):
        completes(
            p.add_argument(
                f"--{name}", type=Path, default=Path(default), metavar="DIR", help=f"{what} (default: {default})"
            ),
            "folders",
        )


def run(args: argparse.Namespace) -> int:
    """Do what has no result, then show all."""
    if args.system is None:
        for name in SYSTEMS:
            print(f"{name}:")
            for each in experiments(name):
                print(paragraph(f"{plural(len(each.jobs), 'job')}; {each.about}", " " * 21, f"    {each.name:16s} "))
        return 0
    chosen = experiments(args.system, tuple(args.only.split(",")) if args.only else ())
    places, results = where(args.data), args.out / f"{args.system}.jsonl"
    if not args.show:
        touch(results)
    left, about = [], provenance()  # of the code that runs, whatever is checked out meanwhile
    met = True
    with Interrupt() as interrupt:
        for each in chosen:
            work = Work(args.runs, args.out / args.system, interrupt, places)
            try:
                for job in () if args.show else read_results(results, each)[1]:
                    done(each, job, work, results, args.system, about)
            except Stopped:
                print("stopped, saved; the same command goes on")
                return interrupt.code
            found, missing = read_results(results, each)
            if missing:
                left.append(f"{each.name} ({len(missing)} of {len(each.jobs)})")
                continue
            claims = each.claims(found)
            met = met and all(claim.met for claim in claims)
            print(f"\n{each.name}: {each.about}\n{table(claims)}")
            save_claims(args.out / f"{args.system}.json", each.name, claims)
            draw(each, found, work.pictures)
    if left:
        print(f"\njobs without a result, not to be had here or in the hands of another process: {', '.join(left)}")
    return 0 if met and not left else 1


def table(claims: Sequence[Claim]) -> str:
    """Each claim: what was measured; below it the value, its bound and whether it is kept, and the published value."""
    lines = []
    for claim in claims:
        passed = "passed" if claim.met else "MISSED"
        parts = [f"{claim.value:.4g}", f"bound {claim.sign} {claim.bound:g}: {passed}" if claim.sign else ""]
        parts += [f"published {claim.published}" if claim.published else ""]
        lines += [paragraph(claim.what, "    ", "  "), paragraph("; ".join(filter(None, parts)), " " * 8)]
    return "\n".join(lines)


def draw(experiment: Experiment, found: list[Result], folder: Path) -> None:
    """The pictures of an experiment; without matplotlib the figures stand alone."""
    try:
        for path in experiment.draw(found, folder) if experiment.draw else ():
            print(path)
    except UsageError as error:
        print(f"{experiment.name}: no pictures: {error}")


def touch(path: Path) -> None:
    """Make sure before hours of work that its results can be written. Raises DataError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        raise DataError(
            f"cannot write {path}: {error.strerror}; give a place that can be written with --out"
        ) from error


def where(options: list[str]) -> dict[str, str]:
    """NAME=PATH options as a mapping. Raises UsageError."""
    places = dict(each.partition("=")[::2] for each in options)
    for name, path in places.items():
        if not path:
            raise UsageError(f"--data says where a named set is, --data NAME=PATH: got {name!r}")
        if name not in NAMES:
            raise UsageError(f"unknown data {name!r}{nearest(name, NAMES)}; the names are {', '.join(NAMES)}")
    return places


def done(experiment: Experiment, job: Job, work: Work, results: Path, system: str, about: dict[str, Any]) -> None:
    """Do one job and add its line, unless another process has it in hand."""
    with claimed(work.folder / f".{system}-{experiment.name}-{short_digest(job_key(job))}.lock") as ours:
        if not ours or job not in read_results(results, experiment)[1]:
            return
        print(f"{experiment.name}: {' '.join(f'{name}={value}' for name, value in job.items())}", flush=True)
        began = time.perf_counter()
        try:
            figures = experiment.run(job, work)
        except TinyganError as error:  # the other jobs go on
            print(f"{experiment.name}: {error}", flush=True)
            work.trained()  # is none of the next job's
            return
        seconds = round(time.perf_counter() - began, 1)
        record = {"experiment": experiment.name, "job": job, "figures": figures, "seconds": seconds}
        record |= {
            "settings": experiment.settings,
            "places": {name: Path(at).name for name, at in work.data_paths.items()},
            "trained": work.trained(),
        }
        record |= {"command": f"tinygan reproduce {system} --only {experiment.name}"}
        append_result(results, record | about)
