"""Read the next batches in a thread while a training step runs."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, Self, TypeVar

T = TypeVar("T")

AHEAD = 2  # batches in memory besides the one in use


class Prefetch(Generic[T]):
    """``with Prefetch(read, positions) as batches: for batch in batches: ...`` yields read(position), in order.

    One thread reads at most AHEAD batches ahead, so the result equals that of a plain loop. The positions are the whole
    state: a loop that restarts at the first unused position continues exactly. An exception in ``read`` is raised in
    place of its batch, after the batches before it. ``waited`` is the time in seconds that the loop has waited for
    batches. At the end of the ``with`` block the thread finishes its current batch and is joined.
    """

    def __init__(self, read: Callable[[int], T], positions: Iterable[int]) -> None:
        self.waited = 0.0
        self._read, self._positions = read, iter(positions)
        self._ready: deque[tuple[list[T], BaseException | None]] = deque()  # ([batch], None) or ([], the exception)
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="prefetch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        began = time.perf_counter()
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._stopped)
            self.waited += time.perf_counter() - began
            if not self._ready:
                raise RuntimeError("Prefetch is used after the end of its with block")
            batch, error = self._ready[0]
            if error is not None:  # stays in the queue: another call raises it again
                raise error
            self._ready.popleft()
            self._changed.notify_all()
        return batch[0]

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or len(self._ready) < AHEAD)
                if self._stopped:
                    return
            made: tuple[list[T], BaseException | None]
            try:
                made = [self._read(next(self._positions))], None
            except BaseException as error:  # also StopIteration, which ends the iteration in its place
                made = [], error
            with self._changed:
                self._ready.append(made)
                self._changed.notify_all()
            if made[1] is not None:
                return
