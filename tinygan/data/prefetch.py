"""The next batches are made while a step runs."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, Self, TypeVar

T = TypeVar("T")

AHEAD = 2  # batches in memory beside the one in use


class Prefetch(Generic[T]):
    """``with Prefetch(read, positions) as batches: for batch in batches: ...`` gives read(position), in order.

    One thread reads, at most AHEAD batches ahead, so the result is that of a plain loop: the positions are the whole state,
    and a loop that begins again at the first position it has not used goes on exactly. An exception of ``read`` is raised
    where its batch would have come, after those before it. ``waited`` is for how many seconds the loop stood still.
    At the end of the block, however it is left, the thread ends with the batch in hand and is waited for.
    """

    def __init__(self, read: Callable[[int], T], positions: Iterable[int]) -> None:
        self.waited = 0.0
        self._read, self._positions = read, iter(positions)
        self._ready: deque[tuple[list[T], BaseException | None]] = deque()  # ([batch], None), ([], why there is none)
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
                raise RuntimeError("the block of this Prefetch has ended")
            batch, error = self._ready[0]
            if error is not None:  # stays: whoever asks again is told again
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
            except BaseException as error:  # StopIteration too: the end, where it comes
                made = [], error
            with self._changed:
                self._ready.append(made)
                self._changed.notify_all()
            if made[1] is not None:
                return
