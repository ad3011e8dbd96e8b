"""Results as JSON lines: one line per case, with everything that the figures depend on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.ours import Options
from bench.rows import Aim, Row
from tinygan.training.provenance import provenance

ROOT = Path(__file__).parents[1]


def case_record(case: str, options: Options, rows: Sequence[Row], aims: Sequence[Aim]) -> dict[str, Any]:
    """The record of a case."""
    return {
        "case": case,
        "command": f"python -m bench {options.command}".strip(),
        **provenance("torch"),
        "threads": options.threads,
        "backend": options.backend,
        "aims": [aim.record() for aim in aims],
        "met": all(aim.met for aim in aims),
        "rows": [row.record() for row in rows],
    }


def append(path: Path, line: dict[str, Any]) -> None:
    """Append a record to a file."""
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def read_cases(path: Path) -> list[dict[str, Any]]:
    """The records of cases in a file; other lines, such as notes, are ignored."""
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [line for line in lines if "case" in line]
