"""The pool of threads: settings, forks, many callers, interruptions, exits; results are the same through all of it."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tinygan import kernels
from tinygan.errors import UsageError

from .tools import python

jit = pytest.importorskip("tinygan.kernels.jit.operations", exc_type=ImportError)
pool = pytest.importorskip("tinygan.kernels.jit.pool", exc_type=ImportError)

HOW = "stride=(1, 1), pad=((1, 1), (1, 1))"
WORK = f"""
import os, sys, time, threading, signal
import numpy as np
from tinygan.kernels.jit import operations as jit; from tinygan.kernels.jit import pool
x, w = np.ones((4, 8, 8, 8), np.float32), np.ones((3, 3, 8, 8), np.float32)
work = lambda: jit.conv2d(x, w, {HOW})
right = work()
def good():
    assert np.array_equal(work(), right) and right[0, 1, 1, 0] == 72
"""
forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def cases(n, seed=0):
    """n small random convolutions and their results on this thread alone."""
    rng = np.random.default_rng(seed)
    made = []
    with pool.threads(1):
        for _ in range(n):
            N, H, C = rng.integers(1, 6, 3)
            x = rng.normal(size=(N, H + 2, H + 2, 4 * C)).astype("float32")
            w = rng.normal(size=(3, 3, 4 * C, 8)).astype("float32")
            made.append((x, w, convolve(x, w)))
    return made


def convolve(x, w):
    return jit.conv2d(x, w, stride=(1, 1), pad=((1, 1), (1, 1)))


# ---------------------------------------------------------------- settings


@pytest.mark.slow
@pytest.mark.parametrize("n", ["1", "3", "1024"])
def test_the_environment_sets_the_number_of_threads(n):
    assert python(WORK + "print(pool.pool().n)", threads=n)[1] == n


@pytest.mark.slow
@pytest.mark.parametrize("n", ["0", "-1", "two", "1.5", "1025", " ", "9" * 99])
def test_a_wrong_number_of_threads_is_one_line_before_anything_is_written(n, tmp_path):
    code = "from tinygan.cli import main; raise SystemExit(main(['train', '--steps', '1']))"
    status, out, errors = python(code, threads=n, ok=False, cwd=tmp_path)
    assert (status, out) == (2, "")
    assert (
        errors.startswith("tinygan: TINYGAN_THREADS is a number of threads, 1 to 1024: got") and errors.count("\n") == 1
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("width", ["8", "thirty"])
def test_a_wrong_vector_is_one_line_too(width, tmp_path):
    code = "from tinygan.cli import main; raise SystemExit(main(['train', '--steps', '1']))"
    status, out, errors = python(code, TINYGAN_VECTOR=width, ok=False, cwd=tmp_path)
    assert (status, out) == (2, "")
    assert errors.startswith("tinygan: TINYGAN_VECTOR is a width in bytes") and errors.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_wrong_setting_of_the_compiled_backend_leaves_the_reference_alone():
    python("import numpy as np; from tinygan import kernels; kernels.linear(np.eye(2), np.eye(2))", threads="x",
           TINYGAN_CPU="reference")  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity mask")
def test_threads_follow_the_affinity_mask():
    one = f"import os; os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}})\n"
    assert python(one + WORK + "good(); print(pool.pool().n)", threads=None)[1] == "1"
    many = len(os.sched_getaffinity(0))
    assert int(python(WORK + "print(pool.pool().n)", threads="")[1]) <= many


@pytest.mark.parametrize(("text", "n"), [("max 100000", 7), ("150000 100000", 2), ("1000 100000", 1), ("", 7)])
def test_threads_follow_a_containers_quota(text, n, monkeypatch):
    from tinygan.kernels.jit import cpu

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(7)), raising=False)
    monkeypatch.setattr(cpu.Path, "read_text", lambda *_: text)
    assert cpu.cores() == n


@pytest.mark.parametrize("n", [0, -1, 1025])
def test_a_pool_of_no_threads_is_refused(n):
    with pytest.raises(UsageError, match=f"kernels run on 1 to 1024 threads: got {n}"), pool.threads(n):
        pass


def test_blocks_nest_and_end_with_their_helpers():
    x, w, expected = cases(1)[0]
    before = pool.pool()
    with pool.threads(3):
        assert np.array_equal(convolve(x, w), expected)
        with pool.threads(2):
            inner = pool.pool()
            assert inner.n == 2 and np.array_equal(convolve(x, w), expected)
        assert pool.pool().n == 3
        inner.run(*NOTHING, 5)  # a pool that is closed has its caller still
        with pytest.raises(KeyError), pool.threads(4):
            raise KeyError
        assert pool.pool().n == 3 and np.array_equal(convolve(x, w), expected)
    assert pool.pool() is before
    until(
        lambda: not [t for t in threading.enumerate() if t.name.startswith("tinygan") and t._target.__self__ is inner]
    )


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(scope="module", autouse=True)
def nothing():
    """A kernel that does nothing."""
    import ctypes

    global NOTHING, _kept
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    _kept = kind(lambda *_: None)
    NOTHING = ctypes.cast(_kept, ctypes.c_void_p).value, b""


# ---------------------------------------------------------------- many callers


def test_every_part_is_done_once_whatever_the_helpers_do():
    import ctypes

    done, held = [], threading.Lock()

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    def note(arguments, part, thread):
        with held:
            done.append((part, thread))

    address = ctypes.cast(note, ctypes.c_void_p).value
    rng = np.random.default_rng(0)
    with pool.threads(4):
        for parts in rng.integers(1, 40, 300):
            done.clear()
            pool.run(address, b"", int(parts))
            assert sorted(part for part, _ in done) == list(range(parts))
            assert {thread for _, thread in done} <= set(range(4))
        pool.run(address, b"", 0)


@pytest.mark.parametrize("wait", [0, 0.001, 0.3], ids=["helpers spin", "helpers go to sleep", "helpers sleep"])
def test_helpers_take_part_also_after_sleep(wait):
    import ctypes

    who = set()

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    def slow(arguments, part, thread):
        who.add(thread)
        time.sleep(0.02)

    with pool.threads(3):
        for _ in range(4):  # who falls asleep at the very moment may miss one kernel, not two
            pool.run(ctypes.cast(slow, ctypes.c_void_p).value, b"", 12)
            time.sleep(wait)
            who.clear()
            for _ in range(2):
                pool.run(ctypes.cast(slow, ctypes.c_void_p).value, b"", 12)
            assert who == {0, 1, 2}


@pytest.mark.parametrize("n", [2, 3, 8])
def test_thousands_of_small_kernels_with_sleeps_between_are_all_right(n):
    rng, made = np.random.default_rng(n), cases(40)
    with pool.threads(n):
        for k in range(4000):
            x, w, expected = made[k % len(made)]
            assert np.array_equal(convolve(x, w), expected)
            if rng.random() < 0.02:
                time.sleep(rng.choice([0, 0.0003, 0.001, 0.003]))


def test_several_python_threads_may_call_at_the_same_time():
    made, wrong = cases(20), []

    def caller(k):
        rng = np.random.default_rng(k)
        try:
            for _ in range(300):
                x, w, expected = made[rng.integers(len(made))]
                if rng.random() < 0.01:
                    with pool.threads(int(rng.integers(1, 4))):
                        assert np.array_equal(convolve(x, w), expected)
                assert np.array_equal(convolve(x, w), expected)
        except BaseException as error:
            wrong.append(error)

    callers = [threading.Thread(target=caller, args=(k,), daemon=True) for k in range(6)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(120)
        assert not thread.is_alive(), "deadlock"
    assert not wrong


def test_threads_first_used_at_the_same_time_compile_once_and_agree():
    code = (
        WORK.replace("right = work()\n", "")
        + """
