"""A function of arrays as one CUDA graph: captured from a call, then replayed in the same memory, with new inputs each time.

    state ← f(state, inputs, rng)

State and inputs keep their addresses. All other memory of the step comes from a pool that belongs to the graph. Random numbers
are an input too: they are generated on the CPU, by the same calls in the same order, so that a seed gives the same numbers on
every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import cupy
import cupyx
import numpy as np

from tinygan.kernels.shapes import Array

Step = Callable[..., tuple[list[Any], dict[str, Any]]]
SLOTS = 2  # steps whose inputs may be in transfer at the same time
# What NumPy and CuPy say in a TypeError where an array of the host meets one of the device
MIXED = (
    "Unsupported type <class 'numpy.ndarray'>",
    "Implicit conversion to a NumPy array is not allowed",
    "Only cupy arrays can be",
    "no implementation found for 'numpy.",
    "all returned NotImplemented from __array_ufunc__",
)

# What CUDA and CuPy say in a RuntimeError, in small letters, where a capture cannot go on; the last is ``refuse`` below
NOT_RECORDED = ("captur", "cublas", "takes an array from the host")


class NotCapturable(Exception):
    """The step cannot be a graph: it mixes arrays of the host and of the device, waits for the device, or calls what CuPy
    does not record. The message says which."""


@contextmanager
def mixing_is_not_capturable() -> Iterator[None]:
    """Raise NotCapturable for a TypeError of host arrays that meet device arrays; another TypeError is a fault of the step."""
    try:
        yield
    except TypeError as error:
        if any(words in str(error) for words in MIXED):
            raise NotCapturable(str(error)) from error
        raise


class Draws:
    """A random generator whose numbers are on the device. With ``replayed``, it returns the arrays of that earlier Draws."""

    def __init__(self, rng: Any, replayed: Draws | None = None) -> None:
        self.rng, self.replayed = rng, replayed
        self.calls: list[Any] = []
        self.values: list[Any] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **how: self.draw(self, name, args, how)

    def draw(self, of: Any, name: str, args: tuple[Any, ...], how: dict[str, Any]) -> Any:
        """Record a call of the generator ``of``, this one or a Stream, and return its numbers on the device."""
        i = len(self.calls)
        self.calls.append((of, name, args, how))
        if self.replayed is None:
            self.values.append(cupy.asarray(getattr(of.rng, name)(*args, **how)))
        else:
            self.values.append(self.replayed.values[i])
        return self.values[i]

    def stream(self) -> Callable[[], Stream]:
        """As in layers/noise.py: a function that returns the same stream of random numbers at each call."""
        key = len(self.calls)
        self.integers(2**63)
        return lambda: Stream(self, key)

    def again(self, rng: Any) -> list[Array]:
        """The numbers that ``rng`` gives for the same calls, on the host."""
        values: list[Array] = []
        streams: dict[Any, Any] = {self: rng}
        for of, name, args, how in self.calls:
            if of not in streams:
                streams[of] = np.random.default_rng(int(values[of.key]))
            values.append(np.asarray(getattr(streams[of], name)(*args, **how)))
        return values


class Stream:
    """Random numbers whose seed is the draw of index ``key``."""

    def __init__(self, draws: Draws, key: int) -> None:
        self.draws, self.key = draws, key
        self.rng = None if draws.replayed else np.random.default_rng(int(draws.values[key]))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **how: self.draws.draw(self, name, args, how)


def refuse(size: int) -> Any:
    """CuPy sends arrays of the host (a list of indices, the addresses of more than 8 arrays to join) through pinned memory, and
    a graph would read that memory anew at each launch, whatever is there by then."""
    raise RuntimeError("it takes an array from the host")


class Captured:
    """``step(state, inputs, rng) -> (state, log)``, lists of arrays and a dictionary of numbers, as a graph.

    The step must not wait for the device, and what it does must depend on shapes alone. Raises NotCapturable.
    """

    def __init__(self, step: Step, state: list[Array], inputs: list[Array], rng: Any) -> None:
        self.stream, self.pool = cupy.cuda.Stream(non_blocking=True), cupy.cuda.MemoryPool()
        with mixing_is_not_capturable(), self.stream, cupy.cuda.using_allocator(self.pool.malloc):
            self.state = [cupy.asarray(a) for a in state]
            self.inputs = [cupy.asarray(a) for a in inputs]
            self.draws = Draws(rng)
            step(self.state, self.inputs, self.draws)  # compiles what is not compiled yet, and fills the pool
            self.graph = self.capture(step)
        self.places = [*self.inputs, *self.draws.values]
        self.slots = [Slot(self.places) for _ in range(SLOTS)]
        self.count = 0

    def capture(self, step: Step) -> Any:
        """The graph. Raises NotCapturable where the step waits for the device or calls what CuPy does not record."""
        try:
            cupy.cuda.set_pinned_memory_allocator(refuse)
            self.stream.begin_capture()
            new, log = step(self.state, self.inputs, Draws(None, self.draws))
            new = [cupy.asarray(a) for a in new]
            new = [
                a.copy() if a is not place and self.holds(a) else a for a, place in zip(new, self.state, strict=True)
            ]
            self.logged = {name: a.copy() if self.holds(a) else a for name, a in log.items()}
            for place, a in zip(self.state, new, strict=True):
                if a is not place:
                    place[...] = a
        except BaseException as error:
            with suppress(RuntimeError):
                self.stream.end_capture()
            if isinstance(error, RuntimeError) and any(words in str(error).lower() for words in NOT_RECORDED):
                raise NotCapturable(f"it cannot be a graph: {error}") from error
            raise
        finally:
            cupy.cuda.set_pinned_memory_allocator(cupy.get_default_pinned_memory_pool().malloc)
        return self.stream.end_capture()

    def holds(self, a: Any) -> bool:
        """Whether a lies in memory of the state, which the end of the step overwrites."""
        there = (place.data.ptr <= a.data.ptr < place.data.ptr + place.nbytes for place in self.state)
        return isinstance(a, cupy.ndarray) and any(there)

    def __call__(self, inputs: list[Array], rng: Any) -> None:
        """Start one step. The host does not wait for it."""
        slot = self.slots[self.count % SLOTS]
        self.count += 1
        slot.send([*inputs, *self.draws.again(rng)], self.places, self.stream)
        self.graph.launch(self.stream)

    def fetch(self) -> list[Array]:
        """The state, on the host."""
        self.stream.synchronize()
        return [cupy.asnumpy(a) for a in self.state]

    def log(self) -> dict[str, float]:
        """The last step's numbers as Python floats."""
        self.stream.synchronize()
        return {name: float(a) for name, a in self.logged.items()}


class Slot:
    """Pinned memory of the host, from which the device copies while the host continues."""

    def __init__(self, places: list[Any]) -> None:
        # There is no pinned memory of no bytes.
        self.pinned = [cupyx.empty_pinned(a.shape, a.dtype) if a.size else np.empty(a.shape, a.dtype) for a in places]
        self.event = cupy.cuda.Event(disable_timing=True)
        self.event.record()

    def send(self, arrays: list[Array], places: list[Any], stream: Any) -> None:
        self.event.synchronize()  # of the step SLOTS ago
        for pinned, a, place in zip(self.pinned, arrays, places, strict=True):
            pinned[...] = a
            place.set(pinned, stream)
        self.event.record(stream)
