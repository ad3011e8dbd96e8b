"""Used memory comes again only when nobody can see it any more."""

import gc
import itertools
import threading
import time

import numpy as np
import pytest

from .tools import python

memory = pytest.importorskip("tinygan.kernels.jit.memory", exc_type=ImportError)
empty, room, Store, SMALL, ALIGN = (getattr(memory, name) for name in ("empty", "room", "Store", "SMALL", "ALIGN"))
COUNT = SMALL  # float32s of an array that goes through the store


@pytest.fixture(autouse=True)
def store(monkeypatch):
    """The store, empty."""
    memory.STORE.begin()
    yield memory.STORE
    memory.STORE.begin()


def address(a):
    return a.__array_interface__["data"][0]


def test_memory_comes_again_when_its_last_view_is_gone(store):
    a = empty((COUNT,), "float32")
    first = address(a)
    del a
    store.collect()
    assert store.kept == room(4 * COUNT + ALIGN)
    b = empty((COUNT // 2, 2), np.float32)
    assert address(b) == first and store.kept == 0


VIEWS = {
    "slice": lambda a: a[100:200],
    "transpose": lambda a: a.reshape(16, -1).T,
    "every other, backwards": lambda a: a[::-2],
    "reshaped": lambda a: a.reshape(4, -1)[2],
    "another dtype": lambda a: a.view(np.uint8),
    "broadcast": lambda a: np.broadcast_to(a, (3, a.size)),
    "a row of a row": lambda a: a.reshape(4, 4, -1)[1][2],
    "memoryview": lambda a: memoryview(a),
    "frombuffer": lambda a: np.frombuffer(a, np.int32),
    "asarray": lambda a: np.asarray(a),
    "iterator": lambda a: iter(a),
    "flat": lambda a: a.flat,
    "strided": lambda a: np.lib.stride_tricks.as_strided(a, (2, 2), (8, 4)),
    "window": lambda a: np.lib.stride_tricks.sliding_window_view(a, 5),
    "ctypes": lambda a: a.ctypes,
    "interface": lambda a: np.asarray(type("I", (), {"__array_interface__": a.__array_interface__, "a": a})()),
    "structured": lambda a: np.rec.array(a, copy=False) if hasattr(np, "rec") else a,
    "closure": lambda a: lambda: a,
}


@pytest.mark.parametrize("view", VIEWS)
def test_memory_that_can_be_seen_is_never_handed_out(view):
    a = empty((COUNT,), "float32")
    at, size = address(a), a.nbytes
    kept = VIEWS[view](a)
    del a
    gc.collect()
    others = [empty((COUNT,), "float32") for _ in range(4)]
    assert all(address(b) + b.nbytes <= at or at + size <= address(b) for b in others)
    del kept


def test_random_use_never_shares_memory(rng):
    held = []
    for k in range(3000):
        if held and rng.random() < 0.5:
            view, value = held.pop(rng.integers(len(held)))
            assert (view == value).all()
        else:
            a = empty((int(rng.integers(1, 6)), int(rng.integers(1, 40000))), "float32")
            a[...] = k
            held.append((a[:, ::2].T if rng.random() < 0.5 else a, k))
        if rng.random() < 0.05:
            held.append((held[0][0][:1], held[0][1])) if held else None
    for view, value in held:
        assert (view == value).all()


def test_too_much_is_a_memory_error_and_nothing_else(store):
    for size in (1 << 46, 1 << 62, 1 << 70):
        with pytest.raises(MemoryError, match="MiB"):
            empty((size,), "float32")
    assert empty((COUNT,), "float32").size == COUNT


def test_a_workspace_is_arrays_side_by_side_that_nobody_else_has():
    counts = 1, 0, 1000, 17, 300_000
    held = [memory.workspace("float32", *counts) for _ in range(3)]
    places = []
    for space in held:
        assert [a.size for a in space] == list(counts)
        assert all(address(a) % ALIGN == 0 for a in space)
        places += [(address(a), address(a) + a.nbytes) for a in space if a.size]
    places.sort()
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(places))
    kept = held[0][2][::3]
    del held, space
    kept[...] = 5
    for other in (memory.workspace("float32", *counts) for _ in range(2)):
        other[4][...] = other[2][...] = 6
    assert (kept == 5).all()


def test_threads_never_share_a_workspace():
    wrong = []

    def use(k):
        for i in range(500):
            a, b = memory.workspace("float64", 3000 + 7 * k, 20_000)
            a[...], b[...] = k, -k
            if i % 7 == 0:
                time.sleep(0)
            if not ((a == k).all() and (b == -k).all()):
                wrong.append(k)

    users = [threading.Thread(target=use, args=(k,)) for k in range(5)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert not wrong


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 5), (1,), (300, 300), (np.int64(300), 300), (7, 11, 13, 17)])
@pytest.mark.parametrize("dtype", ["float32", np.float64, np.int64, np.uint8, np.dtype(">f4")])
def test_an_array_is_an_ordinary_one(shape, dtype):
    a = empty(shape, dtype)
    assert a.shape == tuple(shape) and a.dtype == np.dtype(dtype) and type(a) is np.ndarray
    assert a.flags.c_contiguous and a.flags.writeable and a.flags.aligned
    if a.nbytes >= SMALL:
        assert address(a) % ALIGN == 0
    a[...] = 3
    assert (a == 3).all()