found = []
def caller():
    found.append(work())
callers = [threading.Thread(target=caller) for _ in range(6)]
[t.start() for t in callers]; [t.join() for t in callers]
assert len(found) == 6 and all(np.array_equal(y, found[0]) for y in found)
"""
    )
    python(code, threads=2)


@pytest.mark.slow
def test_threads_may_compile_at_the_same_time_beside_another_user_of_numba(tmp_path):
    code = """
import threading, numba, numpy as np
from tinygan import kernels
wrong = []
def another():
    for k in range(4):
        assert numba.njit(lambda x: x * k + 1)(2.0) == 2 * k + 1
def caller(k):
    for i in np.random.default_rng(k).permutation(8):
        C, dtype = (1, 3, 16, 32)[i // 2], ("float32", "float64")[i % 2]
        x, w = np.ones((2, 6, 6, C), dtype), np.ones((3, 3, C, 8), dtype)
        assert kernels.conv2d(x, w, stride=(1, 1), pad=((1, 1), (1, 1)))[0, 2, 2, 0] == 9 * C
threading.excepthook = lambda about: wrong.append(about)
callers = [threading.Thread(target=caller, args=(k,)) for k in range(4)] + [threading.Thread(target=another) for _ in "ab"]
[t.start() for t in callers]; [t.join() for t in callers]
assert not wrong, wrong
"""
    for _ in ("cold", "warm"):
        python(code, threads=2, TINYGAN_CACHE=tmp_path)


# ---------------------------------------------------------------- forks

FORK = """
def child(do):
    pid = os.fork()
    if not pid:
        try:
            do()
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    for _ in range(3000):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert status == 0, status
            return
        time.sleep(0.01)
    os.kill(pid, 9)
    raise SystemExit("the child hangs")
"""


def fork(code):
    return python(WORK + FORK + code, threads=3, warn="ignore")


@forking
@pytest.mark.parametrize("wait", [0, 0.0005, 0.2], ids=["helpers spin", "helpers go to sleep", "helpers sleep"])
def test_a_forked_child_and_its_parent_both_go_on(wait):
    fork(f"for _ in range(5):\n    time.sleep({wait})\n    child(lambda: [good() for _ in range(50)])\n    good()")


@pytest.mark.slow
@forking
def test_a_fork_from_a_fork_and_inside_a_block():
    fork("child(lambda: (good(), child(good), good()))")
    fork("with pool.threads(2):\n    good()\n    child(good)\n    good()\ngood()")
    fork("""
def leaves_the_block():
    with pool.threads(2):
        good()
        if os.fork():
            assert os.wait()[1] == 0
        good()
    good()
    return True
pid = os.getpid()
leaves_the_block()
os._exit(0) if os.getpid() != pid else None
""")


@pytest.mark.slow
@forking
def test_a_fork_while_other_threads_are_in_kernels():
    fork("""
stop = []
def caller():
    while not stop:
        good()
callers = [threading.Thread(target=caller) for _ in range(3)]
[t.start() for t in callers]
for _ in range(40):
    child(lambda: [good() for _ in range(5)])
stop.append(1)
[t.join() for t in callers]
""")


@forking
def test_multiprocessing_by_fork():
    fork("""
import multiprocessing
def double(k):
    good()
    return 2 * k
with multiprocessing.get_context("fork").Pool(3) as pool:
    assert pool.map(double, range(30)) == [2 * k for k in range(30)]
good()
""")


# ---------------------------------------------------------------- interruptions


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
def test_interruptions_while_kernels_run_leave_the_pool_usable():
    code = """
from tinygan.kernels.jit.pool_code import ASLEEP
caught = 0
signal.signal(signal.SIGALRM, signal.default_int_handler)
rng = np.random.default_rng(0)
end = time.monotonic() + 3
while time.monotonic() < end:
    try:
        signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-4, 2e-3))
        while True:
            work()
            if rng.random() < 0.05:
                time.sleep(0.001)
    except KeyboardInterrupt:
        caught += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    good()
