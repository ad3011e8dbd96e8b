"""Peak memory of ours and of the fastest eager PyTorch, each in a process of its own.

It is the greatest resident size in building the case and three steps, above the resident size after the imports (the peak is
reset there, through /proc, so this is measured on Linux only). Compiled kernels come from the cache that the race has filled.
torch.compile's own processes and caches are not counted against PyTorch: the peer is an eager one.
``python -m bench.memory CASE PEER|ours BACKEND THREADS`` is one such process; it prints bytes.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

from bench.child import python
from bench.ours import Options, under
from bench.rows import Row

STEPS = 3


def measure(options: Options, case: str, peer: str) -> Row:
    """The row of both sides, in MB."""
    ours, theirs = (of_child(options, case, who) for who in ("ours", peer))
    return Row(
        "peak memory",
        figures={options.backend + " MB": ours / 1e6, f"{peer} MB": theirs / 1e6, "of PyTorch": ours / theirs},
    )


def of_child(options: Options, case: str, who: str) -> float:
    if not Path("/proc/self/clear_refs").exists():
        return math.nan
    return float(python("-m", "bench.memory", case, who, options.backend, str(options.threads)))


def resident(which: str) -> int:
    """Bytes: VmRSS is the resident size now, VmHWM its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(which))


def main(case: str, who: str, backend: str, threads: str) -> int:
    """Import, reset the peak, build and step."""
    import numpy as np

    from bench.opponents import peers_of
    from bench.systems import OURS
    from tinygan import kernels

    if who == "ours":
        options = Options(False, backend, int(threads))
        with under(options):
            kernels.linear(np.ones((1, 1), np.float32), np.ones((1, 1), np.float32))  # imports the backend
            before = reset()
            call = OURS[case]()
            for _ in range(STEPS):
                call()
    else:
        from bench import peers

        peers.set_threads(int(threads))
        make = peers_of(case)[who]
        before = reset()
        call = make()
        for _ in range(STEPS):
            call()
    print(resident("VmHWM") - before)
    return 0


def reset() -> int:
    """Bring the peak down to the resident size, which is returned."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
