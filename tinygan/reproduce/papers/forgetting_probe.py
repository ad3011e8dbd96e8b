"""Forgetting (a): a linear probe on the blocks of D during training (Chen et al. 2019, figure 2 and table 3).

The discriminators are those of ``reproduce ssgan --only cifar``, with and without the rotation loss, from the same runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygan.core.compose import Composite, Residual
from tinygan.core.layer import Array, apply
from tinygan.core.net import Net
from tinygan.core.tree import tree_views
from tinygan.data import Dataset
from tinygan.metrics import probe
from tinygan.recipes.systems.ssgan import SSGAN
from tinygan.reproduce.harness.experiment import (
    Claim,
    Experiment,
    Job,
    Result,
    Work,
    figures_of,
    over_seeds,
    random_indices,
)
from tinygan.reproduce.papers.ssgan import CIFAR, OWN_SETTINGS, PLAIN, ROTATION, options

TRAIN, TEST, BLOCK = 5000, 2000, 250  # images to train the probe, to test it, and per forward pass
L2 = 1e-2
METHODS = (PLAIN, ROTATION)
PUBLISHED = {PLAIN: "0.778 (CIFAR-10, best block)", ROTATION: "0.799 (with sBN)"}


def block_features(D: Net, theta: Array, x: Array) -> list[Array]:
    """The outputs of each residual block of D for images x, averaged over the quarters of the image: (n, 4C) per block."""
    assert isinstance(D.f, Composite)
    X, found = x[None], []
    for f, p in zip(D.f.children, tree_views(D.f.tree("shapes"), theta), strict=True):
        X, _ = apply(f, p, X)
        if isinstance(f, Residual):
            n, H, W, C = X[0].shape
            cut = X[0][:, : H - H % 2, : W - W % 2].reshape(n, 2, H // 2, 2, W // 2, C)
            found.append(cut.mean(axis=(2, 4)).reshape(n, 4 * C))
    return found


def features(D: Net, theta: Array, data: Dataset, n: int) -> tuple[list[Array], Array]:
    """The ``block_features`` of n images of a set, and their labels."""
    parts, labels = [], []
    for part in np.split(random_indices(data, n), range(BLOCK, n, BLOCK)):
        x, label = data.batch(part)
        parts.append(block_features(D, theta, x))
        labels.append(label["class"])
    return [np.concatenate(each) for each in zip(*parts, strict=True)], np.concatenate(labels)


def run(job: Job, work: Work) -> dict[str, Any]:
    """The accuracy of the probe on each block at each checkpoint."""
    known, unknown = work.open(CIFAR.data, least=TRAIN), work.open(CIFAR.data, "test", least=TEST)
    steps, accuracy = [], []
    for step, recipe, state in work.history("ssgan", CIFAR.data, **options(CIFAR, job["method"], job["seed"])):
        assert isinstance(recipe, SSGAN)
        D = recipe.D.eval(state.D_running)
        (x, label), (y, truth) = features(D, state.D, known, TRAIN), features(D, state.D, unknown, TEST)
        fits = [probe.fit(each, label, of=len(known.classes), l2=L2) for each in x]
        steps.append(step)
        accuracy.append([probe.probe_accuracy(fit, each, truth) for fit, each in zip(fits, y, strict=True)])
    return {"steps": steps, "accuracy": accuracy}


def claims(results: Sequence[Result]) -> list[Claim]:
    """The final accuracy on the last block and on the best one (chosen on the same test images); the loss increases both."""
    found = []
    for what, of in (("last block", lambda blocks: blocks[-1]), ("best block", max)):
        medians = []
        for method in METHODS:
            values = [of(f["accuracy"][-1]) for f in figures_of(results, method=method)]
            published = PUBLISHED[method] if what == "best block" else ""
            found.append(over_seeds(f"final accuracy of the probe, {what}, {method}", values, published=published))
            medians.append(found[-1].value)
        found.append(Claim(f"gain by the rotation loss, {what}, % points", 100 * (medians[1] - medians[0]), ">=", 1e-9))
    return found


def draw(results: Sequence[Result], folder: Path) -> list[Path]:
    """The accuracy on the last block during training: median and range over seeds."""
    from tinygan.reproduce.harness.plot import curves, quantile_band

    steps = sorted(
        set.intersection(*(set(r.figures["steps"]) for r in results))
    )  # without steps that an interrupted run has lost
    rows = {}
    for method in METHODS:
        found = [dict(zip(f["steps"], f["accuracy"], strict=True)) for f in figures_of(results, method=method)]
        rows[method] = quantile_band([[blocks[step][-1] for step in steps] for blocks in found])
    path = folder / "probe.png"
    title = "a linear probe on D's last block, CIFAR-10 (JPEG): median and range of 3 seeds"
    curves(path, steps, rows, xlabel="steps", ylabel="accuracy", title=title)
    return [path]


JOBS = [{"method": method, "seed": seed} for seed in range(3) for method in METHODS]
EXPERIMENTS = [
    Experiment(
        "probe",
        "a linear probe on the blocks of D during training, CIFAR-10",
        {"training": options(CIFAR, PLAIN, 0) | {"seed": ""}, "own": OWN_SETTINGS, "probe": [TRAIN, TEST, L2]},
        JOBS,
        run,
        claims,
        draw,
    )
]
