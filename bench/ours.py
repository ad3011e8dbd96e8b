"""Run a call of tinygan with a given backend, form of convolution, and number of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from tinygan import kernels


@dataclass(frozen=True)
class Options:
    """The options of the command line. ``backend`` is resolved, and $TINYGAN_THREADS equals ``threads``."""

    against: bool
    backend: str
    threads: int
    rounds: int | None = None
    command: str = ""


@contextmanager
def under(options: Options, *, precision: str = "fast", threads: int | None = None) -> Iterator[None]:
    """Select the backend. ``precision="direct"`` forces the direct form of convolutions; ``threads`` sets their number."""
    with ExitStack() as stack:
        stack.enter_context(kernels.on_cpu(options.backend))
        if has_forms(options):
            stack.enter_context(kernels.precision(precision))
        if threads is not None:
            from tinygan.kernels.jit import pool

            stack.enter_context(pool.threads(threads))
        yield


def has_forms(options: Options) -> bool:
    """Whether the backend has more than one form of a convolution."""
    return options.backend == "jit"


def inside(options: Options, call: Callable[[], Any], **how: Any) -> Callable[[], Any]:
    """``call``, wrapped in ``under``."""

    def bound() -> Any:
        with under(options, **how):
            return call()

    return bound
