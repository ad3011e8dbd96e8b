"""Ctrl-C at a terminal: a clean line, what is saved, the command that goes on."""

import os
import struct
import sys
import time

import pytest

from tinygan.cli import main

pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))


def typed(words, after, cwd):
    """(exit code, what a terminal gets) of a command at which Ctrl-C is typed once ``after`` has been printed."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.chdir(cwd)
        os.execve(sys.executable, [sys.executable, "-m", "tinygan", *words], os.environ)
    text, sent, end = "", False, time.monotonic() + 60
    while time.monotonic() < end:
        try:
            new = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            break
        if not new:
            break
        text += new.decode(errors="replace")
        if after in text and not sent:
            os.write(terminal, b"\x03")
            sent = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


def test_training_stops_with_a_clean_line_and_says_how_to_go_on(tmp_path):
    small = ["--batch", "4", "--set", "width=2", "--set", "latent=2", "--set", "log_every=1"]
    code, text = typed(["train", "--steps", "100000", "--out", "RUN", *small], "images/s", tmp_path)
    assert code == 130
    before, cleared, message = text.rpartition("\r\x1b[2K")
    assert cleared and "^C" in before
    stopped, go_on = message.splitlines()
    assert stopped.startswith("stopped at step ") and stopped.endswith(", saved in RUN")
    assert go_on == "go on with: tinygan train --resume --out RUN"
    assert (tmp_path / "RUN/checkpoints/latest.safetensors").exists()


def test_a_second_ctrl_c_says_what_is_lost(tmp_path, monkeypatch, capsys):
    def at_once(*arguments):
        raise SystemExit(130)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinygan.training.launch.launch", at_once)
    with pytest.raises(SystemExit):
        main(["train"])
    assert capsys.readouterr().err == "stopped at once: the last checkpoint is kept, the steps after it are lost\n"


def test_ctrl_c_in_another_command_is_one_line(monkeypatch, capsys):
    def stopped():
        raise KeyboardInterrupt

    monkeypatch.setattr("tinygan.cli.info.report", stopped)
    assert main(["info"]) == 130
    assert capsys.readouterr().err == "tinygan: stopped\n"