assert caught > 50, caught
time.sleep(0.3)
good()
time.sleep(0.3)
assert pool.pool().box[ASLEEP] >= 2, "a helper was lost"
"""
    python(WORK + code, threads=3)


@pytest.mark.slow
def test_a_signals_handler_may_run_kernels():
    if not hasattr(signal, "setitimer"):
        pytest.skip("this system has no timers")
    python(
        WORK
        + """
ran = []
signal.signal(signal.SIGALRM, lambda *_: ran.append(good()))
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
end = time.monotonic() + 2
while time.monotonic() < end:
    good()
signal.setitimer(signal.ITIMER_REAL, 0)
assert len(ran) > 100
""",
        threads=2,
    )


def test_a_process_that_gets_no_threads_works_alone():
    python(
        WORK.replace(
            "right =",
            """
def refuse(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
right =""",
        )
        + "good(); assert threading.active_count() == 1",
        threads=4,
    )


# ---------------------------------------------------------------- exits

ENDINGS = {
    "at once": "good()",
    "while helpers go to sleep": "good(); time.sleep(0.0004)",
    "while helpers sleep": "good(); time.sleep(0.3)",
    "before a helper started": "",
    "inside a block": "c = pool.threads(3); c.__enter__(); good()",
    "by sys.exit": "good(); sys.exit(0)",
    "with a kernel at exit": "import atexit; atexit.register(good); good()",
    "with a first kernel at exit": "import atexit; p = pool.threads(2); p.__enter__(); atexit.register(good)",
    "with another thread in kernels": "t = threading.Thread(target=lambda: [good() for _ in range(9**9)], daemon=True)\n"
    "t.start(); time.sleep(0.05)",
    "with arrays alive": "from tinygan.kernels.jit.memory import empty\n"
    "sys.kept = [empty((1 << 18,), 'f') for _ in range(9)]; kept = empty((1 << 18,), 'f')[3:]; good()",
}


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_ends_well(ending):
    for options in ([], [], ["-X", "dev"]):
        known = {**os.environ, "TINYGAN_THREADS": "3", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, *options, "-W", "error", "-c", WORK + ENDINGS[ending]]
        done = subprocess.run(command, env=known, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_exit_does_not_wait_for_helpers():
    code = WORK + "good(); began = time.time(); import atexit; print(time.time())"
    _, printed, _ = python(code, threads=3)
    assert time.time() - float(printed) <= 2


def test_no_interpreter_lock_is_held_while_kernels_run():
    """Another Python thread goes on counting while a kernel of a second or so runs."""
    x, w = np.ones((64, 64, 64, 32), "float32"), np.ones((3, 3, 32, 32), "float32")
    counted, stop = [0], []

    def count():
        while not stop:
            counted[0] += 1
            time.sleep(0.0005)

    thread = threading.Thread(target=count)
    thread.start()
    with pool.threads(1), kernels.precision("direct"):
        convolve(x, w)
        before, began = counted[0], time.perf_counter()
        convolve(x, w)
        took = time.perf_counter() - began
    stop.append(1)
    thread.join()
    assert counted[0] - before >= took / 0.0005 / 50
