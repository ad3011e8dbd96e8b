"""A user who waits for kernels to be compiled is told so, once, by the command only."""

import pytest

from tinygan.cli.compiling import told_of_compiling
from tinygan.kernels import cache


@pytest.fixture
def clock(monkeypatch):
    """A clock that a kernel's compiling moves on."""
    now = [0.0]
    monkeypatch.setattr(cache.time, "perf_counter", lambda: now[0])

    def taking(seconds):
        now[0] += seconds
        return "code"

    return taking


def test_long_compiling_is_said_once(clock, capsys):
    with told_of_compiling():
        for _ in range(9):
            assert cache.compiled("jit", lambda: clock(0.3)) == "code"
    assert capsys.readouterr().err == "compiling kernels (once, about 12 s)\n"


def test_short_compiling_is_not_said(clock, capsys):
    with told_of_compiling():
        cache.compiled("jit", lambda: clock(0.9))
    assert not capsys.readouterr().err


def test_another_program_is_told_nothing(clock, capsys):
    with told_of_compiling():
        pass
    cache.compiled("jit", lambda: clock(60))
    assert not capsys.readouterr().err and not cache.listeners


def test_how_long_a_gpus_take_is_not_promised(clock, capsys):
    with told_of_compiling():
        cache.compiled("cuda", lambda: clock(60))
    assert capsys.readouterr().err == "compiling kernels (once)\n"
