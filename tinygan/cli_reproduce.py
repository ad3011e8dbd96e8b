"""``tinygan reproduce``: jobs that have no result yet are done, then all figures stand beside their bounds."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tinygan.errors import DataError, UsageError
from tinygan.info import provenance
from tinygan.interrupt import Interrupt
from tinygan.reproduce import SYSTEMS, Claim, Experiment, Work, experiments
from tinygan.reproduce.experiment import Job, Stopped, digest
from tinygan.reproduce.table import add, key, missing, ordered, read, save_claims, shown

try:
    import fcntl
except ImportError:  # not on this system: then two processes do the same jobs
    fcntl = None  # type: ignore[assignment]


def run_reproduce(args: argparse.Namespace) -> int:
    """``tinygan reproduce``."""
    if args.system is None:
        for name in SYSTEMS:
            print(f"{name}:")
            for each in experiments(name):
                print(f"    {each.name:16s} {len(each.jobs):3d} jobs  {each.about}")
        return 0
    chosen = experiments(args.system, tuple(args.only.split(",")) if args.only else ())
    places = dict(each.partition("=")[::2] for each in args.data)
    if "" in places or "" in places.values():
        raise UsageError("--data says where a named set is: --data NAME=PATH")
    results = args.out / f"{args.system}.jsonl"
    table: dict[str, list[Claim]] = {}
    left, about = [], provenance()  # of the code that runs, whatever is checked out meanwhile
    with Interrupt() as interrupt:
        for each in chosen:
            work = Work(args.runs / args.system / each.name, args.out / args.system, interrupt, places)
            try:
                for job in missing(each, read(results, each.name)) if not args.show else ():
                    done(each, job, work, results, args.system, about)
            except Stopped:
                print("stopped, saved; the same command goes on")
                return interrupt.code
            except DataError as error:
                print(f"{each.name}: {error}")
            found = read(results, each.name)
            if missing(each, found):
                left.append(f"{each.name} ({len(missing(each, found))} of {len(each.jobs)})")
                continue
            table[each.name] = each.judge(ordered(each, found))
            print(f"\n{each.name}: {each.about}\n{shown(table[each.name])}")
            for path in each.draw(ordered(each, found), work.pictures) if each.draw else ():
                print(path)
    if table:
        save_claims(args.out / f"{args.system}.json", table)
    if left:
        print(f"\njobs without a result, not to be had here or in the hands of another process: {', '.join(left)}")
    met = all(claim.met for claims in table.values() for claim in claims)
    return 0 if met and not left else 1


def done(experiment: Experiment, job: Job, work: Work, results: Path, system: str, about: dict[str, Any]) -> None:
    """Do one job and add its line, unless another process has it in hand."""
    with claimed(work.folder / f".{digest(key(job))}.lock") as ours:
        if not ours or key(job) not in map(key, missing(experiment, read(results, experiment.name))):
            return
        print(f"{experiment.name}: {' '.join(f'{name}={value}' for name, value in job.items())}", flush=True)
        began = time.perf_counter()
        figures = experiment.run(job, work)
        seconds = round(time.perf_counter() - began, 1)
        record = {"experiment": experiment.name, "job": job, "figures": figures, "seconds": seconds}
        add(results, record | {"command": f"tinygan reproduce {system} --only {experiment.name}"} | about)


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Whether the lock at ``path`` is ours; it is let go at the end, and by the system when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
