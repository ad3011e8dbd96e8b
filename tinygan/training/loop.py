"""The loop: batches in, steps, and what is written on the way.

Every random number of step t comes from a generator of its own, ``default_rng([seed, STEP, t])``, and its data from the
position t · (images a step) in an order that the seed fixes. So (seed, t) is the state of every generator and of the data:
a checkpoint holds it exactly, and a resumed run goes on bit for bit.
"""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from tinygan import __version__, kernels
from tinygan.core.layer import Array
from tinygan.data import Batch, Dataset, Sample
from tinygan.data.enumerated import Enumerated
from tinygan.data.labelled_subset import LabelledSubset
from tinygan.data.prefetch import Prefetch
from tinygan.data.sampler import Sampler
from tinygan.errors import FormatError, UsageError
from tinygan.formats.png import write_png
from tinygan.formats.safetensors import load
from tinygan.images.grid import picture_of
from tinygan.recipes import FewLabelled, Generative, OfText, Recipe, Tabled, find
from tinygan.recipes.shared.unconditional import Plain
from tinygan.sampling.request import ANY, Asked, images, latents, refuse, settled
from tinygan.training.checkpoint import (
    earlier_than,
    flatten,
    latest_checkpoint,
    load_checkpoint,
    restore,
    save_checkpoint,
)
from tinygan.training.execution import OnDevice, OnHost
from tinygan.training.finite import require_finite, require_finite_state
from tinygan.training.interrupt import Interrupt
from tinygan.training.progress import Progress
from tinygan.training.run import Config, Run

INIT, STEP, SHOWN, SAMPLE, SETTLE = 1, 2, 3, 5, 7  # the streams of a seed; data/order.py has 4, data/split.py 6
GRID = 64  # images in a sample grid


def recipe_of(config: Config, sample: Sample) -> Recipe:
    """The recipe of a configuration for samples like ``sample``."""
    recipe: Recipe = find(config.recipe).make(config.settings, sample)
    return recipe


def recipe_for(config: Config, data: Dataset) -> Recipe:
    """The recipe of a configuration for a data set; UsageError where they do not fit."""
    recipe = recipe_of(config, Sample(data.shape, len(data.classes), data.classes))
    data = part_of(recipe, data)
    taken = config.batch * recipe.batches
    if data.size is not None and taken > data.size:
        raise UsageError(f"a step takes {taken} images and {data.name} has {data.size}: choose a smaller --batch")
    few_of(recipe, data, config.seed)  # it and packs say what does not fit, before there is a run
    if isinstance(recipe, Plain):
        recipe.packs(config.batch)
    return recipe


def few_of(recipe: Recipe, data: Dataset, seed: int) -> LabelledSubset | None:
    """The samples whose labels a semi-supervised system may see; None for another. Raises UsageError."""
    return LabelledSubset(data, recipe.labels, recipe.labelled, seed) if isinstance(recipe, FewLabelled) else None


def part_of(recipe: Recipe, data: Dataset) -> Dataset:
    """What a system sees of the data: all, or the first images, of each of which it keeps a latent. Raises UsageError."""
    return Enumerated(data, recipe.images) if isinstance(recipe, Tabled) else data


def train(run: Run, recipe: Recipe, data: Dataset, interrupt: Interrupt) -> int:
    """Train ``run`` to its last step or until ``interrupt``; returns the step reached, which is saved.

    Raises Diverged at the first NaN or infinity; the checkpoints before it are kept.
    """
    config = run.config
    run.hold()
    data = part_of(recipe, data)
    order = Sampler(data.size, config.seed)
    taken = config.batch * recipe.batches
    facts = facts_of(config, data, recipe)
    state, step = first_or_latest(run, recipe, data, facts)
    if step > config.steps:
        raise UsageError(f"{run.path} is at step {step} already: ask for more than --steps {config.steps}")
    run.rewind(step)
    if step == 0 and isinstance(recipe, Generative):
        write_samples(run, "real", data.batch(order.indices(0, min(GRID, data.size or GRID)))[0])
    run.log(f"train from step {step} to {config.steps}: {fingerprint(config.backend)}")
    at = (OnDevice if config.backend == "cuda" else OnHost)(recipe, state)
    saved = step if latest_checkpoint(run.checkpoints) else None

    few = few_of(recipe, data, config.seed)

    def batch_of(step: int) -> Batch:
        batch = Batch(*data.batch(order.indices(step * taken, taken)))
        return few.prepend(step, batch) if few else batch

    with Progress(step, config.steps) as progress, Prefetch(batch_of, range(step, config.steps)) as batches:
        tick, began, waited = step, time.perf_counter(), 0.0
        while step < config.steps and not interrupt:
            batch = next(batches)
            with np.errstate(all="ignore"):  # require_finite tells of a NaN or an infinity
                at.step(batch, np.random.default_rng([config.seed, STEP, step]))
            step += 1
            due = step % config.log_every == 0 or step == config.steps
            if due or at.tells_at_once:
                log = at.tell()
                require_finite(step, log, lambda: at.state, recipe)
            if due:
                now = time.perf_counter()
                speed = (step - tick) * taken / (now - began)
                share = round((batches.waited - waited) / (now - began), 5)
                times = {"images/s": round(speed, 1), "seconds": round(now - began, 3), "waited": share}
                run.tick({"step": step, **log, **times})
                progress.show(step, log, speed)
                tick, began, waited = step, now, batches.waited
            if step % config.sample_every == 0:
                picture(run, recipe, at.state, step)
            if step % config.save_every == 0:
                saved = save(run, recipe, at.state, step, facts)
    if saved != step:
        save(run, recipe, at.state, step, facts)
    if not (run.samples / f"{step:06d}.png").exists():
        picture(run, recipe, at.state, step)
    run.log(f"{'interrupted' if interrupt else 'done'} at step {step}")
    return step


