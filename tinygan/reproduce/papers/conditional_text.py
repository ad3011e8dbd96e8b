"""Text to image on Fashion-MNIST with composed captions: do mismatched pairs help D, and do images match their captions?

D's last layers, the width and the steps were chosen on seed 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.data import Batch, Dataset
from tinygan.data.captions import BRIGHTNESS_WORDS
from tinygan.evaluation.extractors import open_features
from tinygan.images.grid import make_grid
from tinygan.metrics.agreement import agreement
from tinygan.recipes.systems.gan_cls import GANCLS, mismatched
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, over_seeds
from tinygan.reproduce.harness.picture import write_picture

SIDES = WITH, WITHOUT = "with", "without"
DATA, STEPS, BATCH, SETTINGS = "fashion-mnist", 1500, 64, {"width": 16}
PAIRED, MADE, BLOCK = 10_000, 2000, 500  # test pairs for D; captions for G; images per forward pass
SHOWN = ("dark sneaker", "bright pullover", "middle ankle boot", "dark dress")  # the rows of the picture


def run(job: Job, work: Work) -> dict[str, Any]:
    """D's logits on matching and mismatched test pairs; the agreement of images with test captions, in class and brightness."""
    settings = SETTINGS | {"wrong": 0.5 if job["wrong pairs"] == WITH else 0.0}
    recipe, state = work.train("gan-cls", DATA, steps=STEPS, batch=BATCH, seed=job["seed"], settings=settings)
    assert isinstance(recipe, GANCLS)
    test, extractor = work.open(DATA, "test", least=MADE), open_features(DATA)[0]
    x, labels = test.batch(np.arange(MADE))
    rng, word = np.random.default_rng(job["seed"]), recipe.captions.word(x)
    made = images(recipe, state, recipe.with_noise(recipe.captions.compose(word, labels["class"]), rng))
    logits, on_real = (extractor(each)[1] for each in (made, x))
    assert logits is not None and on_real is not None
    if job == JOBS[0]:
        z = np.concatenate([recipe.of_text(text, 10, rng) for text in SHOWN])
        work.pictures.mkdir(parents=True, exist_ok=True)
        write_picture(work.pictures / "text.png", make_grid(images(recipe, state, z), nrow=10))
    return {
        "right less wrong": right_less_wrong(recipe, state, test),
        "class": agreement(logits, labels["class"]),
        "class of real images": agreement(on_real, labels["class"]),
        "brightness": float((recipe.captions.word(made) == word).mean()),
        "variance": within(made, word, labels["class"]) / within(x, word, labels["class"]),
    }


def images(recipe: GANCLS, state: Any, z: Array) -> Array:
    """G's images for rows [t, z], in blocks."""
    return np.concatenate([recipe.sample(state, z[i : i + BLOCK]) for i in range(0, len(z), BLOCK)])


def within(x: Array, word: Array, label: Array) -> float:
    """E‖x − E x‖² within a caption, averaged over images."""
    caption = len(BRIGHTNESS_WORDS) * label + word
    parts = (x[caption == k].reshape(int((caption == k).sum()), -1) for k in np.unique(caption))
    return float(sum(part.var(axis=0).sum() * len(part) for part in parts)) / len(x)


def right_less_wrong(recipe: GANCLS, state: Any, data: Dataset) -> float:
    """The mean of s_real − s_wrong (D's logits in evaluation mode) over the first PAIRED images. Captions are mismatched
    within a block."""
    D, gaps = recipe.D.eval(state.D_running), []
    for i in range(0, PAIRED, BLOCK):
        batch = Batch(*data.batch(np.arange(i, i + BLOCK)))
        t = recipe.texts(batch)
        right, wrong = (D.forward(state.D, recipe.d_view(batch.x, u))[0] for u in (t, t[mismatched(t)]))
        gaps.append(float((right - wrong).mean()))
    return float(np.mean(gaps))


def claims(results: Sequence[Result]) -> list[Claim]:
    def of(figure: str, pairs: str, scale: float = 100.0) -> list[float]:
        return [scale * r.figures[figure] for r in results if r.job["wrong pairs"] == pairs]

    what, gap = "mean of D(x, t) - D(x, t'), logits", {pairs: of("right less wrong", pairs, 1.0) for pairs in SIDES}
    less = min(a - b for a, b in zip(gap[WITH], gap[WITHOUT], strict=True))
    named, lit = "class as in the text, %", "brightness as in the text, %"
    return [
        over_seeds(f"{what}, with wrong pairs", gap[WITH], ">=", 1.0),
        over_seeds(f"{what}, without", gap[WITHOUT]),
        Claim("with − without, smallest of the seeds", less, ">=", 0.0),
        over_seeds(f"{named}, with", of("class", WITH), ">=", 85.0),
        over_seeds(f"{named}, without", of("class", WITHOUT)),
        over_seeds(f"{named}, real images", of("class of real images", WITH)),
        over_seeds(f"{lit}, with", of("brightness", WITH)),
        over_seeds(f"{lit}, without", of("brightness", WITHOUT)),
        *(over_seeds(f"variance within captions, % of real images, {p}", of("variance", p)) for p in SIDES),
    ]


def draw(results: Sequence[Result], folder: Path) -> list[Path]:
    """The picture of the first job: a row of images for each text of SHOWN."""
    return [path for path in (folder / "text.png",) if path.exists()]


JOBS = [{"wrong pairs": pairs, "seed": seed} for seed in range(3) for pairs in SIDES]
EXPERIMENTS = [
    Experiment(
        "text",
        "Fashion-MNIST with composed captions, D with and without mismatched pairs, 3 seeds: medians",
        {"steps": STEPS, "batch": BATCH, "settings": SETTINGS},
        JOBS,
        run,
        claims,
        draw,
    )
]
