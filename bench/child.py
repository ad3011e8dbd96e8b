"""Run measurements in separate processes, if they must not share a process with earlier ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.rows import Wrong

ROOT = Path(__file__).parents[1]


def python(*words: str, **environment: str) -> str:
    """The output of ``python WORDS``. Raises Wrong with its last line if it fails."""
    env = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Wrong(f"failed: python {' '.join(words)[:80]}: {' '.join(last)}")
    return done.stdout


def child(case: str, *words: str) -> dict[str, Any]:
    """Run a case in its own process and return its record, even if it misses its targets."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "line.jsonl"
        try:
            python("-m", "bench", case, *words, "--json", str(file))
        except Wrong:
            if not file.exists():
                raise
        return json.loads(file.read_text().splitlines()[-1])
