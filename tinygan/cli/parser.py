"""What the command line may say."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from tinygan import __version__, kernels
from tinygan.errors import UsageError
from tinygan.training.run import Loop

MEASURES = "frechet, kid, inception-score, precision-recall, density-coverage"  # measures.py is loaded when needed


class Parser(argparse.ArgumentParser):
    """argparse, whose errors are one line too."""

    def error(self, message: str) -> NoReturn:
        self.exit(UsageError.exit_code, f"tinygan: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """The grammar of the command."""
    top = Parser(prog="tinygan", description="GANs from scratch: every derivative by hand.")
    top.add_argument("--version", action="version", version=f"tinygan {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    p = commands.add_parser("train", help="train a recipe; with no options, digits in about two minutes")
    p.add_argument("recipe", nargs="?", metavar="RECIPE", help="see `tinygan recipes` (dcgan)")
    p.add_argument("--data", metavar="NAME|PATH", help="see `tinygan data` (strokes), or the path of files")
    p.add_argument("--out", type=Path, metavar="DIR", help="the run directory (runs/RECIPE-DATA)")
    for name, what in (("steps", "steps in all"), ("batch", "images a step"), ("seed", "fixes every random number")):
        p.add_argument(f"--{name}", type=int, metavar="N", help=f"{what} ({getattr(Loop, name)})")
    p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, as --set adam_G.lr=1e-4")
    p.add_argument("--config", type=Path, metavar="FILE.toml", help="settings from a file; options come after it")
    p.add_argument("--resume", action="store_true", help="go on with the run in --out, bit for bit")
    p.add_argument("--backend", choices=kernels.BACKENDS, help="which kernels (auto)")
    p.add_argument("--precision", choices=kernels.PRECISIONS, help="direct: no transforms that round more (auto: fast)")
    p.add_argument("--dry-run", action="store_true", help="print the resolved configuration and stop")

    p = commands.add_parser("sample", help="images from a trained run")
    p.add_argument("dir", type=Path, metavar="RUN")
    p.add_argument("-n", type=int, metavar="N", help="how many (64)")
    p.add_argument("--out", type=Path, metavar="FILE", help=".png: one grid; .npy: float32 (N, H, W, C) in [-1, 1]")
    p.add_argument("--seed", type=int, default=0, metavar="S")
    p.add_argument("--label", type=int, metavar="K", help="of class K, by a system that is told classes")
    p.add_argument("--text", metavar="WORDS", help='as "dark sneaker", by a system that reads texts')
    p.add_argument("--truncation", type=float, metavar="TAU", help="latents z within ±TAU: finer, less varied images")
    p.add_argument(
        "--sweep", metavar="CODE", help="a grid along a code, as c1, by a system that has codes: see infogan"
    )
    p.add_argument("--standing", type=int, metavar="BATCHES", help="batch norms by statistics of so many batches of 64")
    p.add_argument("--sequence", action="store_true", help="a row a sample, after each of its steps: see gran")
    p.add_argument("--average", type=int, metavar="N", help="by the mean of the weights of the last N checkpoints kept")

    p = commands.add_parser("eval", help="how good a run's images are, or a classifier's answers")
    p.add_argument("what", metavar="RUN|FOLDER|FILE.npy|NAME")
    p.add_argument("against", nargs="?", metavar="AGAINST", help="a second set, which is taken for the real one")
    p.add_argument("--data", metavar="NAME|PATH", help="the real images (those that the run was trained on)")
    p.add_argument(
        "--metrics",
        metavar="A,B",
        help=f"all, or of {MEASURES} (the first three)",
    )
    p.add_argument("-n", type=int, metavar="N", help="images of each set (as many as there are, at most 10000)")
    p.add_argument("--seed", type=int, default=0, metavar="S")
    p.add_argument("--features", metavar="NAME|RUN|FILE", help="a classifier's (fashion-mnist)")
    p.add_argument("--out", type=Path, metavar="FILE.jsonl", help="add a line to it (RUN/metrics.jsonl)")

    p = commands.add_parser("battle", help="two runs, whose discriminators judge the other's samples: which one wins")
    p.add_argument("a", metavar="RUN_A")
    p.add_argument("b", metavar="RUN_B")
    p.add_argument("--data", metavar="NAME|PATH", help="whose test split is judged too (that of the runs' data)")
    p.add_argument("-n", type=int, metavar="N", help="samples of each (as many as there are, at most 10000)")
    p.add_argument("--seed", type=int, default=0, metavar="S")
    p.add_argument(
        "--tolerance", type=float, default=0.1, metavar="T", help="discriminators are alike from 1/(1+T) to 1+T (0.1)"
    )

    p = commands.add_parser(
        "edit", help="an image swept along the coordinates of its chart, by a run of lgan or lgan-semi"
    )
    p.add_argument("dir", type=Path, metavar="RUN")
    p.add_argument("--image", type=Path, metavar="FILE", help="a picture of the size of the run's data")
    p.add_argument("--index", type=int, metavar="I", help="or image I of the data, of its test split if it has one")
    p.add_argument("--reach", type=float, metavar="Z", help="how far (sigma, the spread of z in training)")
    p.add_argument("--columns", type=int, default=11, metavar="N", help="images a coordinate (11)")
    p.add_argument("--out", type=Path, metavar="FILE.png", help="(RUN/samples/edit-I.png)")

    p = commands.add_parser("geodesic", help="the shortest path between two samples, beside straight lines")
    p.add_argument("dir", type=Path, metavar="RUN")
    p.add_argument("--from", dest="a", type=int, required=True, metavar="I", help="number of a sample")
    p.add_argument("--to", dest="b", type=int, required=True, metavar="J")
    p.add_argument("--seed", type=int, default=0, metavar="S")
    p.add_argument("--columns", type=int, default=11, metavar="N", help="images of the path (11)")
    p.add_argument("--out", type=Path, metavar="FILE.png", help="(RUN/samples/geodesic-I-J.png)")

    p = commands.add_parser("interpolate", help="samples of latents between two, as a strip")
    p.add_argument("dir", type=Path, metavar="RUN")
    p.add_argument("--from", dest="a", type=int, required=True, metavar="I", help="number of a sample")
    p.add_argument("--to", dest="b", type=int, required=True, metavar="J")
    p.add_argument("--spherical", action="store_true", help="on an arc around 0, not on a line")
    p.add_argument("--columns", type=int, default=11, metavar="N", help="images of the strip (11)")
    mixed(p, "interpolate-I-J")
    p = commands.add_parser("average", help="samples, then that of the mean of their latents")
    p.add_argument("dir", type=Path, metavar="RUN")
    p.add_argument("--of", type=int, nargs="+", required=True, metavar="I", help="numbers of samples")
    mixed(p, "average-I+J")
    p = commands.add_parser("arithmetic", help="samples of latents a, b, c and a - b + c")
    p.add_argument("dir", type=Path, metavar="RUN")
    p.add_argument(
        "--from", dest="a", type=int, nargs="+", required=True, metavar="I", help="a: a sample, or more: the mean"
    )
    p.add_argument("--minus", dest="b", type=int, nargs="+", required=True, metavar="J", help="b")
    p.add_argument("--plus", dest="c", type=int, nargs="+", required=True, metavar="K", help="c")
    mixed(p, "arithmetic-I-J-K")
    p = commands.add_parser("translate", help="pictures of two domains, each in the other and back")
    p.add_argument("dir", type=Path, metavar="RUN")
    p.add_argument("-n", type=int, default=8, metavar="N", help="samples of the test split (8)")
    p.add_argument("--seed", type=int, default=0, metavar="S", help="which ones")
    p.add_argument("--data", metavar="NAME", help="another set of the same shape")
    p.add_argument("--out", type=Path, metavar="FILE.png", help="(RUN/samples/translate-nN-seedS.png)")

    p = commands.add_parser("reproduce", help="a system's small experiments: each figure beside its bound")
    p.add_argument("system", nargs="?", metavar="NAME", help="without one: which there are")
    p.add_argument("--only", metavar="A,B", help="some of its experiments")
    p.add_argument("--show", action="store_true", help="train nothing: claims and pictures of what is there")
    p.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="where a named set is")
    p.add_argument(
        "--out", type=Path, default=Path("bench/results/reproduce"), metavar="DIR", help="(bench/results/reproduce)"
    )
    p.add_argument("--runs", type=Path, default=Path("runs/reproduce"), metavar="DIR", help="(runs/reproduce)")

    p = commands.add_parser("data", help="which data there is, where, and how to get it")
    p.add_argument("name", nargs="?", metavar="NAME")
    p.add_argument("--fetch", action="store_true", help="download it, if it is not here")
    p = commands.add_parser("recipes", help="which systems there are, and their settings")
    p.add_argument("name", nargs="?", metavar="NAME")
    p = commands.add_parser("check", help="prove the derivatives of every layer: worst errors, layer by check")
    p.add_argument("--draws", type=int, default=20, metavar="N", help="random cases a layer (20)")
    p.add_argument("--seed", type=int, default=0, metavar="S")
    p = commands.add_parser("info", help="versions, CPU, BLAS, threads, backend and precision in force")
    return top


def mixed(p: argparse.ArgumentParser, name: str) -> None:
    """What the commands on latents share."""
    p.add_argument("--table", action="store_true", help="numbers are of images that a run of glo was trained on")
    p.add_argument("--seed", type=int, default=0, metavar="S", help="of the samples' latents")
    p.add_argument("--out", type=Path, metavar="FILE.png", help=f"(RUN/samples/{name}.png)")
