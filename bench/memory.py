"""Peak memory of tinygan and of the fastest eager PyTorch, each in its own process.

It is the largest resident size while a case is built and makes three steps, minus the resident size after the imports. The peak
is reset there through /proc, so this works on Linux only. Compiled kernels come from the cache that the timing has filled.
The peer is eager, so processes and caches of torch.compile do not count.
``python -m bench.memory CASE PEER|ours BACKEND THREADS`` is one such process and prints bytes.
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
    """The row with both sides, in MB."""
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
    """A size in bytes: VmRSS is the current resident size, VmHWM its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(which))


def main(case: str, who: str, backend: str, threads: str) -> int:
    """Import, reset the peak, build the case, make steps, print the peak in bytes."""
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
    """Reset the peak to the current resident size and return it."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
