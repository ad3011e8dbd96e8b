"""The loop: batches in, steps, and what is written on the way.

Every random number of step t comes from a generator of its own, ``default_rng([seed, STEP, t])``, and its data from the
position t · batch in an order that the seed fixes. So (seed, t) is the state of every generator, a checkpoint holds it
exactly, and a resumed run goes on bit for bit.
"""

from __future__ import annotations

import math
import platform
import time
from typing import Any

import numpy as np

from tinygan import __version__, kernels
from tinygan.checkpoint import flatten, latest_checkpoint, load_checkpoint, save_checkpoint
from tinygan.data import Dataset
from tinygan.data.order import Order
from tinygan.data.png import write_png
from tinygan.errors import Diverged, FormatError, UsageError
from tinygan.grid import make_grid
from tinygan.interrupt import Interrupt
from tinygan.layer import Array
from tinygan.progress import Progress
from tinygan.recipes import Recipe, find
from tinygan.run import Config, Run

INIT, STEP, SHOWN = 0, 1, 2  # the streams of a seed
GRID = 64  # images in a sample grid


def make(config: Config, shape: tuple[int, ...]) -> Recipe:
    """The recipe of a configuration for samples of ``shape``."""
    recipe: Recipe = find(config.recipe).make(config.settings, shape)
    return recipe


def fit(config: Config, data: Dataset) -> Recipe:
    """The recipe of a configuration for a data set; UsageError where they do not fit."""
    recipe = make(config, data.shape)
    taken = config.batch * recipe.batches
    if data.size is not None and taken > data.size:
        raise UsageError(f"a step takes {taken} images and {data.name} has {data.size}: choose a smaller --batch")
    return recipe


def train(run: Run, recipe: Recipe, data: Dataset, interrupt: Interrupt) -> int:
    """Train ``run`` to its last step or until ``interrupt``; returns the step reached, which is saved.

    Raises Diverged at the first NaN or infinity; the checkpoints before it are kept.
    """
    config = run.config
    run.hold()
    order = Order(data.size, config.seed)
    taken = config.batch * recipe.batches
    state, step = restore(run, recipe)
    run.rewind(step)
    z = recipe.latents(GRID, np.random.default_rng([config.seed, SHOWN]))
    if step == 0:
        show(run, "real", data.batch(order.indices(0, min(GRID, data.size or GRID)))[0])
    run.log(f"train from step {step} to {config.steps}: {fingerprint()}")
    saved = step if latest_checkpoint(run.checkpoints) else None
    with Progress(step, config.steps) as progress:
        tick, began = step, time.perf_counter()
        while step < config.steps and not interrupt:
            batch, _ = data.batch(order.indices(step * taken, taken))
            with np.errstate(all="ignore"):  # a NaN or an infinity is found by check
                state, log = recipe.step(state, batch, np.random.default_rng([config.seed, STEP, step]))
            step += 1
            check(step, log, state, recipe)
            if step % config.log_every == 0 or step == config.steps:
                now = time.perf_counter()
                speed = (step - tick) * taken / (now - began)
                run.tick({"step": step, **log, "images/s": round(speed, 1), "seconds": round(now - began, 3)})
                progress.show(step, log, speed)
                tick, began = step, now
            if step % config.sample_every == 0 or step == config.steps:
                show(run, f"{step:06d}", recipe.sample(state, z))
            if step % config.save_every == 0 or step == config.steps:
                saved = save(run, recipe, state, step, data.shape)
    if saved != step:
        save(run, recipe, state, step, data.shape)
    run.log(f"{'interrupted' if interrupt else 'done'} at step {step}")
    return step


def restore(run: Run, recipe: Recipe) -> tuple[Any, int]:
    """The state of the newest checkpoint and its step, or the first state and 0."""
    first = recipe.init(np.random.default_rng([run.config.seed, INIT]))
    path = latest_checkpoint(run.checkpoints)
    if path is None:
        return first, 0
    state, metadata = load_checkpoint(path, first)
    return state, _step(path, metadata)


def save(run: Run, recipe: Recipe, state: Any, step: int, shape: tuple[int, ...]) -> int:
    """One checkpoint with everything: the state, and (seed, step), which fix every generator and the data's position."""
    check(step, {}, state, recipe)
    config = run.config
    metadata = {
        "recipe": config.recipe,
        "data": config.data,
        "shape": " ".join(map(str, shape)),
        "seed": str(config.seed),
        "step": str(step),
        "position": str(step * config.batch * recipe.batches),
        "tinygan": __version__,
    }
    save_checkpoint(run.checkpoints, step, state, metadata, keep=config.keep)
    return step


def sample(run: Run, n: int, seed: int) -> Array:
    """n images (n, H, W, C) in [-1, 1] from the newest checkpoint of a run."""
    from tinygan.safetensors import load

    path = latest_checkpoint(run.checkpoints)
    if path is None:
        raise FormatError(f"{run.path} has no checkpoint yet: train it first, tinygan train --resume --out {run.path}")
    metadata = load(path, digest=True)[1]
    try:
        shape = tuple(map(int, metadata["shape"].split()))
    except (KeyError, ValueError) as error:
        raise FormatError(f"{path}: no shape in its metadata, expected a checkpoint of tinygan train") from error
    recipe = make(run.config, shape)
    state, _ = load_checkpoint(path, recipe.init(np.random.default_rng(0)))
    rng = np.random.default_rng([seed, SHOWN])
    z = recipe.latents(n, rng)
    return np.concatenate([recipe.sample(state, z[i : i + GRID]) for i in range(0, n, GRID)])


def check(step: int, log: dict[str, float], state: Any, recipe: Recipe) -> None:
    """Diverged where a logged number, or with an empty log any array of the state, is not finite; it names which."""
    wrong = [f"{name} is {value}" for name, value in log.items() if not math.isfinite(value)]
    if log and not wrong:
        return
    leaves = flatten(state)
    nets = {f"{name} {part}": a for name, net in recipe.nets.items() for part, a in net.view(leaves.pop(name)).items()}
    arrays = nets | leaves
    broken = [name for name, a in arrays.items() if not np.isfinite(a).all()]
    if wrong or broken:
        what = wrong[0] if wrong else f"{broken[0]} is not finite"
        where = f" (in the new state, first {broken[0]})" if wrong and broken else ""
        raise Diverged(f"diverged at step {step}: {what}{where}; earlier checkpoints are kept: lower the learning rate")


def show(run: Run, name: str, images: Array) -> None:
    """A grid of images as samples/NAME.png."""
    write_png(run.samples / f"{name}.png", make_grid(images))


def fingerprint() -> str:
    """On what a run ran: bits are only promised again for the same."""
    return (
        f"tinygan {__version__}, numpy {np.__version__}, Python {platform.python_version()}, "
        f"backend {kernels.cpu_backend()}, {platform.machine()}"
    )


def _step(path: Any, metadata: dict[str, str]) -> int:
    try:
        return int(metadata["step"])
    except (KeyError, ValueError) as error:
        raise FormatError(f"{path}: no step in its metadata, expected a checkpoint of tinygan train") from error