def test_sizes_waste_a_half_at_most_and_are_few():
    sizes = [*range(SMALL, SMALL + 9000, 7), *(int(1.7**k) for k in range(24, 60))]
    assert all(n <= room(n) <= 1.5 * n + 4096 for n in sizes)
    assert len({room(n) for n in range(1 << 20, 1 << 21, 999)}) <= 4


def test_the_store_is_bounded_and_lets_the_oldest_sizes_go():
    store = Store(most=1000)

    def put(size):
        store.put(np.empty(size, np.uint8))
        store.collect()

    for _ in range(5):
        put(100)
    for _ in range(9):
        put(200)
        assert store.kept <= 1000
    assert sorted((size, len(pieces)) for size, pieces in store.free.items() if pieces) == [(200, 5)]
    put(2000)
    assert store.kept == 1000, "what could never be kept moves nothing"
    assert sum(size * len(pieces) for size, pieces in store.free.items()) == store.kept


def test_a_size_in_use_outlives_one_that_is_not():
    store = Store(most=1000)
    store.put(np.empty(400, np.uint8))
    store.put(np.empty(300, np.uint8))
    store.put(store.take(400))
    store.put(np.empty(500, np.uint8))
    store.collect()
    assert store.free[400] and not store.free.get(300)


def test_who_comes_while_the_store_is_busy_is_not_held_up(store):
    a = empty((COUNT,), "float32")
    first = address(a)
    del a
    with store.lock:
        b = empty((COUNT,), "float32")
        assert address(b) != first
        del b
    store.collect()
    assert store.kept == 2 * room(4 * COUNT + ALIGN)


def test_many_threads_never_share_memory():
    wrong = []

    def use(k):
        rng = np.random.default_rng(k)
        held = []
        for i in range(400):
            a = empty((COUNT + int(rng.integers(3)) * 9000,), "float32")
            a[...] = value = 1000 * k + i
            held.append((a, value))
            if len(held) > 5:
                b, expected = held.pop(int(rng.integers(len(held))))
                if not (b == expected).all():
                    wrong.append((k, i))

    users = [threading.Thread(target=use, args=(k,)) for k in range(6)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert not wrong
    memory.STORE.collect()
    assert sum(size * len(pieces) for size, pieces in memory.STORE.free.items()) == memory.STORE.kept


def test_collections_in_the_middle_do_no_harm():
    """Arrays in cycles come back at any allocation, also at one inside the store."""
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(300):
            cycle = [empty((COUNT,), "float32")]
            cycle.append(cycle)
            cycle[0][...] = 1
            del cycle
    finally:
        gc.set_threshold(*before)
    gc.collect()
    store = memory.STORE
    store.collect()
    assert store.kept
    assert sum(size * len(pieces) for size, pieces in store.free.items()) == store.kept <= store.most


FORK = """
import os, numpy as np, threading
from tinygan.kernels.jit.memory import empty, STORE
a = empty((1 << 17,), 'f'); a[...] = 1
del a
b = empty((1 << 17,), 'f'); b[...] = 2
STORE.lock.acquire()  # as if another thread were in it
if not os.fork():
    assert STORE.kept == 0
    c = empty((1 << 17,), 'f'); c[...] = 3
    assert (b == 2).all()
    del c
    STORE.collect()
    assert STORE.kept
    os._exit(0)
STORE.lock.release()
assert os.wait()[1] == 0
assert (b == 2).all()
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system has no fork")
def test_a_fork_in_the_middle_leaves_both_right():
    python(FORK, warn="ignore")


ENDINGS = [
    "import sys; sys.kept = a",
    "import builtins; builtins.kept = [a, a[3:]]",
    "class C: pass\nc = C(); c.c = c; c.a = a; del a",
    "import threading; threading.Thread(target=lambda b=a: __import__('time').sleep(9), daemon=True).start()",
    "import atexit; atexit.register(lambda b=a: None); del a",
    "from tinygan.kernels.jit import memory; memory.kept = a; memory.Block.kept = a",
    "def f():\n    while True: yield a\ng = f(); next(g)",
    "from tinygan.kernels.jit import memory as m; [setattr(m, n, None) for n in ('STORE', 'Store', 'KEPT', 'np')]; del a",
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_arrays_alive_at_the_end_of_the_interpreter_say_nothing(ending):
    python("from tinygan.kernels.jit.memory import empty\na = empty((1 << 18,), 'f')\n" + ending)
