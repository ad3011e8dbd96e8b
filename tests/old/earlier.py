"""tinygan as it was at commit 9d216fb: small runs of every system, made by its wheel in a process of its own."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinygan.formats.png import write_png

COMMIT = "9d216fb"
WHEEL = Path(__file__).parent / f"tinygan-{COMMIT}.whl"
STEPS, MORE = 2, 4  # where the earlier version stops, and where both versions go on to

# Runs commands of tinygan, and copies of folders between them, that stand in a file.
DRIVER = """
import json, pathlib, shutil, sys
import tinygan
from tinygan.cli import main
assert str(pathlib.Path(tinygan.__file__).parents[1]) == sys.argv[1], tinygan.__file__
for words in json.loads(pathlib.Path(sys.argv[2]).read_text()):
    if words[0] == "copy":
        shutil.copytree(words[1], words[2], symlinks=True)
    elif main(words):
        sys.exit(f"failed: {words}")
"""


class Case(NamedTuple):
    """A training: its system, its data, its settings as ``--set`` takes them, and options of ``tinygan sample``."""

    recipe: str
    settings: str = "latent=4 width=4"
    data: str = "strokes"
    samples: tuple[str, ...] = ("",)
    measured: bool = False  # by ``tinygan eval``


NETS = "latent=4 width_G=4 width_D=4"
LABELLED = "judge.labels=2 judge.labelled=4 judge.width=4"
CHARTS = "latent=2 code=8 width=4 orthonormal.tangents=2"
CLASS = ("", "--label 1")
CASES = {
    "gan": Case("gan", samples=("", "--truncation 0.7")),
    "dcgan": Case("dcgan", samples=("", "--standing 2", "--average 2"), measured=True),
    "dcgan, pressed": Case(
        "dcgan",
        "latent=4 width=4 orthonormal.eta=0.1 ortho=1e-4 clip=1.0 smoothing=0.1 penalty=r1 "
        "adam_G.schedule.kind=linear adam_G.schedule.over=4",
    ),
    "gan of points": Case("gan", "latent=4 width=4 net=perceptron", "ring"),
    "wgan": Case("wgan"),
    "wgan-gp": Case("wgan-gp"),
    "dragan": Case("dragan"),
    "lsgan": Case("lsgan"),
    "hinge": Case("hinge"),
    "r1": Case("r1"),
    "fgan": Case("fgan", "latent=4 width=4 divergence=pearson"),
    "ssgan": Case("ssgan", f"{NETS} self_modulated=true attention=14"),
    "cgan": Case("cgan", samples=CLASS),
    "acgan": Case("acgan", samples=CLASS),
    "pcgan": Case("pcgan", NETS, samples=CLASS),
    "gan-cls": Case("gan-cls", data="clothes", samples=("", "--text dark", "--text boot")),
    "infogan": Case("infogan", samples=("", "--sweep c1")),
    "began": Case("began"),
    "lapgan": Case("lapgan"),
    "lapgan of classes": Case("lapgan", "latent=4 width=4 classes=true", samples=CLASS),
    "gran": Case("gran", samples=("", "--sequence")),
    "cyclegan": Case("cyclegan", "width=4 blocks=1 pool=5", "strokes-edges", ()),
    "vae": Case("vae", "latent=4 width=16"),
    "flow": Case("flow", "width=8", "moons"),
    "scratchgan": Case("scratchgan", "", "patterns"),
    "draw": Case("draw", "glimpses=2 latent=4 width=8"),
    "glo": Case("glo", "images=16 latent=4 width=4"),
    "lgan": Case("lgan", CHARTS),
    "lgan of points": Case("lgan", "latent=1 code=8 width=4 orthonormal.tangents=1", "moons"),
    "sgan": Case("sgan", f"latent=4 width=4 {LABELLED} judge.minibatch=2 judge.weight_norm=true", measured=True),
    "lgan-semi": Case(
        "lgan-semi",
        f"{CHARTS} intrinsic.weight=0.1 intrinsic.after=1 intrinsic.tangents=2 {LABELLED}",
    ),
    "classifier": Case("classifier", "width=4", samples=(), measured=True),
}


def slug(name):
    """A case's name as that of a folder."""
    return name.replace(", ", "-").replace(" ", "-")


def training(name, backend):
    """The command that starts a case's training, in the current folder."""
    case = CASES[name]
    settings = ["log_every=1", "save_every=1", "keep=9", *case.settings.split()]
    options = [word for setting in settings for word in ("--set", setting)]
    return ["train", case.recipe, "--data", case.data, "--batch", "8", "--seed", "3", "--backend", backend, *options]


def sampling(name, run, folder):
    """The commands that sample a case's run, each with the file that it makes."""
    for i, options in enumerate(CASES[name].samples):
        number = [] if "--sweep" in options else ["-n", "5"]
        yield ["sample", run, *number, "--seed", "7", *options.split(), "--out", f"{folder}/{slug(name)}-{i}.npy"]


def measuring(name, run, folder):
    """The command that measures a case's run; it adds a line to a file."""
    return ["eval", run, "-n", "20", "--out", f"{folder}/{slug(name)}.jsonl"]


def make(folder, names, backend="reference"):
    """In ``folder``: runs first/NAME of STEPS steps, runs last/NAME of MORE steps, and of these samples/NAME-0.npy and
    samples/NAME.jsonl, what ``tinygan eval`` says."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(WHEEL) as wheel:
        wheel.extractall(folder / "package")
    clothes(folder / "clothes")
    (folder / "samples").mkdir()
    commands = []
    for name in names:
        first, last = f"first/{slug(name)}", f"last/{slug(name)}"
        commands.append([*training(name, backend), "--steps", str(STEPS), "--out", first])
        commands.append(["copy", first, last])
        commands.append(["train", "--resume", "--steps", str(MORE), "--out", last])
        commands.extend(sampling(name, last, "samples"))
        commands.extend([measuring(name, last, "samples")] if CASES[name].measured else [])
    (folder / "commands.json").write_text(json.dumps(commands))
    (folder / "driver.py").write_text(DRIVER)
    package = str(folder / "package")
    env = {**os.environ, "PYTHONPATH": package, "CUDA_VISIBLE_DEVICES": ""}
    words = [sys.executable, "driver.py", package, "commands.json"]
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def clothes(folder):
    """Pictures of two classes with names, for texts."""
    rng = np.random.default_rng(5)
    for label, lit in (("bag", 0.4), ("boot", 0.9)):
        (folder / label).mkdir(parents=True)
        for i in range(12):
            pixels = np.zeros((16, 16, 1), np.uint8)
            pixels[4:12, 4:12] = rng.integers(200 * lit, 255 * lit, (8, 8, 1))
            write_png(folder / label / f"{i:02d}.png", pixels)
