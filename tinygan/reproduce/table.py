"""The file of results: a JSON line a job, in the order they were done, and claims as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinygan.atomic import write_atomic
from tinygan.errors import DataError, FormatError
from tinygan.reproduce.experiment import Claim, Experiment, Job, Result


def read(path: Path, experiment: str) -> list[Result]:
    """The results of an experiment, the last of each job. Raises FormatError."""
    found: dict[str, Result] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
            if record["experiment"] == experiment:
                found[key(record["job"])] = Result(record["job"], record["figures"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise FormatError(f"{path} is damaged, expected an experiment's result a line: move it away") from error
    return list(found.values())


def key(job: Job) -> str:
    """One text for one job."""
    return json.dumps(job, sort_keys=True)


def add(path: Path, record: dict[str, Any]) -> None:
    """One more line, written at once, so that two processes can share a file. Raises DataError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(record) + "\n")
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}; free space and run again") from error


def shown(claims: Sequence[Claim]) -> str:
    """A line a claim: what, value, bound, met or not, published."""
    rows = [
        (c.what, f"{c.value:.4g}", f"{c.sign} {c.bound:g}" if c.sign else "", verdict(c), c.published) for c in claims
    ]
    head = ("", "value", "bound", "", "published")
    width = [max(len(row[i]) for row in (head, *rows)) for i in range(5)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)).rstrip() for row in (head, *rows)]
    return "\n".join(lines)


def verdict(claim: Claim) -> str:
    return "" if not claim.sign else "met" if claim.met else "MISSED"


def save_claims(path: Path, table: dict[str, list[Claim]]) -> None:
    """All claims by experiment, as JSON; those of experiments that were not judged now stay."""
    old = json.loads(path.read_text()) if path.exists() else {}
    new = {name: [claim._asdict() | {"met": claim.met} for claim in claims] for name, claims in table.items()}
    write_atomic(path, lambda file: file.write((json.dumps(old | new, indent=1) + "\n").encode()))


def missing(experiment: Experiment, results: Sequence[Result]) -> list[Job]:
    """The jobs that have no result yet."""
    there = {key(result.job) for result in results}
    return [job for job in experiment.jobs if key(job) not in there]


def ordered(experiment: Experiment, results: Sequence[Result]) -> list[Result]:
    """The results of the experiment's jobs, in the order of these."""
    by = {key(result.job): result for result in results}
    return [by[key(job)] for job in experiment.jobs]
