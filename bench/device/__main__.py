"""``python -m bench.device PART``: run one part of the measurements on a GPU; ``table`` prints the results.

``bench/device.sh`` runs all parts. ``TINYGAN_RESULTS`` is the file for the JSON lines, which include the part, the device,
versions and the commit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from tinygan.training.provenance import commit, versions_of

PARTS = {  # name: module and generator function of its lines
    "about": "bench.device.kernels:about",
    "parity": "bench.device.kernels:parity",
    "small": "bench.device.kernels:small",
    "profile": "bench.device.kernels:profile",
    "ceilings": "bench.device.layers:ceilings",
    "layers": "bench.device.layers:layers",
    "backend": "bench.device.steps:backend",
    "ours": "bench.device.steps:steps",
    "tangents": "bench.device.tangents:ours",
    "tangents_torch": "bench.device.tangents_torch:peers",
    "step": "bench.device.torch:step",
    "compile": "bench.device.torch:compiled",
    "norms": "bench.device.torch:norms",
}


def results() -> Path:
    return Path(os.environ.get("TINYGAN_RESULTS") or "bench/results/device.jsonl")


def part(name: str) -> Callable[[], Iterator[dict[str, Any]]]:
    module, function = PARTS[name].split(":")
    return getattr(import_module(module), function)


def card() -> str:
    """The name of the GPU and the version of its driver."""
    words = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "no GPU"


def main(name: str) -> int:
    if name == "table":
        from bench.device.table import print_results

        print_results(results())
        return 0
    about = {
        "device": card(),
        "command": f"python -m bench.device {name}",
        "commit": os.environ.get("TINYGAN_COMMIT") or commit(),
        "versions": versions_of("numpy", "torch"),
    }
    failed = 0
    with results().open("a") as file:
        for line in part(name)():
            failed += line.get("right") is False
            file.write(json.dumps({"part": name, **line, **about}) + "\n")
            file.flush()
            print({k: round(v, 4) if isinstance(v, float) else v for k, v in line.items() if k != "all"})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
