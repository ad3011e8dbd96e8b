"""The files of results: one JSON line per job, in order of completion; and claims as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinygan.errors import DataError, FormatError
from tinygan.formats.atomic import write_atomic
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result


def read_results(path: Path, experiment: Experiment) -> tuple[list[Result], list[Job]]:
    """The results with an experiment's settings, in the order of its jobs, and the jobs without one. Raises FormatError."""
    found: dict[str, Result] = {}
    settings = [experiment.settings, *experiment.earlier]
    try:
        for line in path.read_text().splitlines() if path.exists() else ():
            record = json.loads(line)
            if record["experiment"] == experiment.name and record["settings"] in settings:
                found[job_key(record["job"])] = Result(record["job"], dict(record["figures"].items()))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path} is damaged; expected one JSON result per line; move it away") from error
    done = [job for job in experiment.jobs if job_key(job) in found]
    return [found[job_key(job)] for job in done], [job for job in experiment.jobs if job not in done]


def job_key(job: Job) -> str:
    """A text that identifies a job."""
    return json.dumps(job, sort_keys=True)


def append_result(path: Path, record: dict[str, Any]) -> None:
    """Append a line in one write, so two processes can share the file. Raises DataError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(record) + "\n")
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}; choose a writable folder with --out") from error


def save_claims(path: Path, name: str, claims: Sequence[Claim]) -> None:
    """Write the claims of an experiment to a JSON file and keep those of other experiments there. Raises FormatError."""
    try:
        old = dict(json.loads(path.read_text())) if path.exists() else {}
    except (ValueError, TypeError, RecursionError) as error:
        raise FormatError(f"{path} is damaged; expected claims by experiment; move it away") from error
    text = json.dumps(old | {name: [claim._asdict() | {"met": claim.met} for claim in claims]}, indent=1)
    write_atomic(path, lambda file: file.write((text + "\n").encode()))
