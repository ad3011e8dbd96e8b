"""What a reader may cost, whatever it is given."""

import time
import tracemalloc
from contextlib import contextmanager


@contextmanager
def within(seconds: float, memory: float, what: str):
    """The block takes no more time of the processor, and, where memory is traced, no more of it at its peak."""
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    start = time.process_time()
    yield
    took, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1] - before
    assert took <= seconds, f"{what} took {took:.2f} s"
    assert peak <= memory, f"{what} took {peak} bytes of memory"
