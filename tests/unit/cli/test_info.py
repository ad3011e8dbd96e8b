"""`tinygan info`, and that the commands without a run print something."""

import sys

from tinygan import kernels
from tinygan.cli import main


def test_info_recipes_data_and_check_print(capsys):
    assert main(["info"]) == 0
    assert "backend" in capsys.readouterr().out
    assert main(["recipes"]) == 0
    assert "Goodfellow et al. 2014" in capsys.readouterr().out
    assert main(["data", "strokes"]) == 0
    assert "28x28x1" in capsys.readouterr().out
    assert main(["check", "--draws", "1"]) == 0
    assert "ConvTranspose2d" in capsys.readouterr().out


def told(capsys):
    """What info prints, name → value."""
    assert main(["info"]) == 0
    return {line[:12].strip(): line[13:] for line in capsys.readouterr().out.splitlines()}


def test_info_says_what_the_kernels_run_on(monkeypatch, capsys):
    monkeypatch.setenv("TINYGAN_PRECISION", "direct")
    monkeypatch.setenv("TINYGAN_CACHE", "/somewhere/else")
    lines = told(capsys)
    assert lines["precision"] == "direct"
    if "jit" in kernels.available():
        assert lines["vectors"] in ("16 bytes", "32 bytes", "64 bytes") and int(lines["threads"]) >= 1
        assert lines["kernel cache"] == "/somewhere/else"
        monkeypatch.setenv("TINYGAN_THREADS", "many")
        assert main(["info"]) == 2
        assert "TINYGAN_THREADS is a number of threads" in capsys.readouterr().err
        monkeypatch.delenv("TINYGAN_THREADS")
        monkeypatch.setitem(sys.modules, "tinygan.kernels.jit.compile", None)
        monkeypatch.delattr("tinygan.kernels.jit.compile", raising=False)
        assert told(capsys)["jit"].startswith("cannot be loaded: ")
    assert lines["gpu"].startswith("none: backend 'cuda' needs ")
    monkeypatch.setattr(kernels, "available", lambda: ("reference",))
    assert not {"vectors", "kernel cache", "jit"} & told(capsys).keys()


def test_info_says_which_backend_is_in_force(monkeypatch, capsys):
    monkeypatch.setenv("TINYGAN_CPU", "reference")
    assert main(["info"]) == 0
    assert "reference (there are" in capsys.readouterr().out
    monkeypatch.setenv("TINYGAN_CPU", "fast")
    assert main(["train", "--dry-run"]) == 2
    assert "unknown backend 'fast'" in capsys.readouterr().err
