"""``tinygan info``: what runs here."""

from __future__ import annotations

import argparse

from tinygan.cli.terminal import paragraph
from tinygan.training.provenance import report

ABOUT = """
    Show versions, the processor, the GPU or what a GPU would still need, the linear algebra library, threads, the
    backend and the precision in use. Add this output to a bug report.
"""
EXAMPLES = [("tinygan info", "all of it")]


def add_options(p: argparse.ArgumentParser) -> None:
    """None."""


def run(args: argparse.Namespace) -> int:
    """A line for each fact."""
    for name, value in report().items():
        print(paragraph(value, " " * 13, f"{name:12s} "))
    return 0
