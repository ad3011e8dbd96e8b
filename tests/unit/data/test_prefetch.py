"""Batches made ahead: the order, the errors and the end are those of a plain loop."""

import subprocess
import sys
import threading
import time

import pytest

from tinygan.data.prefetch import AHEAD, Prefetch


def alive():
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


@pytest.mark.parametrize("slow", ["reader", "loop", "neither"])
def test_every_position_comes_once_in_order(slow):
    def read(position):
        time.sleep(0.001 if slow == "reader" else 0)
        return position**2

    found = []
    with Prefetch(read, range(3, 60)) as batches:
        for batch in batches:
            time.sleep(0.001 if slow == "loop" else 0)
            found.append(batch)
        with pytest.raises(StopIteration):
            next(batches)
    assert found == [k**2 for k in range(3, 60)]
    assert not alive()


def test_the_reader_is_at_most_two_batches_ahead():
    started, used = [], 0
    with Prefetch(lambda k: started.append(k) or k, range(50)) as batches:
        for _ in batches:
            used += 1
            time.sleep(0.002)
            assert len(started) <= used + AHEAD
    assert AHEAD == 2
    assert used == 50


def test_an_error_is_raised_at_its_batch_and_again():
    def read(position):
        if position == 3:
            raise OSError("the disk is gone")
        return position

    found = []
    with Prefetch(read, range(10)) as batches:
        with pytest.raises(OSError, match="the disk is gone"):
            for batch in batches:
                found.append(batch)
        with pytest.raises(OSError, match="the disk is gone"):
            next(batches)
    assert found == [0, 1, 2]
    assert not alive()


def test_leaving_the_with_block_early_ends_the_thread():
    with pytest.raises(KeyboardInterrupt), Prefetch(lambda k: k, range(10**9)) as batches:
        assert next(batches) == 0
        raise KeyboardInterrupt
    assert not alive()
    with pytest.raises(RuntimeError, match="after the end of its with block"):
        for _ in batches:  # what was ready, then
            pass


def test_the_wait_is_measured():
    with Prefetch(lambda k: time.sleep(0.02), range(5)) as batches:
        for _ in batches:
            pass
        assert batches.waited >= 0.08
    began = time.perf_counter()
    with Prefetch(lambda k: k, range(5)) as batches:
        for _ in batches:
            time.sleep(0.02)
        assert batches.waited <= (time.perf_counter() - began) / 2


def test_ctrl_c_while_waiting_ends_the_program():
    code = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts this in the background ignores it
from tinygan.data.prefetch import Prefetch
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
with Prefetch(lambda k: time.sleep(1), range(100)) as batches:
    for _ in batches:
        pass
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "KeyboardInterrupt" in ended.stderr
    assert ended.returncode != 0


def test_a_program_that_never_leaves_the_with_block_still_ends():
    code = "from tinygan.data.prefetch import Prefetch; b = Prefetch(lambda k: k, range(10**9)).__enter__(); print(next(b))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("0\n", "", 0)
