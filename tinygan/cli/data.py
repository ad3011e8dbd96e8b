"""``tinygan data``: the data sets, where they are, how to get them."""

from __future__ import annotations

import argparse

from tinygan.cli.options import completes
from tinygan.cli.terminal import paragraph
from tinygan.data import NAMES, catalogue, fetch_data
from tinygan.errors import UsageError, by, nearest

ABOUT = """
    List the data sets that have a name: the shape of a sample (height x width x channels), what it is, and where its
    files are or how to get them. `tinygan train --data` takes these names, and also the path of a folder or file of
    your own.
"""
EXAMPLES = [
    ("tinygan data", "all data sets"),
    ("tinygan data cifar-10 --fetch", "download one"),
]
OWN = (
    "your own files: a folder or .zip of PNG pictures of one size (JPEG needs pillow), in folders by class or listed in "
    "dataset.json; a .npz file; IDX files; the files of a data set above"
)


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    completes(p.add_argument("name", nargs="?", metavar="NAME", help="one data set (default: all)"), "names")
    p.add_argument("--fetch", action="store_true", help="download it, if it is not here yet")


def run(args: argparse.Namespace) -> int:
    """The list."""
    if args.name not in (None, *NAMES):
        raise UsageError(f"unknown data {args.name!r}{nearest(args.name, NAMES)}; the names are {', '.join(NAMES)}")
    if args.fetch:
        if args.name is None:
            raise UsageError(f"--fetch needs the NAME of a data set: one of {', '.join(NAMES)}")
        fetch_data(args.name)
    for entry in (entry for entry in catalogue() if args.name in (None, entry.name)):
        print(paragraph(entry.description, " " * 4, f"{entry.name}  {by(entry.shape)}  "))
        print(paragraph(entry.path or f"not here: {entry.how_to_get}", " " * 4))
    if args.name is None:
        print(paragraph(OWN, " " * 4, "PATH  "))
    return 0
