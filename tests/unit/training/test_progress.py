"""Progress: lines of at most 80 columns, the time left, and a clean line where training stops."""

import io
import sys
import types

import pytest

from tinygan.training import progress
from tinygan.training.progress import Progress, duration, fitted, say

MANY = {f"loss_{name}": 1234.5678 for name in "ABCDEFGH"} | {"accuracy": 0.5}


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes where the test sets it."""
    now = types.SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.seconds)
    return now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def terminal(monkeypatch):
    """Stderr as a terminal, for the rest of a test."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_a_line_has_the_step_losses_speed_and_time_left(clock, capsys):
    with Progress(0, 100) as shown:
        for step, seconds in ((10, 60.0), (20, 66.0), (100, 120.0)):
            clock.seconds = seconds
            shown.show(step, {"loss_D": 1.5, "accuracy": 0.5}, 812.4)
    first, second, last = capsys.readouterr().err.splitlines()
    assert first == "step 10/100  loss_D 1.500  812 images/s"  # with the time of compiling, which no later step needs
    assert second == "step 20/100  loss_D 1.500  812 images/s  48 s left"
    assert last == "step 100/100  loss_D 1.500  812 images/s  0 s left"


def test_many_losses_are_as_many_as_fit(clock, capsys):
    with Progress(0, 10) as shown:
        shown.show(10, MANY, 1.0)
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) <= 80 and "loss_A" in line and "loss_H" not in line and line.endswith("1 images/s")


@pytest.mark.parametrize("width", [5, 30, 80, 200])
def test_a_fitted_line_never_exceeds_its_width(width):
    losses = [f"loss_{i} 1.000" for i in range(9)]
    line = fitted("step 1/2", losses, "3 images/s", width)
    assert len(line) <= width
    assert width < 30 or (line.startswith("step 1/2") and line.endswith("3 images/s"))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (99.4, "99 s"), (100, "2 min"), (5940, "99 min"), (12_000, "3 h 20 min")]
)
def test_a_duration_in_words(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize("stop", [True, False])
@pytest.mark.parametrize("bar", [True, False])
def test_the_line_is_cleared_where_training_stops_on_a_terminal(stop, bar, monkeypatch, clock):
    stream = terminal(monkeypatch)
    if bar:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    with Progress(0, 4) as shown:
        clock.seconds = 9.0
        shown.show(2 if stop else 4, {}, 1.0)
    err = stream.getvalue()
    assert err.endswith("\r\x1b[2K") == stop
    assert err.endswith("\n") == (not stop)


def test_a_bar_and_the_echo_of_ctrl_c_fit_the_terminal(monkeypatch):
    stream = terminal(monkeypatch)
    pytest.importorskip("tqdm")
    monkeypatch.setenv("COLUMNS", "80")
    with Progress(0, 1000) as shown:
        shown.show(500, MANY, 1.0)
        shown.show(1000, MANY, 1.0)
    lines = stream.getvalue().replace("\n", "\r").split("\r")
    assert max(map(len, lines)) == 78 and any("loss_A" in line for line in lines)


def test_what_is_said_stands_above_a_bar_or_on_a_line_of_its_own(monkeypatch):
    stream = terminal(monkeypatch)
    say("alone")
    assert stream.getvalue() == "alone\n"
    pytest.importorskip("tqdm")
    with Progress(0, 4) as shown:
        say("above")
        shown.show(4, {}, 1.0)
    assert "\rabove\n\r" in stream.getvalue()
