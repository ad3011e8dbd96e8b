"""An empty working directory, and a small run in it."""

import pytest

from tinygan.cli import main

SMALL = ["--batch", "8", "--set", "width=2", "--set", "latent=4"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(home, capsys):
    """A run directory with three steps."""
    assert main(["train", "--steps", "3", "--out", "RUN", *SMALL]) == 0
    capsys.readouterr()
    return home / "RUN"
