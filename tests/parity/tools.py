"""What parity tests share: the tolerances, and how a backend is asked."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from subprocess import run

import numpy as np
import pytest

WIDTHS = (16, 32, 64)  # LLVM splits vectors that the machine does not have, so every width runs everywhere
FORMS = ("direct", "fast")
DRAWS = int(os.environ.get("TINYGAN_DRAWS", "200"))
ROOT = Path(__file__).parents[2]

# (dtype, precision, operation): the largest error, relative to the largest output
BOUNDS = {
    **{("float64", form, f): 1e-12 for form in FORMS for f in ("y", "dx", "dw")},
    **{("float32", "direct", f): 1e-5 for f in ("y", "dx", "dw")},
    ("float32", "fast", "y"): 2e-5,
    ("float32", "fast", "dx"): 2e-5,
    ("float32", "fast", "dw"): 5e-5,
}


def own_width():
    """Bytes of a vector of this machine, whose kernels the other tests compile too."""
    try:
        from tinygan.kernels.jit import cpu
    except ImportError:  # without Numba these tests skip
        return WIDTHS[0]
    return cpu.width()


EACH_WIDTH = [pytest.param(width, marks=[] if width == own_width() else [pytest.mark.slow]) for width in WIDTHS]


@contextmanager
def vectors(width):
    """Kernels of ``width`` bytes a vector inside the block."""
    from tinygan.kernels.jit import cpu

    before, cpu.width = cpu.width, lambda: width
    try:
        yield
    finally:
        cpu.width = before


def agree(found, expected, typical, bound):
    """``found`` has the shape and, to ``bound`` of the largest output, the values of ``expected``.

    ``typical`` is Σ of the squared terms of each output: a lone output may be small by chance, its rounding errors are not.
    """
    assert found.shape == expected.shape
    assert np.isfinite(found).all()
    largest = max(np.abs(expected).max(initial=0), np.sqrt(typical.max(initial=0)))
    assert np.abs(found - expected).max(initial=0) <= bound * largest


def python(code, *, threads=None, ok=True, cwd=None, timeout=120, warn="error", **environment):
    """(exit status, stdout, stderr) of a fresh process; with ``ok`` it must end well and say nothing on stderr.

    None in ``environment`` takes a variable away.
    """
    known = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "TINYGAN_CPU": "jit", "TINYGAN_THREADS": threads, **environment}
    known = {name: str(value) for name, value in known.items() if value is not None}
    done = run(
        [sys.executable, "-W", warn, "-c", code], env=known, capture_output=True, text=True, cwd=cwd, timeout=timeout
    )
    if ok:
        assert (done.returncode, done.stderr) == (0, ""), done.stderr[-2000:]
    return done.returncode, done.stdout.strip(), done.stderr