def facts_of(config: Config, data: Dataset, recipe: Recipe) -> dict[str, str]:
    """What a checkpoint says besides its state. With ``step`` it fixes every generator and the position in the data."""
    names = {"names": json.dumps(data.classes)} if isinstance(recipe, OfText) else {}  # its words are made of them
    return {
        "recipe": config.recipe,
        "data": f"{config.data}, {'endless' if data.size is None else data.size}",
        "shape": " ".join(map(str, data.shape)),
        "classes": str(len(data.classes)),
        "batch": str(config.batch),
        "seed": str(config.seed),
        **names,
    }


def first_or_latest(run: Run, recipe: Recipe, data: Dataset, facts: dict[str, str]) -> tuple[Any, int]:
    """The state of the newest checkpoint and its step, or the first state and 0; FormatError where facts differ."""
    first = recipe.init(np.random.default_rng([run.config.seed, INIT]))
    path = latest_checkpoint(run.checkpoints)
    if path is None:
        return (recipe.begin(first, data) if isinstance(recipe, Tabled) else first), 0
    state, metadata = load_checkpoint(path, first)
    metadata = {"classes": facts["classes"]} | metadata  # a checkpoint from before they were kept has none
    facts = facts | {"step": str(int(path.stem))}
    for name, fact in facts.items():
        if metadata.get(name) != fact:
            found = str(metadata.get(name))[:80]
            raise FormatError(f"{path}: its {name} is {found}, expected {fact[:80]}: move it away to go on")
    return state, int(path.stem)


def save(run: Run, recipe: Recipe, state: Any, step: int, facts: dict[str, str]) -> int:
    """A checkpoint of a finite state; returns its step."""
    require_finite_state(step, state, recipe)
    save_checkpoint(run.checkpoints, step, state, facts | {"step": str(step)}, keep=run.config.keep)
    return step


def picture(run: Run, recipe: Recipe, state: Any, step: int) -> None:
    """samples/STEP.png of a finite state, where the system makes samples: of the same latents at every step."""
    if isinstance(recipe, Generative):
        require_finite_state(step, state, recipe)
        z = recipe.latents(GRID, np.random.default_rng([run.config.seed, SHOWN]))
        write_samples(run, f"{step:06d}", recipe.sample(state, z))


def restored(run: Run, path: Path | None = None) -> tuple[Recipe, Any]:
    """The recipe of a run and the state of its checkpoint ``path``, the newest where none is given. Raises FormatError."""
    path = path or latest_checkpoint(run.checkpoints)
    if path is None:
        raise FormatError(f"{run.path} has no checkpoint yet: train it first, tinygan train --resume --out {run.path}")
    tensors, metadata = load(path, digest=True)
    try:
        shape = tuple(map(int, metadata["shape"].split()))
        classes = int(metadata.get("classes", 1))  # from before they were kept: of recipes without labels
        names = tuple(map(str, json.loads(metadata.get("names", "[]"))))
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise FormatError(
            f"{path}: no shape, classes or names in its metadata, expected a checkpoint of tinygan train"
        ) from error
    recipe = recipe_of(run.config, Sample(shape, classes, names))
    return recipe, restore(recipe.init(np.random.default_rng(0)), tensors)


def averaged(run: Run, n: int) -> tuple[Recipe, Any]:
    """The newest state with the mean of its last n checkpoints for every real number, weights and running values first
    (Izmailov et al. 2018, alg. 1). Raises UsageError, FormatError."""
    kept = earlier_than(run.checkpoints, run.config.steps + 1)
    if not 2 <= n <= len(kept):
        raise UsageError(
            f"--average is a number of checkpoints from 2 on, and {run.path} has {len(kept)} (keep in its config.toml): got {n}"
        )
    last = [restored(run, path) for path in kept[-n:]]
    recipe, state = last[-1]
    each = [flatten(s) for _, s in last]
    mean = {
        name: np.mean([a[name] for a in each], axis=0, dtype=np.float64).astype(a.dtype)
        for name, a in each[-1].items()
        if a.dtype.kind == "f"
    }
    return recipe, restore(state, each[-1] | mean)


def sample(run: Run, n: int, seed: int, asked: Asked = ANY) -> Array:
    """n images (n, H, W, C) in [-1, 1] of what is ``asked`` from the newest checkpoint of a run. Raises UsageError.

    Of a sweep they are (rows, columns, H, W, C), of its own number; of a sequence (n, steps, H, W, C).
    """
    recipe, state = restored(run) if asked.average is None else averaged(run, asked.average)
    if not isinstance(recipe, Generative):
        raise UsageError(
            f"{run.path}: {run.config.recipe} makes no samples: see tinygan eval of a classifier, translate of a cyclegan"
        )
    refuse(recipe, run.config.recipe, asked)
    z = latents(recipe, asked, n, np.random.default_rng([seed, SAMPLE]))
    state = settled(recipe, state, asked, np.random.default_rng([seed, SETTLE]))
    return images(recipe, state, asked, z)


def write_samples(run: Run, name: str, images: Array) -> None:
    """Images, or points, as samples/NAME.png."""
    write_png(run.samples / f"{name}.png", picture_of(images))


def fingerprint(backend: str) -> str:
    """On what a run ran: bits are only promised again for the same."""
    return (
        f"tinygan {__version__}, numpy {np.__version__}, Python {platform.python_version()}, "
        f"backend {backend if backend == 'cuda' else kernels.cpu_backend()}, "
        f"precision {kernels.precision_in_force()}, {platform.machine()}"
    )
